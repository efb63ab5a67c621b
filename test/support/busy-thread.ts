import './program-guard.ts';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Wal } from '../../src/index.ts';

/** What a thread that appends beside file work of its own is to do. */
export interface BusyJob {
  readonly directory: string;
  readonly scratch: string;
  readonly thread: number;
  readonly threads: number;
  /** It goes on until each thread has appended so many, for two minutes at most. */
  readonly share: number;
  /** Cell 0: go; cell 1: file work done by all; cell 2: threads that have their share. */
  readonly cells: SharedArrayBuffer;
}

const PATIENCE_MS = 120_000;

const { directory, scratch, thread, threads, share, cells: shared } = workerData as BusyJob;
const cells = new Int32Array(shared);
const wal = await Wal.open(directory, { lock: 'kernel' });
parentPort?.postMessage('ready');
Atomics.wait(cells, 0, 0);

const end = performance.now() + PATIENCE_MS;
const goesOn = () => Atomics.load(cells, 2) < threads && performance.now() < end;
let appended = 0;
const work = async () => {
  const path = join(scratch, `${thread}.txt`);
  while (goesOn()) {
    await writeFile(path, 'x'.repeat(4096));
    await readFile(path);
    Atomics.add(cells, 1, 1);
  }
  await rm(path, { force: true });
};
const append = async () => {
  while (goesOn()) {
    await wal.append({ op: 'add', id: `bd-b${thread}n${appended}` });
    if (++appended === share) Atomics.add(cells, 2, 1);
  }
};
await Promise.all([work(), append()]);
await wal.close();
parentPort?.postMessage(appended);
