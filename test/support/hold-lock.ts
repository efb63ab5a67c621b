import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { LOCK_FILE } from '../../src/format/names.ts';
import { createLock, type Lock } from '../../src/index.ts';
import { lockfilePath } from '../../src/lock/lockfile.ts';
import type { LockKind } from '../../src/lock/record.ts';

const HOUR_MS = 3_600_000;

/** Takes the lock of the log in a directory for good: a lockfile's does not go stale, however long the holder is busy. */
export function holdLock(kind: LockKind, directory: string): Lock {
  const lock = createLock(kind, directory, HOUR_MS);
  if (!lock.tryAcquire()) throw new Error(`somebody holds the ${kind} lock in ${directory}`);
  if (kind === 'lockfile') keepFresh(directory);
  return lock;
}

/** Gives a lockfile a time to come, by which it goes stale that much later. */
export function keepFresh(directory: string): void {
  const then = new Date(Date.now() + HOUR_MS);
  utimesSync(lockfilePath(join(directory, LOCK_FILE)), then, then);
}
