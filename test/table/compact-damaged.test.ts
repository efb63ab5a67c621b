import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENVELOPE_BYTES } from '../../src/format/line.ts';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { lastData, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';
import { entry, files, fill, inLog, SEGMENT, SMALL, SNAPSHOT, stateOf } from '../support/small-log.ts';

test('a damaged snapshot is passed over: the state is made of the one before it and of what leads on from there', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact({ fold: lastData });
    await fill(wal, 40, 41);
    await wal.compact({ fold: lastData });
    await fill(wal, 3, 81);
    const before = await stateOf(directory);
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    for (const at of [bytes.length - 30, 20]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(newest, damaged);
      assert.deepEqual(await stateOf(directory), before);
      const next = await Wal.open(directory, SMALL);
      assert.equal((await next.head()).seq, 83);
      await next.close();
    }
  }));

test('a compaction with nothing new does not take a damaged snapshot for whole: it makes it anew before it deletes what that could be made of', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact({ fold: lastData });
    await fill(wal, 40, 41);
    await wal.compact({ fold: lastData });
    const before = await stateOf(directory);
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    const at = bytes.indexOf('"text":"x') + 10;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(newest, bytes);
    assert.equal((await wal.compact({ fold: lastData, retain: 1 })).made, true);
    assert.deepEqual(await stateOf(directory), before);
    assert.equal(files(directory, SNAPSHOT).length, 1);
    assert.equal((await wal.compact({ fold: lastData, retain: 1 })).made, false);
  }));

test('a compaction that cannot go on from a damaged snapshot is refused, and nothing is deleted', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact({ fold: lastData, retain: 1 });
    const [newest] = files(directory, SNAPSHOT) as [string];
    const bytes = readFileSync(join(directory, newest));
    const at = bytes.indexOf('"text":"x') + 10;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(join(directory, newest), bytes);
    await fill(wal, 40, 41);
    const before = files(directory, SEGMENT);
    for (let n = 0; n < 2; n++) {
      await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), { code: 'ERR_WAL_CORRUPT' });
      assert.deepEqual(files(directory, SNAPSHOT), [newest]);
      assert.deepEqual(files(directory, SEGMENT).slice(0, before.length), before);
    }
  }));

test('keys that a damaged snapshot held are known from the one before it and from what leads on from there, and the log can be compacted again', () =>
  inLog('compact', async (wal, directory) => {
    for (let n = 1; n <= 20; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact({ fold: lastData });
    for (let n = 21; n <= 40; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact({ fold: lastData });
    await wal.append(entry('bd-1', 41), { key: 'key-41' });
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    const at = bytes.indexOf('"key":"key-7"') + 8;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(newest, bytes);
    const next = await Wal.open(directory, SMALL);
    try {
      for (const n of [1, 7, 20, 21, 40, 41]) {
        const { seq, duplicate } = await next.append(entry('bd-1', n), { key: `key-${n}` });
        assert.deepEqual([seq, duplicate], [n, true]);
      }
      assert.equal((await next.append(entry('bd-1', 42), { key: 'key-42' })).seq, 42);
      assert.equal((await next.compact({ fold: lastData })).made, true);
    } finally {
      await next.close();
    }
  }));

test('a key that only a damaged snapshot may know is refused: an append of it could double one', () =>
  inLog('compact', async (wal, directory) => {
    await wal.append(entry('bd-1', 1), { key: 'key-1' });
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 40, 2);
    const [newest] = files(directory, SNAPSHOT) as [string];
    const bytes = readFileSync(join(directory, newest));
    for (const spoilt of ['', bytes.toString().replace('"key-1"', '"key-X"')]) {
      writeFileSync(join(directory, newest), spoilt);
      const next = await Wal.open(directory, SMALL);
      try {
        for (const key of ['key-1', 'a new key'])
          await assert.rejects(next.append(entry('bd-1', 1), { key }), {
            code: 'ERR_WAL_CORRUPT',
            segment: newest,
            outcome: 'not-written',
          });
        assert.equal((await next.head()).seq, 41);
      } finally {
        await next.close();
      }
    }
  }));

/** Runs `body` with a log of which nothing is left but a snapshot that is empty, and the entry after it, if asked. */
async function withNamed(seq: number, hasNext: boolean, body: (directory: string) => Promise<void>) {
  await inScratch('compact', async (directory) => {
    await (await Wal.open(directory, SMALL)).close();
    for (const name of readdirSync(directory)) if (/^(0|wal\.mark)/.test(name)) rmSync(join(directory, name));
    writeFileSync(join(directory, snapshotName(seq)), '');
    if (hasNext) {
      const text = '"data":{"n":1},"id":"bd-1","op":"update"';
      const bytes = Buffer.alloc(text.length + ENVELOPE_BYTES);
      const place = { seq: seq + 1, synced: 0, ts: 0, prev: '12345678', writer: 'aaaaaaaa.1', crc: '' };
      writeFileSync(
        join(directory, segmentName(seq + 1)),
        bytes.subarray(0, writeLine(bytes, 0, text, place, 1)),
      );
    }
    await body(directory);
  });
}

for (const hasNext of [false, true])
  test(`after a salvage no number of a damaged snapshot is given again, however many${hasNext ? ', nor moved' : ''}`, () =>
    withNamed(150_000, hasNext, async (directory) => {
      const { lost, entries } = await Wal.repair(directory, { mode: 'salvage' });
      const segment = snapshotName(150_000);
      assert.deepEqual(lost, [{ from: 1, to: 150_000, segment, offset: 0, cause: 'snapshot' }]);
      assert.equal(entries, hasNext ? 1 : 0);
      const wal = await Wal.open(directory, SMALL);
      try {
        assert.equal((await wal.append(entry('bd-1', 2))).seq, hasNext ? 150_002 : 150_001);
        const { ok } = await wal.verify();
        assert.equal(ok, true);
      } finally {
        await wal.close();
      }
    }));

test('a salvage is refused, with its plan, where a snapshot’s name tells of more than is filled up', () =>
  withNamed(20_000_000, true, async (directory) => {
    const before = readdirSync(directory);
    for (const dryRun of [true, false]) {
      await assert.rejects(Wal.repair(directory, { mode: 'salvage', dryRun }), {
        code: 'ERR_WAL_CORRUPT',
        segment: snapshotName(20_000_000),
      });
      assert.deepEqual(
        readdirSync(directory).filter((name) => name !== 'backups'),
        before,
      );
    }
  }));
