import { dirname } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { nodeStorage, randomHex } from '../storage/node.ts';
import type { FileSystem } from '../storage/storage.ts';
import { kernelLock, kernelLockLoads } from './kernel.ts';
import type { Lock } from './lock.ts';
import { LEAST_STALE_MS, lockfileLock, lockfilePath } from './lockfile.ts';
import { atLock } from './place.ts';
import { badKind, LOCK_KINDS, type LockKind } from './record.ts';

/**
 * Whether a directory is fit for a log: its file system, and whether a lock excludes a second holder there.
 */
export interface LockFitness {
  /** `strange`: FUSE, 9P and types that are not known. */
  readonly fileSystem: FileSystem;
  /** The kind that the first writer on this machine would choose. */
  readonly kind: LockKind;
  /** Whether the lock that was tried, on a temporary file, excluded a second holder. */
  readonly works: boolean;
}

/** Enough to make the file system allocate a block. */
const PROBE_BYTES = 4096;

/**
 * Tries a lock in a directory, on a temporary file that it makes, writes, syncs, links and removes again.
 * `tried`: the kind of lock (default: the one that the first writer would choose). Throws
 * ERR_WAL_LOCK_UNAVAILABLE (the kernel lock does not load), ERR_WAL_NO_SPACE, ERR_WAL_PERMISSION,
 * ERR_WAL_UNSUPPORTED (no hard links), ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY or
 * ERR_WAL_IO.
 */
export function lockFitness(directory: string, tried?: LockKind): LockFitness {
  if (tried !== undefined && !LOCK_KINDS.includes(tried)) throw badKind(tried, LOCK_KINDS);
  return atLock(nodeStorage, directory, 'try the lock', (path) => {
    const fileSystem = nodeStorage.fileSystem(dirname(path));
    const kind = kernelLockLoads() && fileSystem === 'local' ? 'kernel' : 'lockfile';
    const probe = `${path}.${randomHex(12)}.tmp`;
    try {
      write(probe);
      return { fileSystem, kind, works: keepsOut(tried ?? kind, probe) };
    } finally {
      for (const left of [probe, `${probe}.2.tmp`]) nodeStorage.remove(left);
    }
  });
}

function write(probe: string): void {
  const file = nodeStorage.open(probe, 'create');
  try {
    file.append([Buffer.alloc(PROBE_BYTES)]);
    file.syncNow();
  } finally {
    file.close();
  }
  try {
    nodeStorage.link(probe, `${probe}.2.tmp`);
  } catch (error) {
    throw new WalError(
      'ERR_WAL_UNSUPPORTED',
      'The file system has no hard links, and a log needs them: choose a directory on another file system.',
      {
        cause: error,
      },
    );
  }
}

function keepsOut(kind: LockKind, probe: string): boolean {
  const make = (): Lock =>
    kind === 'kernel' ? kernelLock(nodeStorage, probe) : lockfileLock(nodeStorage, probe, LEAST_STALE_MS);
  const [first, second] = [make(), make()];
  try {
    if (!first.tryAcquire()) return false;
    const kept = !second.tryAcquire();
    first.release();
    return kept && nodeStorage.look(lockfilePath(probe)) === undefined;
  } finally {
    first.close();
    second.close();
  }
}
