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
 * Two salvages at once would each put a log of their own in place of the other's: what was appended to the first would be lost, with
 * what it kept. The write turn does not keep them apart, for it is given back between the steps, and a writer that waits too long
 * goes on without it. So a salvage has a lock of its own, which nobody goes on without.
 */

/** A salvage whose lockfile is so old was killed; one that lives renews it. */
const STALE_MS = 60_000;
/** Others may take away the file just before it is opened. */
const MOST_TRIES = 20;

/** Keeps other salvages of the log out; returns what lets them in again. `kind`: of the log's own lock. Throws ERR_WAL_LOCK_TIMEOUT where one is under way. */
export function takeRepairLock(options: OpenFileStore, kind: string): () => void {
  const { storage, directory } = options;
  const path = join(directory, REPAIR_LOCK_FILE);
  // Any other is the caller's own, who sees to the order.
  if (kind !== 'kernel' && kind !== 'lockfile') return () => {};
  try {
    const lock =
      kind === 'kernel'
        ? kernelLockOn(options, path)
        : heldOrUndefined(lockfileLock(storage, path, STALE_MS));
    if (lock === undefined) throw busyError(directory, kind);
    return () => {
      // While it is held: what another has open by then is not the file that the path leads to, so that it looks again.
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
    // What a link leads to is not the log's.
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

/** The lock, taken; undefined where another has it. */
function heldOrUndefined(lock: Lock): Lock | undefined {
  if (lock.tryAcquire()) return lock;
  lock.close();
  return undefined;
}

function busyError(directory: string, kind: string): WalError {
  const more = kind === 'lockfile' ? ' One that was killed counts as under way for a minute.' : '';
  const message = `Another salvage of ${directory} is under way: let it end, then look whether this one is still needed.${more}`;
  return new WalError('ERR_WAL_LOCK_TIMEOUT', message);
}
