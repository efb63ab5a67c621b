import { WalError } from '../errors/errors.ts';
import type { FileSystem, Storage } from '../storage/storage.ts';
import { kernelLock, kernelLockLoads, requireKernelLock } from './kernel.ts';
import { type Lock, noLock } from './lock.ts';
import { lockfileLock } from './lockfile.ts';
import { chooseKind, type LockKind, readKind } from './record.ts';

export interface LockChoice {
  /** What the caller asked for. */
  readonly lock: 'auto' | LockKind | 'none' | Lock;
  readonly staleMs: number;
  readonly fileSystem: FileSystem;
  /** A random part for a temporary name. */
  readonly token: string;
  readonly mode: number;
}

/** Opens the lock on wal.lock at `path`: the kind recorded there, or, for the first to come, the one chosen and recorded now. */
export function chooseLock(storage: Storage, path: string, choice: LockChoice): Lock {
  const { lock, staleMs, fileSystem, token, mode } = choice;
  if (typeof lock === 'object') return lock;
  if (lock === 'none') return noLock();
  const recorded = readKind(storage, path);
  // Before it is recorded: a kind that does not work here would shut out everybody.
  if (lock === 'kernel' && recorded === undefined) requireKernelLock();
  const fitting = kernelLockLoads() && fileSystem === 'local' ? 'kernel' : 'lockfile';
  const kind = recorded ?? chooseKind(storage, path, lock === 'auto' ? fitting : lock, token, mode);
  if (lock !== 'auto' && lock !== kind) {
    throw new WalError(
      'ERR_WAL_LOCK_KIND',
      `${path} says this machine locks the log with the ${kind} lock, not the ${lock} lock: open it with lock: "auto", or change it for everybody with "jsonl-wal lock set ${lock}".`,
    );
  }
  return kind === 'kernel' ? kernelLock(storage, path) : lockfileLock(storage, path, staleMs);
}
