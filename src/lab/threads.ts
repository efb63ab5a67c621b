import { Worker } from 'node:worker_threads';
import type { WalOptions } from '../index.ts';
import { InsideCount } from './counting-lock.ts';
import { scriptUrl } from './script.ts';

/** What threads share: `cells` are start, errors, completed; `inside` counts who is inside the lock. */
export interface Tally {
  readonly cells: SharedArrayBuffer;
  readonly inside: SharedArrayBuffer;
}

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

export interface ThreadsReport {
  readonly errors: number;
  readonly completed: number;
  /** The most threads ever inside the lock at once, where they were counted. */
  readonly mostInside: number;
  /** From the common start to the last acknowledgement, in milliseconds. */
  readonly ms: number;
}

/** Starts a script of this folder, or one elsewhere, as a thread. */
export function startThread(script: string | URL, workerData: unknown): Worker {
  const worker = new Worker(script instanceof URL ? script : scriptUrl(`lab/${script}`), {
    workerData,
    stdout: true,
  });
  // As of a process: what somebody's module prints is not the answer of the program that runs it.
  worker.stdout.on('data', (bytes) => process.stderr.write(bytes));
  return worker;
}

/** The next message of a thread, or the error it died of. */
export function message(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** Runs threads that append from a common start, each with a Wal of its own on the same log. */
export async function runThreads(
  count: number,
  job: Omit<ThreadJob, 'thread' | 'tally'>,
): Promise<ThreadsReport> {
  const inside = new InsideCount();
  const tally: Tally = { cells: new SharedArrayBuffer(12), inside: inside.cells.buffer as SharedArrayBuffer };
  const cells = new Int32Array(tally.cells);
  const workers = Array.from({ length: count }, (_, thread) =>
    startThread('append-thread', { ...job, thread, tally } satisfies ThreadJob),
  );
  const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  let ms: number;
  try {
    await Promise.all(workers.map(message));
    const last = Promise.all(workers.map(message)) as Promise<number[]>;
    const start = performance.timeOrigin + performance.now();
    Atomics.store(cells, 0, 1);
    Atomics.notify(cells, 0);
    ms = Math.max(...(await last)) - start;
    await Promise.all(ended);
  } finally {
    // One that failed leaves the others waiting for the start.
    for (const worker of workers) void worker.terminate();
  }
  return { errors: Atomics.load(cells, 1), completed: Atomics.load(cells, 2), mostInside: inside.most, ms };
}
