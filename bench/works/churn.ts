import { join } from 'node:path';
import { type Entry, lastData, type Wal } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { bytesIn } from '../files.ts';
import { openWal } from '../open-wal.ts';
import { fillByAppending } from '../subject.ts';
import type { Figures, Job, Work } from '../work.ts';

/** One id is made and deleted again and again: what stays of it on the disk, once that is compacted? */
export const churn: Work<'churn'> = {
  trial: async (task) => (await new Child({ ...task, role: 'owner', seed: 1 }).answer()) as Figures,
  roles: { owner },
};

async function owner(job: Job<'churn'>): Promise<Figures> {
  const once = await churned(
    job,
    'once',
    async (wal) => void (await wal.compact({ fold: lastData, retain: 1 })),
  );
  // By default the snapshot before stays, with what leads from it on: the second compaction deletes.
  const twice = await churned(job, 'twice', async (wal) => {
    await wal.compact({ fold: lastData });
    await fillByAppending(wal, cycles(job, 1));
    await wal.compact({ fold: lastData });
  });
  return { full: once.full, once: once.compacted, twice: twice.compacted };
}

/** Bytes beyond those of an empty log, before and after. */
async function churned(
  job: Job<'churn'>,
  name: string,
  compact: (wal: Wal) => Promise<void>,
): Promise<{ readonly full: number; readonly compacted: number }> {
  const directory = join(job.directory, name);
  const wal = await openWal({ ...job, directory });
  const empty = bytesIn(directory);
  await fillByAppending(wal, cycles(job, job.settings.cycles));
  const full = bytesIn(directory) - empty;
  await compact(wal);
  const compacted = bytesIn(directory) - empty;
  await wal.close();
  return { full, compacted };
}

function cycles({ seed }: Job<'churn'>, times: number): Entry[] {
  return makeEntries(times, seed).flatMap((entry) => [
    { ...entry, op: 'add', id: 'bd-1' },
    { op: 'delete', id: 'bd-1' },
  ]);
}
