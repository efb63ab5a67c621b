import { type Fold, IGNORED, Wal } from '../src/index.ts';
import { fillByAppending, type JobQueue } from './subject.ts';

interface WorkItem {
  readonly priority: number;
  readonly state?: 'claimed' | 'completed';
  readonly by?: string;
}

/** Jobs as an issue tracker folds them; those that are open are in order, the most urgent first, then the oldest. */
const jobs: Fold<WorkItem, WorkItem> = {
  name: 'jobs',
  version: 1,
  apply(value, { op, data }) {
    if (op === 'add') return data;
    if (value === undefined) return IGNORED;
    return op === 'claim' ? { ...value, ...data, state: 'claimed' } : { ...value, state: 'completed' };
  },
  order: ({ value, id }) =>
    value.state === undefined ? [value.priority, Number(id.slice('job-'.length))] : undefined,
};

/** A claim is a transaction, a completion an append that expects the claim's rev. */
export async function openWalJobs(directory: string, lock: 'kernel' | 'lockfile'): Promise<JobQueue> {
  const wal = await Wal.open(directory, { lock, fold: jobs as Fold });
  const table = await wal.table<WorkItem>();
  return {
    fill: (entries) => fillByAppending(wal, entries),
    claim: (by) =>
      table.transaction((tx) => {
        const [first] = tx.inOrder();
        return first && tx.append({ op: 'claim', id: first.id, data: { by } });
      }),
    complete: ({ id, rev }) => wal.append({ op: 'complete', id }, { expect: { rev } }),
    completed: () => table.list({ state: 'completed' }).length,
    close: () => wal.close(),
  };
}
