import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { hasCode, reasonOf, WalError, type WalErrorCode } from '../errors/errors.ts';

/**
 * Writes a file that appears whole, with what was there before until then: under a temporary name, synced, renamed. A
 * link is followed, and the permissions of what was there are kept.
 */
export function writeWhole(path: string, pieces: Iterable<string>): void {
  let temporary: string | undefined;
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw new Error('it is a directory');
    const target = there === undefined ? path : realpathSync(path);
    temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    const file = openSync(temporary, 'wx', there === undefined ? 0o666 : there.mode & 0o777);
    try {
      for (const piece of pieces) {
        for (let rest = Buffer.from(piece); rest.length > 0; ) rest = rest.subarray(writeSync(file, rest));
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, target);
    temporary = undefined;
    syncDirectory(dirname(target));
  } catch (error) {
    if (error instanceof WalError) throw error;
    throw new WalError(codeOf(error), `Cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  } finally {
    if (temporary !== undefined) rmSync(temporary, { force: true });
  }
}

function syncDirectory(path: string): void {
  // Windows opens no directories, and makes names durable by itself.
  if (process.platform === 'win32') return;
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function codeOf(error: unknown): WalErrorCode {
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return 'ERR_WAL_NO_SPACE';
  if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return 'ERR_WAL_PERMISSION';
  return hasCode(error, 'ENOENT') ? 'ERR_WAL_NOT_FOUND' : 'ERR_WAL_IO';
}
