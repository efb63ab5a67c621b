import './program-guard.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { holdLock } from './hold-lock.ts';

/* Takes the lock and keeps it, blocked, until it is terminated. */
const { kind, directory } = workerData as { kind: 'kernel' | 'lockfile'; directory: string };
holdLock(kind, directory);
parentPort?.postMessage('held');
// The message leaves before the thread blocks.
setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10);
