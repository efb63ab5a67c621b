import { parentPort, workerData } from 'node:worker_threads';
import { createLock, Wal, type WalOptions } from '../index.ts';
import { countingLock, InsideCount } from './counting-lock.ts';
import type { Tally } from './threads.ts';

/** What a thread that appends is to do. */
export interface ThreadJob {
  readonly directory: string;
  /** The entries' ids are `bd-t{thread}w{number}`. */
  readonly thread: number;
  readonly count: number;
  readonly options: WalOptions;
  /** Count who is inside this kind of lock, which is used in place of the option's. */
  readonly counted?: { readonly kind: 'kernel' | 'lockfile' | 'none'; readonly lingerMs: number };
  readonly tally: Tally;
}

/** Whoever counts who is inside must not let in a second because the first was slow. */
const NEVER_STALE_MS = 3_600_000;

const { directory, thread, count, options, counted, tally } = workerData as ThreadJob;
const cells = new Int32Array(tally.cells);
const lock =
  counted &&
  countingLock(
    createLock(counted.kind, directory, NEVER_STALE_MS),
    new InsideCount(tally.inside),
    counted.lingerMs,
  );
const wal = await Wal.open(directory, { ...options, ...(lock && { lock }) });

parentPort?.postMessage('ready');
Atomics.wait(cells, 0, 0);

for (let number = 0; number < count; number++) {
  try {
    await wal.append({ op: 'add', id: `bd-t${thread}w${number}`, data: { thread, number } });
  } catch {
    Atomics.add(cells, 1, 1);
  }
}
Atomics.add(cells, 2, 1);
parentPort?.postMessage(performance.timeOrigin + performance.now());
await wal.close();
