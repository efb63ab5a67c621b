import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Holder, hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { type LockKind, type LockStatus, lockStatus } from '../index.ts';
import { attempt } from './log.ts';

/** Whether the process of a holder lives; undefined where it is not of this host. */
export function isAlive({ pid, host }: Holder): boolean | undefined {
  return hostname().startsWith(host) ? !isGone(pid) : undefined;
}

/** Whether no process of this machine has that number. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return !hasCode(error, 'EPERM');
  }
}

/** Whether a process of this machine is stopped, as by SIGSTOP or a debugger; false also where the system does not tell. */
export function isStopped(pid: number): boolean {
  return attempt(() => /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')), false);
}

/**
 * Breaks a lock. The chain of the log's lines decides what counts, so that two holders at once cost each other retries
 * and nothing else.
 */
export function breakLock(directory: string): { readonly kind: LockKind | null; readonly done: string } {
  const status = lockStatus(directory);
  try {
    return { kind: status.kind ?? null, done: breakIt(status) };
  } catch (error) {
    const failed = `Cannot break the lock at ${status.path}`;
    const details = { cause: error };
    if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS'))
      throw new WalError('ERR_WAL_IO', `${failed}: ${reasonOf(error)}`, details);
    const advice =
      'no permission to replace files there. Run the command as the owner of the directory, or as root.';
    throw new WalError('ERR_WAL_PERMISSION', `${failed}: ${advice}`, details);
  }
}

/** Returns what was done, and what follows from it, in words. */
function breakIt({ kind, path, heldPath }: LockStatus): string {
  if (kind === undefined)
    return 'There was no lock to break: no kind is chosen here yet, the next writer chooses one.';
  if (kind === 'lockfile') {
    if (!existsSync(heldPath)) return `${heldPath} is not there: the lock is free.`;
    rmSync(heldPath, { recursive: true, force: true });
    return `Removed ${heldPath}: the next writer gets the lock. A holder that wakes up writes again what it had not finished.`;
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    copyFileSync(path, temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  return `Replaced ${path}: processes that open the log from now on lock the new file. A process that has the log open keeps the old one until it closes the log.`;
}
