import { join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import type { OpenFileStore } from '../file/open.ts';
import { REPAIR_LOCK_FILE } from '../format/names.ts';
import { kernelLock } from '../lock/kernel.ts';
import type { Lock } from '../lock/lock.ts';
import { lockfileLock } from '../lock/lockfile.ts';
import { fileError } from '../storage/error.ts';
import { removeQuietly } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';

/*
 * If two salvages ran at once, each would replace the other's new log with its own, and what was appended to the first
 * new log, and the original that the first had kept, would be lost. The write lock does not prevent that: it is
 * released between the steps, and a writer that waits too long continues without it. So a salvage has a lock of its
 * own, without which no salvage continues.
 */

/** If the lockfile is this old, its salvage was killed: a running one renews the file. */
const STALE_MS = 60_000;
/** How often to try again: others may remove the file just before it is opened. */
const MOST_TRIES = 20;

/**
 * Keeps other salvages of the log out, and returns a function that lets them in again. `kind` is that of the log's own
 * lock. Throws ERR_WAL_LOCK_TIMEOUT if another salvage is running.
 */
export function takeRepairLock(options: OpenFileStore, kind: string): () => void {
  const { storage, directory } = options;
  const path = join(directory, REPAIR_LOCK_FILE);
  // Any other lock is the caller's own; then the caller has to keep salvages apart.
  if (kind !== 'kernel' && kind !== 'lockfile') return () => {};
  try {
    const lock =
      kind === 'kernel'
        ? kernelLockOn(options, path)
        : heldOrUndefined(lockfileLock(storage, path, STALE_MS));
    if (lock === undefined) throw busyError(directory, kind);
    return () => {
      // The file is removed while the lock is held: another process that already has it open then sees that the path
      // leads to another file, and opens that one.
      if (kind === 'kernel') removeQuietly(storage, path);
      lock.release();
      lock.close();
    };
  } catch (error) {
    throw fileError(error, 'lock', path);
  }
}

function kernelLockOn({ storage, directory }: OpenFileStore, path: string): Lock | undefined {
  for (let tries = 1; ; tries++) {
    // The file that a link leads to is not the log's.
    if (storage.isLink(path)) storage.remove(path);
    storage.open(path, 'append', permissionsIn(storage, directory)).close();
    const before = storage.look(path);
    try {
      const lock = heldOrUndefined(kernelLock(storage, path));
      if (lock === undefined || (before && storage.look(path)?.inode === before.inode)) return lock;
      lock.release();
      lock.close();
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || tries === MOST_TRIES) throw error;
    }
    if (tries === MOST_TRIES) return undefined;
  }
}

/** Takes the lock; undefined if another process holds it. */
function heldOrUndefined(lock: Lock): Lock | undefined {
  if (lock.tryAcquire()) return lock;
  lock.close();
  return undefined;
}

function busyError(directory: string, kind: string): WalError {
  const more = kind === 'lockfile' ? ' A salvage that was killed counts as running for a minute.' : '';
  const message = `Another salvage of ${directory} is running: wait until it ends, then check whether this one is still needed.${more}`;
  return new WalError('ERR_WAL_LOCK_TIMEOUT', message);
}
