import { basename, dirname } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import type { FileAccess, Permissions, Storage, StorageFile } from './storage.ts';

/** Undefined where there is no such file. */
export function openIfThere(storage: Storage, path: string, access: FileAccess): StorageFile | undefined {
  try {
    return storage.open(path, access);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Reads at a position, until the target is full or the file ends; returns how many bytes there were. */
export function readFully(file: StorageFile, target: Buffer, position: number): number {
  let count = 0;
  while (count < target.length) {
    const more = file.read(target.subarray(count), position + count);
    if (more === 0) break;
    count += more;
  }
  return count;
}

/** More than any file has that tells of a log: a longer one is damaged, and need not fit into memory. */
export const MOST_SMALL_BYTES = 16 * 1024 * 1024;

/** Reads a small file whole, or the first `most` bytes of it; undefined where there is none. */
export function readWhole(storage: Storage, path: string, most = MOST_SMALL_BYTES): Buffer | undefined {
  const file = openIfThere(storage, path, 'read');
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(Math.min(file.look().size, most));
    return bytes.subarray(0, readFully(file, bytes, 0));
  } finally {
    file.close();
  }
}

/** Takes away what nobody needs, if that can be done: what became of the file it was made for is told in any case. */
export function removeQuietly(storage: Storage, path: string): void {
  try {
    storage.remove(path);
  } catch {
    // It lies beside what counts, and is ignored.
  }
}

/** Writes a new file under `temporary` and syncs it. */
export function writeWhole(storage: Storage, temporary: string, bytes: Buffer, as?: Permissions): void {
  const file = storage.open(temporary, 'create', as);
  try {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(file.append([rest]));
    file.syncNow();
  } finally {
    file.close();
  }
}

/** What link(2) fails with where the file system has no hard links; EISDIR is what Node makes of Windows's answer. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR'];

function giveName(storage: Storage, temporary: string, path: string): void {
  try {
    storage.link(temporary, path);
  } catch (error) {
    if (!hasCode(error, ...NO_LINKS)) throw error;
    throw new WalError(
      'ERR_WAL_UNSUPPORTED',
      `Cannot make ${basename(path)} in ${dirname(path)}: its file system has no hard links (as FAT and exFAT), and without them the file could be seen half made. Put the log on another file system.`,
      { cause: error },
    );
  }
}

/**
 * Makes a file appear whole, or not at all, and only where there is none: a temporary file is written, synced, and
 * linked to the name. False where somebody else was first. Throws ERR_WAL_UNSUPPORTED where there are no hard links, and
 * ERR_WAL_FORMAT where the name is a link that leads nowhere.
 */
export function publish(
  storage: Storage,
  path: string,
  bytes: Buffer,
  token: string,
  as?: Permissions,
): boolean {
  const temporary = `${path}.${token}.tmp`;
  try {
    writeWhole(storage, temporary, bytes, as);
    giveName(storage, temporary, path);
    storage.syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    if (storage.look(path) !== undefined || !storage.isLink(path)) return false;
    const message = `${path} is a symbolic link that leads nowhere, where a file of the log should be. Move it away.`;
    throw new WalError('ERR_WAL_FORMAT', message);
  } finally {
    removeQuietly(storage, temporary);
  }
}
