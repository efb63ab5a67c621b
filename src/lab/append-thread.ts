import { parentPort, workerData } from 'node:worker_threads';
import { createLock, Wal } from '../index.ts';
import { countingLock, InsideCount } from './counting-lock.ts';
import type { ThreadJob } from './threads.ts';

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
