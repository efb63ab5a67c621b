import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparePlaced, isOrderKey, type OrderKey, type Placed } from '../../src/format/order.ts';
import { type Fold, type Table, Wal, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { lastData } from '../../src/table/fold.ts';
import { inScratch } from '../support/scratch.ts';

interface Task {
  readonly title: string;
  readonly done: boolean;
  readonly urgency: number;
}

/** Tasks that are to be done, the most urgent first. */
const tasks: Fold<Task> = {
  name: 'tasks',
  version: 1,
  apply: (value, record) => lastData.apply(value, record) as Task | undefined,
  order: ({ value, ts }) => (value.done ? undefined : [value.urgency, ts]),
};

const MANY = 4000;
const OPTIONS: WalOptions = { durability: 'os' };
const idOf = (i: number) => `t-${String(i).padStart(5, '0')}`;
const taskOf = (i: number): Task => ({
  title: `Task ${i}, of which there is something to say that takes some room`,
  done: i % 10 !== 0,
  urgency: (i * 7919) % 5,
});

/** Runs `body` with a log, which is closed after it: that ends its watches, too. */
async function inLog(body: (directory: string, wal: Wal) => Promise<void>, fold?: Fold<Task>): Promise<void> {
  await inScratch('snapshot', async (directory) => {
    const wal = await Wal.open(directory, { ...OPTIONS, fold: fold as Fold | undefined });
    try {
      await body(directory, wal);
    } finally {
      await wal.close();
    }
  });
}

/** Runs `body` with a log of many tasks, compacted, all but the last few hundred. */
async function inTasks(body: (directory: string, wal: Wal) => Promise<void>): Promise<void> {
  await inLog(async (directory, wal) => {
    const entries = Array.from({ length: MANY }, (_, i) => ({
      op: 'set',
      id: idOf(i),
      data: taskOf(i),
      ts: i,
    }));
    await wal.appendBatch(entries);
    await wal.compact({ fold: tasks, retain: 1 });
    await body(directory, wal);
  }, tasks);
}

const inOrderByHand = (table: Table<Task>): string[] =>
  table
    .list(({ value }) => !value.done)
    .sort((a, b) => a.value.urgency - b.value.urgency || a.ts - b.ts || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);

test('of a large snapshot a table reads its index, and then what it is asked for', () =>
  inTasks(async (directory) => {
    let bytesRead = 0;
    const read = (file: StorageFile, target: Buffer, position: number) => {
      const count = file.read(target, position);
      bytesRead += count;
      return count;
    };
    const storage = changedStorage({}, { read });
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...OPTIONS, readOnly: true });
    const toOpen = bytesRead;
    const [snapshot] = readdirSync(directory).filter((name) => name.startsWith('snapshot-')) as [string];
    const size = readFileSync(join(directory, snapshot)).length;
    assert.ok(size > 600_000, `${size} bytes`);
    assert.ok(toOpen < size / 20, `${toOpen} of ${size} bytes read to open the log`);
    bytesRead = 0;
    const table = await wal.table({ fold: tasks });
    assert.deepEqual([table.size, table.seq], [MANY, MANY]);
    assert.ok(bytesRead < size / 20, `${bytesRead} of ${size} bytes read to open it`);
    bytesRead = 0;
    assert.deepEqual(table.get(idOf(1234)), taskOf(1234));
    assert.deepEqual(
      [table.has(idOf(1235)), table.has('t-01234x'), table.has('zz'), table.has('')],
      [true, false, false, false],
    );
    const [first] = table.inOrder();
    assert.equal(first?.value.urgency, 0);
    assert.ok(
      bytesRead < size / 4,
      `${bytesRead} of ${size} bytes read for three ids and the first in order`,
    );
    await wal.close();
  }));

test('items by the fields of their value are those that a function would find, of the snapshot and of what came after', () =>
  inTasks(async (_, wal) => {
    const table = await wal.table({ fold: tasks });
    const check = () => {
      for (const [done, urgency] of [
        [false, 3],
        [true, 0],
        [false, 9],
      ] as const)
        assert.deepEqual(
          table.list({ done, urgency }),
          table.list(({ value }) => value.done === done && value.urgency === urgency),
        );
    };
    check();
    assert.equal(table.list({ done: false }).length, MANY / 10);
    assert.deepEqual(table.list({}).length, MANY);
    for (let i = 0; i < 40; i++) {
      if (i % 3 === 0) await table.update(idOf(i), (value) => ({ ...(value as Task), done: !value?.done }));
      else if (i % 3 === 1) await wal.append({ op: 'delete', id: idOf(i) });
      else await wal.append({ op: 'set', id: `u-${i}`, data: { ...taskOf(0), urgency: 9 } });
    }
    check();
    assert.equal(table.list({ urgency: 9 }).length, 13);
    await table.transaction((tx) => {
      tx.set('v-1', { ...taskOf(0), urgency: 9 });
      assert.equal(tx.list({ urgency: 9 }).length, 14);
    });
    const others = [new Map([['done', true]]), new Set(['done']), new Date(), /done/, new (class Done {})()];
    for (const filter of [
      null,
      [],
      'done',
      ...others,
      async () => false,
      { done: undefined },
      { done: 1n },
      { done: () => {} },
    ])
      assert.throws(() => table.list(filter as never), { code: 'ERR_WAL_ARGUMENT' });
  }));

test('items come in the order of the fold, before and after changes, in a transaction, and anew after another compaction', () =>
  inTasks(async (directory, wal) => {
    const table = await wal.table({ fold: tasks });
    const check = (each: Table<Task>) =>
      assert.deepEqual(
        [...each.inOrder()].map(({ id }) => id),
        inOrderByHand(each),
      );
    check(table);
    for (let i = 0; i < 60; i++) {
      if (i % 3 === 0)
        await table.update(idOf(i * 5), (value) => ({ ...(value as Task), done: !value?.done }));
      else if (i % 3 === 1) await wal.append({ op: 'delete', id: idOf(i * 10) });
      else await wal.append({ op: 'set', id: `u-${i}`, data: { ...taskOf(0), urgency: (i % 7) - 1 } });
    }
    check(table);
    const claimed = await table.transaction((tx) => {
      const [first] = tx.inOrder();
      if (first === undefined) throw new Error('none');
      tx.set(first.id, { ...first.value, done: true });
      assert.notEqual([...tx.inOrder()][0]?.id, first.id);
      return first.id;
    });
    assert.equal(table.get(claimed)?.done, true);
    check(table);
    await wal.compact({ fold: tasks, retain: 1 });
    check(table);
    const again = await Wal.open(directory, { readOnly: true });
    const reopened = await again.table({ fold: tasks });
    check(reopened);
    assert.deepEqual(reopened.list(), table.list());
    await again.close();
  }));

test('a change while items are gone through in order is seen by those to come', () =>
  inTasks(async (_, wal) => {
    const table = await wal.table({ fold: tasks });
    const expected = inOrderByHand(table);
    const seen: string[] = [];
    for (const { id } of table.inOrder()) {
      seen.push(id);
      if (seen.length === 3) await wal.append({ op: 'delete', id: expected[5] as string });
      if (seen.length === 6) await wal.append({ op: 'set', id: 'last', data: { ...taskOf(0), urgency: 99 } });
    }
    assert.deepEqual(seen, [...expected.filter((_, i) => i !== 5), 'last']);
  }));

test('a change while a table is gone through by id is seen by those to come', () =>
  inTasks(async (_, wal) => {
    const table = await wal.table({ fold: tasks });
    const seen: string[] = [];
    for (const { id, value } of table) {
      seen.push(id);
      if (seen.length === 3) await wal.append({ op: 'delete', id: idOf(5) });
      if (seen.length === 6)
        await wal.append({ op: 'set', id: idOf(9), data: { ...taskOf(9), urgency: 99 } });
      if (id === idOf(9)) assert.equal(value.urgency, 99);
      if (seen.length === 8) await wal.append({ op: 'set', id: 'zz', data: taskOf(0) });
    }
    const expected = Array.from({ length: MANY }, (_, i) => idOf(i)).filter((id) => id !== idOf(5));
    assert.deepEqual(seen, [...expected, 'zz']);
  }));

const byNumber: Fold<{ n: number }> = {
  name: 'by number',
  version: 1,
  apply: (value, record) => lastData.apply(value, record) as { n: number } | undefined,
  order: ({ value }) => value.n,
};

for (const where of ['in lines', 'in a snapshot', 'in both'] as const) {
  test(`items ${where} that a change follows each are gone through once, by id and in order`, () =>
    inLog(async (_, wal) => {
      const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const [n, id] of ids.entries()) {
        await wal.append({ op: 'set', id, data: { n } });
        if (where === 'in a snapshot' ? id === 'f' : where === 'in both' && id === 'c')
          await wal.compact({ fold: byNumber, retain: 1 });
      }
      const table = await wal.table({ fold: byNumber });
      const through = async (items: Iterable<{ readonly id: string }>) => {
        const seen: string[] = [];
        for (const { id } of items) {
          seen.push(id);
          await wal.append({ op: 'set', id: 'a', data: { n: 0 } });
          if (seen.length > ids.length) break;
        }
        return seen;
      };
      assert.deepEqual(await through(table), ids);
      assert.deepEqual(await through(table.inOrder()), ids);
    }));
}

test('an item in a snapshot whose value holds a wanted field at two depths is listed once', () =>
  inLog(async (_, wal) => {
    await wal.append({ op: 'set', id: 'a', data: { state: 'open', was: { state: 'open' } } });
    await wal.append({ op: 'set', id: 'b', data: { state: 'open' } });
    await wal.compact({ fold: lastData, retain: 1 });
    const table = await wal.table();
    const idsOf = () => table.list({ state: 'open' }).map(({ id }) => id);
    assert.deepEqual(idsOf(), ['a', 'b']);
    await wal.append({ op: 'set', id: 'a', data: { state: 'open' } });
    assert.deepEqual(idsOf(), ['a', 'b']);
  }));

test('a fold whose order throws, or is none, is told with the id', () =>
  inLog(async (_, wal) => {
    await wal.append({ op: 'set', id: 'bd-1', data: taskOf(1) });
    const orders: [string, unknown][] = [
      ['throws', () => assert.fail('no')],
      ['NaN', () => Number.NaN],
      ['an object', () => ({})],
      ['null in an array', () => [1, null]],
    ];
    for (const [name, order] of orders) {
      const fold = { ...tasks, order } as Fold<Task>;
      const table = await wal.table({ fold });
      assert.throws(() => [...table.inOrder()], { code: 'ERR_WAL_FOLD', message: /bd-1/ }, name);
      await assert.rejects(wal.compact({ fold }), { code: 'ERR_WAL_FOLD' }, name);
    }
    await assert.rejects(wal.table({ fold: { ...tasks, order: 5 } as never }), { code: 'ERR_WAL_ARGUMENT' });
    const unordered = await wal.table();
    assert.throws(() => unordered.inOrder(), { code: 'ERR_WAL_ARGUMENT' });
  }));

test('a snapshot made without an order is refused to a fold of the same name and version that has one', () =>
  inTasks(async (_, wal) => {
    const { order: _order, ...unordered } = tasks;
    await assert.rejects(wal.table({ fold: unordered }), { code: 'ERR_WAL_FOLD', message: /had an order/ });
  }));

test('damage that is come upon later is told, and the table falls back to the snapshot before', () =>
  inLog(async (directory, wal) => {
    for (const round of [0, 1]) {
      const entries = Array.from({ length: MANY }, (_, i) => ({
        op: 'set',
        id: idOf(i),
        data: { ...taskOf(i), round },
        ts: i,
      }));
      await wal.appendBatch(entries);
      await wal.compact({ fold: tasks });
    }
    const table = await wal.table({ fold: tasks });
    const watch = table.watch();
    // What it was before cannot be told any more.
    const ended = assert.rejects(watch.next(), { code: 'ERR_WAL_CORRUPT' });
    // Should something else fail first, that is to be told.
    ended.catch(() => {});
    const newest = join(
      directory,
      readdirSync(directory)
        .filter((name) => name.startsWith('snapshot-'))
        .sort()
        .at(-1) as string,
    );
    const bytes = readFileSync(newest);
    const at = bytes.indexOf('Task 2000,');
    bytes[at] = 'X'.charCodeAt(0);
    // In place: the table has the file open.
    writeFileSync(newest, bytes);
    assert.equal(table.get(idOf(1))?.title, taskOf(1).title);
    assert.throws(
      () => table.get(idOf(2000)),
      (error: { code: string; segment: string; offset: number }) => {
        assert.deepEqual(
          [error.code, error.segment],
          ['ERR_WAL_CORRUPT', newest.slice(directory.length + 1)],
        );
        return error.offset <= at;
      },
    );
    const { title } = await table.transaction((tx) => tx.get(idOf(2000)) as Task);
    assert.equal(title, taskOf(2000).title);
    assert.deepEqual(
      table.list().map(({ rev }) => rev),
      Array.from({ length: MANY }, (_, i) => MANY + i + 1),
    );
    // A watch that went on as if nothing were would tell this.
    await wal.append({ op: 'set', id: 'x', data: taskOf(0) });
    await ended;
    // It does not become the next snapshot's.
    await wal.compact({ fold: tasks });
    const again = await Wal.open(directory, { readOnly: true });
    assert.equal((await again.table({ fold: tasks })).get(idOf(2000))?.title, taskOf(2000).title);
    await again.close();
  }, tasks));

test('order keys sort as their text says: numbers, strings, and arrays of both', () => {
  const sorted: OrderKey[] = [
    [],
    -1,
    [-1, 0],
    0,
    [0, 'a'],
    10,
    '',
    '10',
    '2',
    ['a', 1],
    ['a', 'b'],
    ['a', 'b', 0],
  ];
  assert.ok(sorted.every(isOrderKey));
  const placed = sorted.map((order, i) => ({ order, id: String(i) }));
  for (const [i, a] of placed.entries())
    for (const [j, b] of placed.entries())
      assert.equal(Math.sign(comparePlaced(a, b)), Math.sign(i - j), `${i} ${j}`);
  const part = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ unit: 'binary' }));
  const key = fc.oneof(part, fc.array(part, { maxLength: 3 }));
  const place = fc.record({ order: key, id: fc.string() }) as fc.Arbitrary<Placed>;
  fc.assert(
    fc.property(place, place, place, (a, b, c) => {
      assert.equal(Math.sign(comparePlaced(a, b)) + Math.sign(comparePlaced(b, a)), 0);
      if (comparePlaced(a, b) <= 0 && comparePlaced(b, c) <= 0) assert.ok(comparePlaced(a, c) <= 0);
    }),
  );
});
