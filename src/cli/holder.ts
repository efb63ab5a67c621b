import { copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Holder, hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { type LockKind, type LockStatus, lockStatus } from '../index.ts';

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
  try {
    return /^State:\s+[Tt]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export interface Broken {
  readonly kind: LockKind | null;
  /** What was done, and what follows from it, in words. */
  readonly done: string;
}

/**
 * Breaks a lock. The chain of the log's lines decides what counts, so that two holders at once cost each other retries
 * and nothing else.
 */
export function breakLock(directory: string): Broken {
  const status = lockStatus(directory);
  try {
    return breakIt(status);
  } catch (error) {
    const failed = `Cannot break the lock at ${status.path}`;
    const details = { cause: error };
    if (!hasCode(error, 'EACCES', 'EPERM', 'EROFS'))
      throw new WalError('ERR_WAL_IO', `${failed}: ${reasonOf(error)}`, details);
    const advice = 'no permission to replace files there. Run it as who owns the directory, or as root.';
    throw new WalError('ERR_WAL_PERMISSION', `${failed}: ${advice}`, details);
  }
}

function breakIt({ kind, path, heldPath }: LockStatus): Broken {
  if (kind === undefined)
    return {
      kind: null,
      done: 'There was no lock to break: no kind is chosen here yet, the next writer does.',
    };
  if (kind === 'lockfile') {
    if (!existsSync(heldPath)) return { kind, done: `${heldPath} is not there: the lock is free.` };
    rmSync(heldPath, { recursive: true, force: true });
    return {
      kind,
      done: `Removed ${heldPath}: the next writer gets the lock. A holder that wakes up writes again what it had not finished.`,
    };
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    copyFileSync(path, temporary);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  return {
    kind,
    done: `Replaced ${path}: who opens the log from now on locks the new file. Who has it open stays with the old one until it is closed.`,
  };
}
