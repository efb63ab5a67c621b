import { dirname } from 'node:path';
import { type Holder, hasCode } from '../errors/errors.ts';
import { nodeStorage, randomHex } from '../storage/node.ts';
import { kernelLock, kernelLockLoads, requireKernelLock } from './kernel.ts';
import type { Lock } from './lock.ts';
import { LEAST_STALE_MS, lockfileIsHeld, lockfilePath } from './lockfile.ts';
import { atLock } from './place.ts';
import {
  badKind,
  changeKind,
  LOCK_KINDS,
  type LockKind,
  namesNoKind,
  readHolder,
  readKind,
} from './record.ts';

/** How a log is locked on this machine, for people. */
export interface LockStatus {
  /**
   * Undefined if the log was never opened for writing on this machine, or wal.lock was overwritten: the next
   * writer chooses.
   */
  readonly kind: LockKind | undefined;
  /**
   * Whether the lock is held at this moment; undefined if that cannot be determined (no kernel lock loads, or
   * wal.lock may not be written).
   */
  readonly held: boolean | undefined;
  /**
   * Who took it last, and when, as written by the holders. A holder that appends without others in between
   * renews this once a second.
   */
  readonly holder: Holder | undefined;
  /** The file that names the kind, and on which the kernel lock is taken. */
  readonly path: string;
  /** The directory that exists while the lockfile lock is held. */
  readonly heldPath: string;
}

/**
 * Reports on the lock of the log in a directory. It tries a kernel lock to see whether that is free, which
 * delays writers by no more than a moment. `staleMs` (milliseconds; default 2,000): the age at which the
 * holder of a lockfile is considered dead. Throws ERR_WAL_LOCK_KIND if wal.lock names a kind that this
 * version does not know or, where the lock is strict, none; and, for the directory and wal.lock,
 * ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION and ERR_WAL_IO.
 */
export function lockStatus(directory: string, staleMs: number = LEAST_STALE_MS): LockStatus {
  return atLock(nodeStorage, directory, 'look at the lock', (path) => {
    const isLocal = nodeStorage.fileSystem(dirname(path)) === 'local';
    const kind = isLocal && namesNoKind(nodeStorage, path) ? undefined : readKind(nodeStorage, path);
    return {
      kind,
      held: isHeld(kind, path, staleMs),
      holder: readHolder(nodeStorage, path),
      path,
      heldPath: lockfilePath(path),
    };
  });
}

/**
 * Changes the kind of lock that this machine uses for the log in a directory. Open Wals keep the old kind
 * until they close: until then writers may overtake each other, which costs retries and nothing else. Throws
 * ERR_WAL_LOCK_UNAVAILABLE if that kind does not work here; and what `createLock` throws for the directory
 * and wal.lock.
 */
export function setLockKind(directory: string, kind: LockKind): void {
  if (!LOCK_KINDS.includes(kind)) throw badKind(kind, LOCK_KINDS);
  if (kind === 'kernel') requireKernelLock();
  const token = randomHex(12);
  atLock(nodeStorage, directory, 'change the lock', (path) => changeKind(nodeStorage, path, kind, token));
}

function isHeld(kind: LockKind | undefined, path: string, staleMs: number): boolean | undefined {
  if (kind === undefined) return false;
  return kind === 'lockfile' ? lockfileIsHeld(path, staleMs) : kernelIsHeld(path);
}

function kernelIsHeld(path: string): boolean | undefined {
  const lock = kernelLockTo(path);
  if (lock === undefined) return undefined;
  try {
    const free = lock.tryAcquire();
    if (free) lock.release();
    return !free;
  } finally {
    lock.close();
  }
}

/** Undefined if the lock cannot be tried here. */
function kernelLockTo(path: string): Lock | undefined {
  try {
    return kernelLockLoads() ? kernelLock(nodeStorage, path) : undefined;
  } catch (error) {
    // A process that may only read the log may still ask for its lock's status.
    if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return undefined;
    throw error;
  }
}
