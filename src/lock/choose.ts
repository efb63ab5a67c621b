import { hasCode, WalError } from '../errors/errors.ts';
import type { FileSystem, Storage } from '../storage/storage.ts';
import { kernelLock, kernelLockLoads, requireKernelLock } from './kernel.ts';
import { type Lock, noLock } from './lock.ts';
import { lockfileLock } from './lockfile.ts';
import { changeKind, chooseKind, type LockKind, namesNoKind, readKind } from './record.ts';

export interface LockChoice {
  readonly lock: 'auto' | LockKind | 'none' | Lock;
  readonly staleMs: number;
  readonly fileSystem: FileSystem;
  /** A random part for a temporary name. */
  readonly token: string;
  /** Shows a message to the user, once. */
  readonly warn: (message: string) => void;
}

/**
 * If wal.lock is deleted between being made and being opened, it is made again; after this many times that is
 * not chance.
 */
const MOST_TRIES = 20;

/**
 * Opens the lock on wal.lock at `path`: of the kind recorded there or, where none is recorded yet, of the
 * kind chosen and recorded now.
 */
export function chooseLock(storage: Storage, path: string, choice: LockChoice): Lock {
  const { lock } = choice;
  if (typeof lock === 'object') return lock;
  if (lock === 'none') return noLock();
  for (let tries = 1; ; tries++) {
    try {
      return openLock(storage, path, lock, choice);
    } catch (error) {
      if (!hasCode(error, 'ENOENT') || tries === MOST_TRIES) throw error;
    }
  }
}

/** Throws if `chooseLock` would refuse the kind of the lock. Writes nothing. */
export function checkLock(
  storage: Storage,
  path: string,
  { lock, fileSystem }: Pick<LockChoice, 'lock' | 'fileSystem'>,
): void {
  if (typeof lock === 'object' || lock === 'none') return;
  const kind = isRecreated(storage, path, fileSystem) ? lock : (readKind(storage, path) ?? lock);
  refuseOther(lock, kind, path);
  if (kind === 'kernel') requireKernelLock();
}

function openLock(storage: Storage, path: string, lock: 'auto' | LockKind, choice: LockChoice): Lock {
  const { staleMs, fileSystem, token } = choice;
  const fitting = kernelLockLoads() && fileSystem === 'local' ? 'kernel' : 'lockfile';
  const recorded = recordedKind(storage, path, lock === 'auto' ? fitting : lock, choice);
  // Checked before the kind is recorded: a recorded kind that does not work here would lock out every
  // process.
  if (lock === 'kernel' && recorded === undefined) requireKernelLock();
  const kind = recorded ?? chooseKind(storage, path, lock === 'auto' ? fitting : lock, token);
  refuseOther(lock, kind, path);
  return kind === 'kernel' ? kernelLock(storage, path) : lockfileLock(storage, path, staleMs);
}

function refuseOther(lock: 'auto' | LockKind, kind: 'auto' | LockKind, path: string): void {
  if (lock !== 'auto' && lock !== kind) {
    throw new WalError(
      'ERR_WAL_LOCK_KIND',
      `${path} says this machine locks the log with the ${kind} lock, not the ${lock} lock: open it with lock: "auto", or change the kind for all processes with "jsonl-wal lock set ${lock}".`,
    );
  }
}

/**
 * The kind that wal.lock names; undefined if there is no wal.lock. If it names no kind, one is written into
 * it in place, because other processes may have the file open.
 */
function recordedKind(
  storage: Storage,
  path: string,
  kind: LockKind,
  { fileSystem, token, warn }: LockChoice,
): LockKind | undefined {
  try {
    return readKind(storage, path);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_LOCK_KIND') || !isRecreated(storage, path, fileSystem)) throw error;
    if (kind === 'kernel') requireKernelLock();
    changeKind(storage, path, kind, token);
    warn(`${path} named no kind of lock (it was empty, or overwritten). It names the ${kind} lock now.`);
    return kind;
  }
}

/**
 * Whether wal.lock names no kind and may be rewritten. Not where only the lock keeps writers apart: other
 * processes may still use another kind.
 */
function isRecreated(storage: Storage, path: string, fileSystem: FileSystem): boolean {
  return fileSystem === 'local' && namesNoKind(storage, path);
}
