import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { resolveDirectory } from '../storage/directory.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Runs `work` on the path of wal.lock in a directory, which must exist; its errors say where, and what to do
 * next.
 */
export function atLock<T>(storage: Storage, directory: string, doing: string, work: (path: string) => T): T {
  const place = resolveDirectory(directory);
  const path = join(place, 'wal.lock');
  try {
    if (storage.look(place) === undefined) {
      throw new WalError(
        'ERR_WAL_NOT_FOUND',
        `There is no directory ${place}: make the log first, with "jsonl-wal init" or Wal.open, or name another directory.`,
      );
    }
    return work(path);
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
