import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { type Fold, type Item, type Table, Wal, type WalError } from '../../src/index.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { CatchUpBuffer, RecentLines } from '../../src/table/catch-up-buffer.ts';
import { lastData } from '../../src/table/fold.ts';
import { makeSnapshot, segmentsOf } from '../support/make-snapshot.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096, durability: 'os' } as const;

/** Counts the records of an id. */
const counting: Fold<{ count: number; ops: readonly string[] }> = {
  name: 'counting',
  version: 1,
  apply: (value, { op }) => ({ count: (value?.count ?? 0) + 1, ops: [...(value?.ops ?? []), op] }),
};

/** A log of several segments. */
async function fill(directory: string, entries = 120): Promise<void> {
  const wal = await Wal.open(directory, SMALL);
  for (let i = 0; i < entries; i++) {
    const id = `bd-${i % 10}`;
    if (i % 13 === 12) wal.appendSync({ op: 'delete', id });
    else wal.appendSync({ op: 'set', id, data: { n: i, text: 'x'.repeat(100) }, ts: i });
  }
  await wal.close();
}

/** What the default fold comes to, by hand. */
async function expected(directory: string): Promise<Item[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  const items = new Map<string, Item>();
  for await (const { id, op, seq: rev, ts, data } of wal.read()) {
    if (op === 'delete') items.delete(id);
    else items.set(id, { id, rev, ts, value: data, version: (items.get(id)?.version ?? 0) + 1 });
  }
  await wal.close();
  return [...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function tableOf<V, R>(
  directory: string,
  body: (table: Table<V>, wal: Wal) => R | Promise<R>,
  options: { fold?: Fold<V>; readOnly?: boolean } = {},
): Promise<R> {
  const { fold, readOnly = true } = options;
  const wal = await Wal.open(directory, { ...SMALL, readOnly });
  try {
    return await body(await wal.table({ fold }), wal);
  } finally {
    await wal.close();
  }
}

test('a table holds the last data of each id, by id, until it is deleted', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const table = await wal.table<{ n: number } | null>();
    assert.deepEqual([table.size, table.seq, table.list(), table.get('a')], [0, 0, [], undefined]);
    await wal.append({ op: 'add', id: 'b', data: { n: 1 }, ts: 1 });
    await wal.append({ op: 'add', id: 'a', ts: 2 });
    await wal.append({ op: 'touch', id: 'b', ts: 3 });
    await wal.appendBatch([
      { op: 'add', id: 'c', data: { n: 3 }, ts: 4 },
      { op: 'delete', id: 'c' },
    ]);
    // What this Wal appended is there at once.
    assert.deepEqual(table.list(), [
      { id: 'a', rev: 2, ts: 2, value: null, version: 1 },
      { id: 'b', rev: 3, ts: 3, value: { n: 1 }, version: 2 },
    ]);
    assert.deepEqual([...table], table.list());
    assert.deepEqual(
      table.list(({ value }) => value?.n === 1).map(({ id }) => id),
      ['b'],
    );
    assert.deepEqual([table.size, table.seq, table.has('a'), table.has('c')], [2, 5, true, false]);
    await wal.append({ op: 'delete', id: 'b' });
    await wal.append({ op: 'add', id: 'b', data: { n: 9 }, ts: 7 });
    assert.deepEqual(table.item('b'), { id: 'b', rev: 7, ts: 7, value: { n: 9 }, version: 1 });
    await wal.close();
  });
});

test('refresh reads what others appended, and a read-only Wal has tables too', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const reader = await Wal.open(directory, { readOnly: true });
    const tables = [await wal.table(), await reader.table()];
    const other = await Wal.open(directory, SMALL);
    for (let i = 1; i <= 100; i++) {
      other.appendSync({ op: 'set', id: `a${i % 7}`, data: 'x'.repeat(i) });
      if (i % 9 !== 0) continue;
      for (const table of tables) {
        assert.equal(await table.refresh(), i);
        assert.equal(table.get(`a${i % 7}`), 'x'.repeat(i));
      }
    }
    assert.ok(segmentsOf(directory).length > 1);
    for (const table of tables) assert.equal(table.size, 7);
    for (const each of [wal, reader, other]) await each.close();
    await assert.rejects((tables[0] as Table).refresh(), { code: 'ERR_WAL_CLOSED' });
    assert.throws(() => (tables[0] as Table).get('a1'), { code: 'ERR_WAL_CLOSED' });
  });
});

test('ids that mean something to JavaScript, and ids of any characters, are ids like others', async () => {
  await inScratch('table', async (directory) => {
    const ids = [
      '__proto__',
      'constructor',
      'toString',
      'é',
      '"quoted"',
      'back\\slash',
      '\u{1f600}',
      '\ud800',
      'x\n',
    ];
    const wal = await Wal.open(directory, SMALL);
    const table = await wal.table();
    for (const id of ids) assert.equal(table.has(id), false);
    for (const id of ids) await wal.append({ op: 'set', id, data: { [id]: id } });
    for (let i = 0; i < 60; i++) await wal.append({ op: 'set', id: 'fill', data: 'x'.repeat(200) });
    const check = (each: Table) => {
      assert.deepEqual(
        each.list().map(({ id }) => id),
        [...ids, 'fill'].sort(),
      );
      for (const id of ids) assert.deepEqual(Object.entries(each.get(id) as object), [[id, id]]);
      for (const id of ids) assert.deepEqual(each.list({ [id]: id }), [each.item(id)]);
    };
    check(table);
    await wal.close();
    await makeSnapshot(directory, lastData, { trim: true });
    await tableOf(directory, check);
  });
});

test('no id is empty; one may be as long as an entry, and is an id like others in a snapshot too', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const table = await wal.table<number>();
    const long = 'x'.repeat(300_000);
    const ids = ['a', long, `${long}\u{1f600}`, `${long}y`, 'y', `${'y'.repeat(300_000)}`];
    for (const [n, id] of ids.entries()) await table.update(id, () => n);
    await assert.rejects(
      table.update('', () => 1),
      { code: 'ERR_WAL_ENTRY' },
    );
    const check = (each: Table<number>) => {
      assert.deepEqual(
        each.list().map(({ id, value }) => [id, value]),
        ids.map((id, n) => [id, n]).sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
      );
      for (const [n, id] of ids.entries()) assert.equal(each.get(id), n);
      for (const id of ['', long.slice(1), `${long}x`]) assert.equal(each.has(id), false);
    };
    check(table);
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.close();
    await tableOf<number, void>(directory, check);
  });
});

test('each record is folded once: when a table is asked, its own Wal’s; others’ when it is refreshed', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const other = await Wal.open(directory, SMALL);
    let folded = 0;
    const fold: Fold<number> = { name: 'folds', version: 1, apply: () => ++folded };
    const table = await wal.table({ fold });
    for (let i = 0; i < 50; i++) await wal.append({ op: 'set', id: 'a', data: 'x'.repeat(200) });
    assert.equal(folded, 0);
    for (let i = 0; i < 2; i++) assert.deepEqual([table.get('a'), folded], [50, 50]);
    for (let i = 0; i < 50; i++) await other.append({ op: 'set', id: 'a', data: 'x'.repeat(200) });
    assert.deepEqual([table.get('a'), folded], [50, 50]);
    for (let i = 0; i < 2; i++) assert.deepEqual([await table.refresh(), folded], [100, 100]);
    for (const each of [wal, other]) await each.close();
  });
});

test('nobody can change a table’s state through what it gives out', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const kept: unknown[] = [];
    const fold: Fold<{ data: unknown }> = {
      name: 'keeper',
      version: 1,
      apply: (_, { data }) => {
        const value = { data, own: [{}] };
        kept.push(value);
        return value;
      },
    };
    const tables = [await wal.table(), await wal.table({ fold: fold as Fold })];
    await wal.append({ op: 'set', id: 'a', data: { list: [{ n: 1 }] } });
    const isDeepFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isDeepFrozen));
    for (const table of tables) {
      const given = [table.item('a'), ...table.list(), ...table];
      assert.equal(given.length, 3);
      for (const item of given) assert.ok(isDeepFrozen(item));
    }
    assert.ok(kept.length > 0 && kept.every(isDeepFrozen));
    await wal.close();
  });
});

for (const trim of [false, true]) {
  test(`a table from a snapshot and the lines after it is that of all lines${trim ? ', which are gone' : ''}`, async () => {
    await inScratch('table', async (directory) => {
      await fill(directory);
      const whole = await expected(directory);
      await makeSnapshot(directory, lastData, { trim });
      await tableOf(directory, (table) => {
        assert.equal(table.has('bd-1'), true);
        assert.deepEqual(table.item('bd-1'), whole[1]);
        assert.deepEqual([table.list(), table.seq], [whole, 120]);
      });
    });
  });
}

test('a damaged snapshot is passed over for an older one, then for the segments, and without them said to be damaged', async () => {
  await inScratch('table', async (directory) => {
    await fill(directory);
    const whole = await expected(directory);
    const [, second, , fourth] = segmentsOf(directory).map(({ firstSeq }) => firstSeq);
    const older = await makeSnapshot(directory, lastData, { before: second as number });
    const newer = await makeSnapshot(directory, lastData, { before: fourth as number });
    const list = () => tableOf(directory, (table) => table.list());
    for (const path of [newer, older]) {
      const bytes = readFileSync(path);
      const at = bytes.lastIndexOf('x');
      bytes[at] = 'y'.charCodeAt(0);
      writeFileSync(path, bytes);
      assert.deepEqual(await list(), whole);
    }
    for (const { name, firstSeq } of segmentsOf(directory)) {
      if (firstSeq < (fourth as number)) rmSync(join(directory, name));
    }
    await assert.rejects(list(), { code: 'ERR_WAL_CORRUPT', segment: basename(newer) });
  });
});

for (const [where, isEmpty] of [
  ['before the last segment', false],
  ['at the head', true],
] as const) {
  test(`a snapshot ${where} that the lines do not follow is passed over for the lines it was made of`, async () => {
    await inScratch('table', async (directory) => {
      await fill(directory);
      const whole = await expected(directory);
      if (isEmpty) {
        const wal = await Wal.open(directory, SMALL);
        await wal.compact({ fold: lastData });
        await wal.close();
        await (await Wal.open(directory, SMALL)).close();
        rmSync(join(directory, snapshotName(120)));
        assert.equal(segmentsOf(directory).at(-1)?.firstSeq, 121);
      }
      const empty: Fold<unknown> = { ...lastData, apply: () => undefined };
      await makeSnapshot(directory, empty, { crc: '12345678' });
      assert.deepEqual(await tableOf(directory, (table) => table.list()), whole);
    });
  });
}

test('a snapshot of another fold is passed over while all lines remain, and refused when they do not', async () => {
  await inScratch('table', async (directory) => {
    await fill(directory);
    await makeSnapshot(directory, counting as Fold<unknown>);
    const whole = await expected(directory);
    assert.deepEqual(await tableOf(directory, (table) => table.list()), whole);
    await makeSnapshot(directory, counting as Fold<unknown>, { trim: true });
    await assert.rejects(
      tableOf(directory, () => {}),
      (error: WalError) => error.code === 'ERR_WAL_FOLD' && /counting/.test(error.message),
    );
    await assert.rejects(
      tableOf(directory, () => {}, { fold: { ...counting, version: 2 } }),
      { code: 'ERR_WAL_FOLD' },
    );
    const count = await tableOf(directory, (table) => table.get('bd-1')?.count, { fold: counting });
    assert.equal(count, 12);
    await tableOf(
      directory,
      async (_, wal) => {
        const request = { expect: { rev: 0 } };
        await assert.rejects(wal.append({ op: 'set', id: 'new' }, request), { code: 'ERR_WAL_FOLD' });
        await wal.append({ op: 'set', id: 'new' });
      },
      { fold: counting, readOnly: false },
    );
  });
});

test('a segment missing in the middle is told, not folded across', async () => {
  await inScratch('table', async (directory) => {
    await fill(directory);
    const [, second] = segmentsOf(directory);
    rmSync(join(directory, second?.name as string));
    await assert.rejects(
      tableOf(directory, () => {}),
      { code: 'ERR_WAL_DIVERGED' },
    );
  });
});

const BAD_VALUES: readonly (readonly [string, unknown])[] = [
  ['a BigInt', { n: 1n }],
  ['a function', { f: () => {} }],
  ['NaN', [Number.NaN]],
  ['a Date', { at: new Date(0) }],
  ['a promise', Promise.resolve(1)],
  ['a cycle', Object.assign([], { 0: {} })],
];
(BAD_VALUES.at(-1)?.[1] as object[])[0] = BAD_VALUES.at(-1)?.[1] as object[];

for (const [name, value] of [...BAD_VALUES, ['an error', undefined] as const]) {
  test(`a fold that comes to ${name} is told, with the place; the table stays as it was before that record`, async () => {
    await inScratch('table', async (directory) => {
      const fold: Fold = {
        name: 'bad',
        version: 1,
        apply: (_, { op, data }) => {
          if (op !== 'bad') return data;
          if (value === undefined) throw new Error('no');
          return value;
        },
      };
      const wal = await Wal.open(directory, SMALL);
      const table = await wal.table({ fold });
      await wal.append({ op: 'set', id: 'a', data: 1 });
      await wal.appendBatch([
        { op: 'set', id: 'a', data: 2 },
        { op: 'bad', id: 'b' },
      ]);
      const told = (error: WalError) => {
        assert.deepEqual([error.code, error.seq, error.segment], ['ERR_WAL_FOLD', 3, segmentName(1)]);
        assert.ok(error.cause instanceof Error);
        return true;
      };
      await assert.rejects(table.refresh(), told);
      await wal.append({ op: 'set', id: 'c', data: 3 });
      await assert.rejects(table.refresh(), told);
      // A line is folded in whole or not at all.
      assert.deepEqual([table.seq, table.get('a'), table.size], [1, 1, 1]);
      await assert.rejects(
        table.transaction(() => {}),
        (error: WalError) => told(error) && error.outcome === 'not-written',
      );
      await assert.rejects(wal.table({ fold }), told);
      assert.equal((await wal.table()).size, 3);
      await wal.close();
    });
  });
}

test('what is no fold is refused', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const { apply } = lastData;
    const bad = [
      1,
      {},
      { name: '', version: 1, apply },
      { name: 'a', version: 0, apply },
      { name: 'a', version: 1 },
    ];
    for (const fold of bad)
      await assert.rejects(wal.table({ fold: fold as never }), { code: 'ERR_WAL_ARGUMENT' });
    await assert.rejects(wal.table({ reducer: lastData } as object), { code: 'ERR_WAL_ARGUMENT' });
    await wal.close();
    await assert.rejects(wal.table(), { code: 'ERR_WAL_CLOSED' });
  });
});

test('a log that is replaced while its table is loaded gives the table of what is there now', async () => {
  await inScratch('table', async (directory) => {
    const [log, older] = [join(directory, 'log'), join(directory, 'older')];
    await fill(log, 20);
    cpSync(log, older, { recursive: true });
    await fill(log, 10);
    let swapped = false;
    const swap = () => {
      if (swapped) return;
      swapped = true;
      renameSync(log, join(directory, 'away'));
      cpSync(older, log, { recursive: true });
    };
    // It is opened first for the tail, then to read the lines: after that it is too late for those.
    const last = segmentsOf(log).at(-1)?.name as string;
    let opened = 0;
    const storage: Storage = {
      ...nodeStorage,
      open: (path, access, mode) => {
        const file = nodeStorage.open(path, access, mode);
        if (path.endsWith(last) && ++opened === 2) swap();
        return file;
      },
    };
    const wal = await Wal.openIn(changedEnvironment({ storage }), log, { readOnly: true });
    const table = await wal.table();
    assert.equal(swapped, true);
    assert.deepEqual([table.seq, table.list()], [20, await expected(older)]);
    await wal.close();
  });
});

test('a damaged end is told by a table as it is by reading, and lines that count before it are not lost', async () => {
  await inScratch('table', async (directory) => {
    await fill(directory, 5);
    const wal = await Wal.open(directory, { readOnly: true });
    const table = await wal.table();
    appendFileSync(join(directory, segmentName(1)), 'no line of a log\n');
    await assert.rejects(table.refresh(), { code: 'ERR_WAL_CORRUPT' });
    assert.deepEqual(table.list(), (await tableOfLines(wal)).list);
    await assert.rejects(wal.table(), { code: 'ERR_WAL_CORRUPT' });
    await wal.close();
  });
});

async function tableOfLines(wal: Wal): Promise<{ list: Item[] }> {
  const items = new Map<string, Item>();
  for await (const { id, seq: rev, ts, data } of wal.read({ onDamage: 'skip' }))
    items.set(id, { id, rev, ts, value: data, version: (items.get(id)?.version ?? 0) + 1 });
  return { list: [...items.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

test('lines that nobody asked for do not pile up', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, { durability: 'os' });
    let folded = 0;
    const fold: Fold<number> = {
      name: 'last',
      version: 1,
      apply: (n = 0) => {
        folded++;
        return n + 1;
      },
    };
    const table = await wal.table({ fold });
    const data = 'x'.repeat(100_000);
    for (let i = 0; i < 40; i++) await wal.append({ op: 'set', id: 'a', data });
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(folded > 20, `${folded} records were folded in`);
    assert.deepEqual([table.get('a'), folded], [40, 40]);
    await wal.close();
  });
});

test('of the lines that a tail tells, those before an interruption are not kept', () => {
  const [one, two] = [Buffer.from('one'), Buffer.from('two')] as [Buffer, Buffer];
  const heard = new RecentLines();
  const inbox = new CatchUpBuffer(100, () => {});
  for (const listener of [heard, inbox]) {
    listener.line(one, 0, 3, 1, undefined);
    listener.interrupted();
    listener.line(two, 0, 3, 4, undefined);
  }
  assert.deepEqual(heard.lines, [{ line: two, segment: 4, envelope: undefined }]);
  assert.deepEqual([inbox.isInterrupted, inbox.isEmpty], [true, true]);
});
