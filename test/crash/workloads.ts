import { lastData } from '../../src/index.ts';
import { CONTESTED } from './contested.ts';
import { FAULT_WORKLOADS } from './fault-workloads.ts';
import { REPAIRS } from './repair-workloads.ts';
import { SMALL, type Workload } from './workload.ts';

/** Nothing is acknowledged as synced; what is there must still be what was written. */
const UNSYNCED = { ...SMALL, durability: 'os' } as const;

export const APPEND: Workload = {
  name: 'append',
  run: async (author) => {
    const wals = [await author.open(), await author.open()];
    for (let i = 0; i < 6; i++) for (const wal of wals) await author.append(wal, 20 * i);
    await Promise.all([...wals, ...wals, ...wals].map((wal) => author.append(wal)));
    for (const wal of wals) await wal.close();
  },
};

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'first open',
    run: async (author) => {
      const wal = await author.open();
      await author.append(wal);
      await wal.close();
      const again = await author.open();
      await author.append(again);
      await again.close();
    },
  },
  APPEND,
  {
    name: 'batch',
    run: async (author) => {
      const wal = await author.open();
      for (const bytes of [10, 300, 5000]) await author.append(wal, bytes, 3);
      await Promise.all([author.append(wal), author.append(wal, 9000), author.append(wal, 100, 5)]);
      await wal.close();
    },
  },
  {
    name: 'long lines',
    run: async (author) => {
      const wals = [await author.open(SMALL), await author.open(SMALL)];
      for (const bytes of [9000, 100, 20_000]) for (const wal of wals) await author.append(wal, bytes);
      await Promise.all(wals.map((wal) => author.append(wal, 5000)));
      for (const wal of wals) await wal.close();
    },
  },
  {
    name: 'unsynced',
    run: async (author) => {
      const wals = [await author.open(UNSYNCED), await author.open(UNSYNCED)];
      for (let i = 0; i < 5; i++) for (const wal of wals) await author.append(wal, 600 * i);
      for (const wal of wals) await wal.close();
    },
  },
  {
    name: 'rotation',
    run: async (author) => {
      const wals = [await author.open(SMALL), await author.open(SMALL)];
      for (let i = 0; i < 6; i++) await Promise.all(wals.map((wal) => author.append(wal, 1000)));
      for (const wal of wals) await wal.close();
    },
  },
  {
    name: 'compaction',
    run: async (author) => {
      const writer = await author.open(SMALL);
      const [other, late] = [await author.open(SMALL), await author.open(SMALL)];
      for (const retain of [2, 1]) {
        for (let i = 0; i < 3; i++) await author.append(writer, 1000);
        // Another goes on behind the seal, before anything is deleted.
        if (retain === 1) author.whileFileIsMade(() => author.appendNow(late));
        await Promise.all([other.compact({ fold: lastData, retain }), author.append(writer, 1000)]);
        await author.append(other);
      }
      for (const wal of [writer, other, late]) await wal.close();
    },
  },
  {
    name: 'automatic compaction',
    run: async (author) => {
      const wal = await author.open({
        ...UNSYNCED,
        fold: lastData,
        autoCompact: { minBytes: 4096, ratio: 1 },
      });
      for (let i = 0; i < 14; i++) await author.append(wal, 1000);
      await wal.close();
    },
  },
  {
    name: 'backup',
    run: async (author) => {
      const wal = await author.open(SMALL);
      for (let i = 0; i < 5; i++) await author.append(wal, 1000);
      await Promise.all([author.backup(wal), author.append(wal, 1000)]);
      await author.append(wal);
      await wal.close();
    },
  },
  ...CONTESTED,
  ...FAULT_WORKLOADS,
  ...REPAIRS,
];
