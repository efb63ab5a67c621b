import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { type Fold, Wal } from '../../src/index.ts';
import { entry, files, fill, inLog, SMALL, SNAPSHOT, seqsFrom } from '../support/small-log.ts';

const summing: Fold<number> = {
  name: 'sum',
  version: 1,
  apply: (sum = 0, { data }) => sum + (data as { n: number }).n,
};

test('a log compacted with one fold is refused to another, and stays as it is', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: summing, retain: 1 });
    const before = files(directory, /./);
    await fill(wal, 1, 21);
    for (const refused of [() => wal.compact(), () => wal.table(), () => wal.stateAt(21)])
      await assert.rejects(refused, {
        code: 'ERR_WAL_FOLD',
        message: /a backup from before is in .*backups/,
      });
    assert.equal((await wal.table({ fold: summing })).get('bd-1'), 1 + 11 + 21);
    for (const name of before) assert.ok(readdirSync(directory).includes(name), name);
  }));

test('another fold is refused to compact a log though all its entries are there, and though nothing is new', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: { ...summing, version: 2 } });
    const before = files(directory, /./);
    for (const more of [0, 1]) {
      await fill(wal, more);
      for (const fold of [undefined, summing])
        await assert.rejects(wal.compact({ fold, retain: 1 }), { code: 'ERR_WAL_FOLD', seq: 20 });
      for (const name of before) assert.ok(readdirSync(directory).includes(name), name);
    }
  }));

test('a later version of a fold makes its own snapshot, also where nothing is new, and deletes nothing until it has another', () =>
  inLog('compact', async (wal, directory) => {
    const later = { ...summing, version: 2 };
    await fill(wal, 20);
    await wal.compact({ fold: summing });
    await fill(wal, 20, 21);
    await wal.compact({ fold: summing, retain: Number.POSITIVE_INFINITY });
    for (const made of [true, false]) {
      const report = await wal.compact({ fold: later });
      assert.deepEqual([report.seq, report.made], [40, made]);
      assert.equal((await seqsFrom(wal)).length, 40);
    }
    await fill(wal, 20, 41);
    await wal.compact({ fold: later });
    assert.equal((await wal.table({ fold: later })).get('bd-1'), 1 + 11 + 21 + 31 + 41 + 51);
    assert.deepEqual(await wal.oldest(), 41);
    assert.equal(files(directory, SNAPSHOT).length, 2);
    await assert.rejects(wal.compact({ fold: { ...later, version: 3 } }), { code: 'ERR_WAL_FOLD' });
  }));

test('a fold that throws, or answers what JSON cannot keep, leaves the log as it is, and is told where', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    const broken: readonly (readonly [() => unknown, RegExp])[] = [
      [
        () => {
          throw new Error('no');
        },
        /: no\./,
      ],
      [() => 1n, /answer is a bigint/],
      [() => ({ a: [0, { 'b c': Number.NaN }] }), /answer\.a\[1\]\["b c"\] is NaN, which JSON cannot keep/],
      [() => [new Array(1)], /answer\[0\]\[0\] is undefined/],
      [() => ({ at: new Date(0) }), /answer\.at is an instance of Date/],
      [() => new Map(), /answer is an instance of Map/],
      [() => new (class List extends Array {})(), /answer is an instance of List/],
    ];
    for (const [apply, message] of broken)
      await assert.rejects(wal.compact({ fold: { name: 'broken', version: 1, apply } }), {
        code: 'ERR_WAL_FOLD',
        message,
      });
    assert.deepEqual(files(directory, SNAPSHOT), []);
    assert.deepEqual(files(directory, /tmp$/), []);
    assert.equal((await seqsFrom(wal)).length, 20);
  }));

test('what a fold adds to the value before is checked and frozen; what it takes over stays as it was', () =>
  inLog('compact', async (wal) => {
    const fold: Fold<Record<string, unknown>> = {
      name: 'adds',
      version: 1,
      apply: (value, { data }) =>
        value === undefined
          ? { list: [data] }
          : { ...value, ...(data === 'bad' ? { toString: Object.prototype.toString } : { added: [data] }) },
    };
    const table = await wal.table({ fold });
    await wal.append({ op: 'set', id: 'a', data: 1 });
    const { list } = table.get('a') ?? {};
    await wal.append({ op: 'set', id: 'a', data: 2 });
    const value = table.get('a');
    assert.deepEqual(value, { list: [1], added: [2] });
    assert.equal(value?.list, list);
    for (const each of [value, list, value?.added]) assert.ok(Object.isFrozen(each));
    await wal.append({ op: 'set', id: 'a', data: 'bad' });
    await assert.rejects(table.refresh(), {
      code: 'ERR_WAL_FOLD',
      message: /answer\.toString is a function/,
    });
  }));

test('a fold may answer plain objects of another realm; its -0 is 0 once a snapshot has it', () =>
  inLog('compact', async (wal) => {
    await fill(wal, 20);
    const made = runInNewContext('() => ({ n: [-0] })') as () => { n: number[] };
    const fold: Fold<{ n: number[] }> = { name: 'realm', version: 1, apply: made };
    const before = await wal.table({ fold });
    assert.deepEqual(JSON.stringify(before.get('bd-1')), '{"n":[0]}');
    before.close();
    await wal.compact({ fold, retain: 1 });
    assert.ok(Object.is((await wal.table({ fold })).get('bd-1')?.n[0], 0));
  }));

test('an append that expects a rev of a log compacted with another fold is refused, and says that it wrote nothing', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: { name: 'other', version: 1, apply: () => 1 }, retain: 1 });
    const other = await Wal.open(directory, SMALL);
    await assert.rejects(other.append(entry('bd-1', 1), { expect: { rev: 1 } }), {
      code: 'ERR_WAL_FOLD',
      outcome: 'not-written',
    });
    await other.close();
  }));
