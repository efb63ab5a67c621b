import { lastData, WalError } from '../../src/index.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import { must, SMALL, type Workload } from './workload.ts';

/** What fails, or is changed by others, under an open log. */
export const FAULT_WORKLOADS: readonly Workload[] = [
  {
    name: 'torn',
    run: async (author) => {
      const wal = await author.open();
      await author.append(wal);
      author.tear();
      await author.append(wal);
      author.beforeNextAppend(() => author.tear());
      await author.append(wal);
      await wal.close();
    },
  },
  {
    name: 'no room',
    run: async (author) => {
      const wal = await author.open();
      const table = await wal.table();
      const take = (by: string) =>
        table.transaction((tx) => {
          if (tx.has('seat')) return 'taken';
          tx.set('seat', by);
          return by;
        });
      author.tried(['seat']);
      author.beforeNextAppend(() => {
        throw systemError('ENOSPC');
      });
      const [, second] = await Promise.allSettled([take('a'), take('b')]);
      const seen = second.status === 'fulfilled' ? second.value : String(second.reason);
      must(seen === 'b', `a seat that nobody has got is said to be ${seen}`);
      await wal.close();
    },
  },
  {
    name: 'failed sync',
    run: async (author) => {
      const wal = await author.open();
      await author.append(wal);
      author.duringNextSync(() => {
        throw systemError('EIO');
      });
      const codes = [await author.appendUntold(wal), await author.appendUntold(wal)].join(', ');
      must(codes === 'ERR_WAL_SYNC, ERR_WAL_LATCHED', `after a sync that failed: ${codes}`);
      await wal.close();
      const again = await author.open();
      for (let i = 0; i < 2; i++) await author.append(again);
      await again.close();
    },
  },
  {
    name: 'spoilt snapshot',
    run: async (author) => {
      const wal = await author.open(SMALL);
      for (let i = 0; i < 2; i++) await author.append(wal, 1000);
      author.whileFileIsMade((name) => author.spoil(name));
      const answer = await wal.compact({ fold: lastData, retain: 1 }).catch((error: unknown) => error);
      const refused = answer instanceof WalError && answer.code === 'ERR_WAL_CORRUPT';
      must(refused, 'a snapshot that is not as it was written was taken for whole');
      await author.append(wal);
      await wal.close();
    },
  },
  {
    name: 'replaced',
    run: async (author) => {
      const wal = await author.open();
      await author.append(wal);
      const kept = author.segment();
      for (let i = 0; i < 2; i++) await author.appendUntold(wal);
      author.replace(kept);
      await author.append(wal);
      const longer = author.segment();
      author.duringNextSync(() => author.replace(longer));
      await Promise.all([author.append(wal), author.append(wal)]);
      const longest = author.segment();
      author.duringNextSync(() => author.replace(longest));
      author.appendNow(wal);
      await wal.close();
    },
  },
  {
    name: 'rewritten',
    run: async (author) => {
      const wal = await author.open();
      await author.append(wal);
      const fork = author.fork('fx');
      const other = await fork.open();
      await fork.append(other);
      await other.close();
      await author.appendUntold(wal);
      author.tried(['fx-1']);
      author.rewrite(fork.segment());
      await author.append(wal);
      await wal.close();
    },
  },
];
