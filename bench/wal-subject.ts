import { type Durability, lastData, type Times, Wal } from '../src/index.ts';
import { batchesOf, fillByAppending, type Session, type Subject } from './subject.ts';
import { openWalJobs } from './wal-jobs.ts';

const all = ({ count, mean }: Times) => count * mean;

/** This package. `blocking`: with appendSync. */
export function walSubject(lock: 'kernel' | 'lockfile', durability: Durability, blocking = false): Subject {
  return {
    settings: `${lock} lock, ${blocking ? 'appendSync, ' : ''}${durability === 'sync' ? 'acknowledged when synced' : 'acknowledged when written'}`,
    lock,
    open: async ({ directory }) => {
      const wal = await Wal.open(directory, { lock, durability });
      const session: Session = {
        append: blocking ? (entry) => wal.appendSync(entry) : (entry) => wal.append(entry),
        fill: async (entries, batch = 1) => {
          if (batch === 1) await fillByAppending(session, entries);
          else for (const each of batchesOf(entries, batch)) await wal.appendBatch(each);
        },
        replay: async () => {
          let count = 0;
          for await (const record of wal.read()) if (record.id !== '') count++;
          return count;
        },
        spent: () => {
          const { lock, syncMs } = wal.stats();
          return { waiting: all(lock.waitMs), turn: all(lock.holdMs), syncing: all(syncMs) };
        },
        close: () => wal.close(),
      };
      return session;
    },
    openState: async ({ directory }) => {
      const wal = await Wal.open(directory, { lock, durability });
      const table = await wal.table();
      return {
        fill: async (entries) => {
          await fillByAppending(wal, entries);
          await wal.compact({ fold: lastData });
        },
        update: (id, change) => table.update(id, change),
        get: (id) => table.get(id),
        readAll: () => {
          let count = 0;
          for (const { id } of table) if (id !== '') count++;
          return count;
        },
        close: () => wal.close(),
      };
    },
    openJobs: (directory) => openWalJobs(directory, lock),
  };
}
