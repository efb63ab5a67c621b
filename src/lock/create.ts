import { dirname } from 'node:path';
import { nodeStorage, randomHex } from '../storage/node.ts';
import { chooseLock } from './choose.ts';
import type { Lock } from './lock.ts';
import { LEAST_STALE_MS } from './lockfile.ts';
import { atLock } from './place.ts';
import { badKind, LOCK_KINDS, type LockKind } from './record.ts';

/**
 * Makes a lock of the given kind on a log's directory, for wrapping: pass the wrapper (or the lock itself) to
 * `Wal.open` as `lock`. The directory must exist. Every Wal needs a lock of its own, and closes it when the
 * Wal is closed.
 *
 * `staleMs` (milliseconds; default and minimum 2,000): the age at which the holder of a lockfile is
 * considered dead. Throws ERR_WAL_LOCK_KIND if this machine locks the log with another kind,
 * ERR_WAL_LOCK_UNAVAILABLE if the kernel lock does not load; and, for the directory and wal.lock,
 * ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT,
 * ERR_WAL_UNSUPPORTED (no hard links), ERR_WAL_NO_SPACE and ERR_WAL_IO.
 */
export function createLock(
  kind: LockKind | 'none',
  directory: string,
  staleMs: number = LEAST_STALE_MS,
): Lock {
  if (kind !== 'none' && !LOCK_KINDS.includes(kind)) throw badKind(kind, [...LOCK_KINDS, 'none']);
  const token = randomHex(12);
  return atLock(nodeStorage, directory, 'open the lock', (path) =>
    chooseLock(nodeStorage, path, {
      lock: kind,
      staleMs,
      fileSystem: nodeStorage.fileSystem(dirname(path)),
      token,
      warn: (message) => process.emitWarning(message, { code: 'WAL_LOCK_FILE' }),
    }),
  );
}
