import { dirname } from 'node:path';
import { nodeStorage, randomHex } from '../storage/node.ts';
import { chooseLock } from './choose.ts';
import type { Lock } from './lock.ts';
import { LEAST_STALE_MS } from './lockfile.ts';
import { atLock } from './place.ts';
import { badKind, LOCK_KINDS, type LockKind } from './record.ts';

/**
 * Makes a lock of one kind on a log's directory, to be wrapped: give what wraps it (or the lock itself) to `Wal.open`
 * as `lock`. The directory must exist. Every Wal needs a lock of its own, which it closes when it is closed.
 *
 * `staleMs` (default 2,000, its least): the age at which a lockfile's holder is taken for dead. Throws
 * ERR_WAL_LOCK_KIND where the log is locked with another kind on this machine, ERR_WAL_LOCK_UNAVAILABLE where the
 * kernel lock does not load; and ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY, ERR_WAL_PERMISSION, ERR_WAL_FORMAT,
 * ERR_WAL_UNSUPPORTED (no hard links), ERR_WAL_NO_SPACE, ERR_WAL_IO for the directory and the file in it.
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
