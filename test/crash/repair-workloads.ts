import { SMALL, type Workload } from './workload.ts';

const bounds = { levels: 1, oneByOne: 2 } as const;

/** Damage, and what makes the log whole again: whoever crashes in the middle of that does it again. */
export const REPAIRS: readonly Workload[] = [
  {
    name: 'salvage',
    bounds,
    run: async (author) => {
      const wal = await author.open(SMALL);
      for (let i = 0; i < 4; i++) await author.append(wal, 2000);
      await wal.close();
      author.damage(1, 'salvage');
      await author.repair('salvage');
      const after = await author.open(SMALL);
      await author.append(after);
      await after.close();
    },
  },
  {
    name: 'salvage without wal.json',
    bounds,
    run: async (author) => {
      const wal = await author.open();
      for (let i = 0; i < 3; i++) await author.append(wal);
      await wal.close();
      author.takeMetaAway();
      await author.repair('salvage');
    },
  },
  {
    name: 'salvage while others write',
    bounds,
    run: async (author) => {
      const wal = await author.open(SMALL);
      for (let i = 0; i < 3; i++) await author.append(wal, 2000);
      author.damage(2, 'salvage');
      // While the original is kept, and the new log is synced: before that is put in place.
      const meanwhile = (times: number) =>
        author.duringNextSync(() => {
          author.appendNow(wal);
          if (times > 1) meanwhile(times - 1);
        });
      meanwhile(5);
      await author.repair('salvage');
      await author.append(wal);
      await wal.close();
    },
  },
  {
    name: 'mended tail',
    run: async (author) => {
      const wal = await author.open();
      for (let i = 0; i < 3; i++) await author.append(wal);
      await wal.close();
      author.damage(3, 'tail');
      await author.repair('tail');
      const after = await author.open();
      await author.append(after);
      await after.close();
    },
  },
  {
    name: 'restore',
    run: async (author) => {
      const wal = await author.open(SMALL);
      for (let i = 0; i < 4; i++) await author.append(wal, 1000);
      await author.restore();
      await author.append(wal);
      await wal.close();
    },
  },
];
