import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, type Fold, lastData, Wal } from '../../src/index.ts';
import {
  changedEnvironment,
  changedFile,
  changedStorage,
  type FileChanges,
  systemError,
} from '../../src/lab/wrapped-storage.ts';
import { realEnvironment } from '../../src/setup/environment.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';

const entry = (n: number) => ({ op: 'update', id: `bd-${n % 3}`, data: n, ts: n * 1000 });

function inLog(body: (wal: Wal) => Promise<void>): Promise<void> {
  return inScratch('past', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    try {
      await body(wal);
    } finally {
      await wal.close();
    }
  });
}

const sum: Fold<number> = {
  name: 'sum',
  version: 1,
  apply: (value = 0, { op, data = 0 }) => (op === 'delete' ? undefined : value + (data as number)),
};

const append = async (wal: Wal, from: number, to: number) => {
  for (let n = from; n <= to; n++) await wal.append(entry(n));
};

const valuesAt = async (wal: Wal, at: number | { time: number }) => {
  const { items } = await wal.stateAt(at);
  return items.map(({ value }) => value);
};

test('the state as it was after every entry is what the table held then', () =>
  inLog(async (wal) => {
    const table = await wal.table();
    const states = [table.list()];
    for (let n = 1; n <= 60; n++) {
      await wal.append(n % 7 === 0 ? { op: 'delete', id: `bd-${n % 3}` } : entry(n));
      states.push(table.list());
      if (n === 20 || n === 40) await wal.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
    }
    for (const [seq, items] of states.entries()) {
      const from = seq >= 40 ? 40 : seq >= 20 ? 20 : 0;
      assert.deepEqual(await wal.stateAt(seq), { seq, items, applied: seq - from, skipped: 60 - seq });
    }
    await assert.rejects(wal.stateAt(61), { code: 'ERR_WAL_ARGUMENT', message: /ends at entry 60/ });
  }));

test('at a time every entry counts that is not dated later, also one of a batch, wherever it lies', () =>
  inLog(async (wal) => {
    await append(wal, 1, 3);
    await wal.append({ ...entry(31), ts: Date.UTC(2031, 0) });
    await wal.appendBatch([entry(4), entry(9), entry(5)]);
    await wal.append({ ...entry(11), ts: 2000 });
    const at = async (time: number) => {
      const { seq, items, applied, skipped } = await wal.stateAt({ time });
      return [items.map(({ value }) => value), seq, applied, skipped];
    };
    assert.deepEqual(await at(999), [[], 0, 0, 8]);
    assert.deepEqual(await at(1000), [[1], 1, 1, 7]);
    assert.deepEqual(await at(4000), [[3, 4, 11], 8, 5, 3]);
    assert.deepEqual(await at(9000), [[9, 4, 11], 8, 7, 1]);
    assert.deepEqual(await at(Date.UTC(2031, 0)), [[9, 4, 11], 8, 8, 0]);
  }));

/** What an entry of 2091 did, of which the state after the next entries shows nothing. */
const LATE: readonly (readonly [what: string, entry: Entry, next: Entry])[] = [
  ['an id that stays', { op: 'add', id: 'late' }, entry(5)],
  ['an id that it deleted', { op: 'delete', id: 'bd-2' }, entry(4)],
  ['a value that a later entry added to', { op: 'update', id: 'bd-2', data: 100 }, entry(5)],
  ['an id that was deleted since', { op: 'add', id: 'late' }, { op: 'delete', id: 'late', ts: 5000 }],
];

for (const [what, late, next] of LATE) {
  test(`at a time a snapshot made of an entry dated later (${what}) is left, or refused where it alone tells`, () =>
    inLog(async (wal) => {
      const year2091 = Date.UTC(2091, 0);
      await append(wal, 1, 3);
      await wal.compact({ fold: sum, retain: 2 });
      await wal.append({ ...late, ts: year2091 });
      await wal.append(next);
      await wal.compact({ fold: sum, retain: 2 });
      await append(wal, 6, 6);
      const added = [next.data as number | undefined, 6].filter((n) => n !== undefined);
      const folded = [3, 1, 2].map((value, id) =>
        added.reduce((sum, n) => sum + (n % 3 === id ? n : 0), value),
      );
      const past = await wal.stateAt({ time: 6000 }, { fold: sum });
      assert.deepEqual(
        [past.items.map(({ value }) => value), past.seq, past.applied, past.skipped],
        [folded, 6, 2, 1],
      );
      const whole = await wal.stateAt({ time: year2091 }, { fold: sum });
      assert.deepEqual([whole.items, whole.applied], [(await wal.table({ fold: sum })).list(), 1]);
      await wal.compact({ fold: sum, retain: 1 });
      await assert.rejects(wal.stateAt({ time: 6000 }, { fold: sum }), {
        code: 'ERR_WAL_COMPACTED',
        seq: 6,
        message: /entry 6 on, or from 2091-01-01/,
      });
      assert.deepEqual((await wal.stateAt({ time: year2091 }, { fold: sum })).items, whole.items);
    }));
}

test('what lies before the oldest snapshot is refused, and it says from where on it can be told', () =>
  inLog(async (wal) => {
    await append(wal, 1, 10);
    // The log's own entry is dated now, and is in no state.
    await wal.raiseKeyWindow(200_000);
    await wal.compact({ fold: lastData, retain: 1 });
    await append(wal, 11, 20);
    for (const moment of [0, 10, { time: 9999 }])
      await assert.rejects(wal.stateAt(moment), {
        code: 'ERR_WAL_COMPACTED',
        seq: 11,
        message: /from entry 11 on, or from 1970-01-01T00:00:10.000Z/,
      });
    assert.deepEqual(await valuesAt(wal, 11), [9, 10, 8]);
    assert.deepEqual(await valuesAt(wal, { time: 10_000 }), [9, 10, 8]);
    assert.deepEqual(await valuesAt(wal, 13), [12, 10, 11]);
    assert.deepEqual(await valuesAt(wal, { time: 12_999 }), [12, 10, 11]);
    await wal.append({ ...entry(21), ts: Number.MAX_SAFE_INTEGER });
    await wal.compact({ fold: lastData, retain: 1 });
    await assert.rejects(wal.stateAt({ time: 12_999 }), { message: /from entry 22 on: / });
  }));

test('in the middle of a batch there was no state; a fold of another kind than the snapshots is folded from the records', () =>
  inLog(async (wal) => {
    await wal.appendBatch([entry(1), entry(2), entry(3)]);
    await append(wal, 4, 6);
    await assert.rejects(wal.stateAt(2), { code: 'ERR_WAL_ARGUMENT', message: /middle of an atomic batch/ });
    await wal.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
    for (const [seq, sums] of [
      [5, [3, 5, 7]],
      [6, [9, 5, 7]],
    ] as const) {
      const { items, applied } = await wal.stateAt(seq, { fold: sum });
      assert.deepEqual([items.map(({ value }) => value), applied], [sums, seq]);
    }
  }));

test('a moment that is none is refused', () =>
  inLog(async (wal) => {
    for (const moment of [-1, 1.5, Number.NaN, null, {}, { time: 'soon' }, 'now'])
      await assert.rejects(wal.stateAt(moment as number), { code: 'ERR_WAL_ARGUMENT' });
    await assert.rejects(wal.stateAt('5' as unknown as number), { message: /seq or \{time\}, not "5"/ });
    await assert.rejects(wal.stateAt({ time: 1, seq: 2 } as { time: number }), {
      message: /no option "seq"/,
    });
  }));

test('the state at the head is told though a compaction takes away what it is being read from', () =>
  inScratch('past', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    const { clock } = realEnvironment;
    let looks = 0;
    let isReading = false;
    let compaction: ReturnType<Wal['compact']> | undefined;
    const environment = changedEnvironment({
      clock: {
        ...clock,
        // Whoever reads yields after each piece, and there finds all compacted.
        elapsed: () => clock.elapsed() + 1000 * looks++,
        yield: async () => {
          if (isReading) {
            compaction ??= wal.compact({ fold: lastData, retain: 1 });
            await compaction;
          }
          await clock.yield();
        },
      },
    });
    const reader = await Wal.openIn(environment, directory, { readOnly: true });
    try {
      await append(wal, 1, 100);
      const before = (await wal.table()).list();
      await reader.head();
      isReading = true;
      const { seq, items } = await reader.stateAt(100);
      assert.equal((await compaction)?.made, true);
      assert.deepEqual([seq, items], [100, before]);
    } finally {
      await reader.close();
      await wal.close();
    }
  }));

test('whichever read of a snapshot fails, no file of it stays open, and the state is told at the next try', () =>
  inScratch('past', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    await append(wal, 1, 20);
    await wal.compact({ fold: lastData });
    await append(wal, 21, 22);
    const { items } = await wal.stateAt(22);
    await wal.close();
    const open = new Set<StorageFile>();
    let readsLeft = Number.POSITIVE_INFINITY;
    let reads = 0;
    const noting: FileChanges = {
      read: (file, target, position) => {
        reads++;
        if (readsLeft-- <= 0) throw systemError('EIO');
        return file.read(target, position);
      },
      close: (file) => {
        open.delete(file);
        file.close();
      },
    };
    const storage = changedStorage({
      open: (path, access, mode) => {
        const file = nodeStorage.open(path, access, mode);
        if (!path.includes('snapshot-')) return file;
        open.add(file);
        return changedFile(file, noting);
      },
    });
    const reader = await Wal.openIn(changedEnvironment({ storage }), directory, { readOnly: true });
    try {
      // The first look at the log reads more.
      await reader.head();
      reads = 0;
      await reader.stateAt(22);
      const most = reads;
      assert.ok(most > 3, `${most} reads`);
      for (let left = 0; left < most; left++) {
        readsLeft = left;
        await assert.rejects(reader.stateAt(22), { code: 'ERR_WAL_IO' }, `read ${left + 1} of ${most}`);
        assert.equal(open.size, 0, `read ${left + 1} of ${most} failed`);
      }
      readsLeft = Number.POSITIVE_INFINITY;
      assert.deepEqual((await reader.stateAt(22)).items, items);
    } finally {
      await reader.close();
    }
  }));
