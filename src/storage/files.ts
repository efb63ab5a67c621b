import { basename, dirname } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import type { FileAccess, Permissions, Storage, StorageFile } from './storage.ts';

/** Opens a file; undefined if it does not exist. */
export function openIfThere(storage: Storage, path: string, access: FileAccess): StorageFile | undefined {
  try {
    return storage.open(path, access);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Reads at a position until the target is full or the file ends; returns how many bytes were read. */
export function readFully(file: StorageFile, target: Buffer, position: number): number {
  let count = 0;
  while (count < target.length) {
    const more = file.read(target.subarray(count), position + count);
    if (more === 0) break;
    count += more;
  }
  return count;
}

/** More than any of the log's small files has: a larger one is damaged, and need not fit into memory. */
export const MOST_SMALL_BYTES = 16 * 1024 * 1024;

/** Reads a small file whole, or its first `most` bytes; undefined if it does not exist. */
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

/**
 * Removes a file that is not needed, if possible. Failing to do so must not hide the outcome of what it was
 * made for.
 */
export function removeQuietly(storage: Storage, path: string): void {
  try {
    storage.remove(path);
  } catch {
    // The leftover file is ignored by the log.
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

/**
 * The errors of link(2) on a file system without hard links; EISDIR is what Node makes of the answer of
 * Windows.
 */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR'];

function giveName(storage: Storage, temporary: string, path: string): void {
  try {
    storage.link(temporary, path);
  } catch (error) {
    if (!hasCode(error, ...NO_LINKS)) throw error;
    throw new WalError(
      'ERR_WAL_UNSUPPORTED',
      `Cannot make ${basename(path)} in ${dirname(path)}: its file system has no hard links (like FAT and exFAT), and without them other processes could see the file half written. Put the log on another file system.`,
      { cause: error },
    );
  }
}

/**
 * Makes a file appear whole or not at all, and only if the name is free: a temporary file is written, synced,
 * and linked to the name. False if the file was already there. Throws ERR_WAL_UNSUPPORTED if there are no
 * hard links, and ERR_WAL_FORMAT if the name is a symbolic link that leads nowhere.
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
    const message = `${path} is a symbolic link that leads nowhere, and a file of the log should be there. Move the link away.`;
    throw new WalError('ERR_WAL_FORMAT', message);
  } finally {
    removeQuietly(storage, temporary);
  }
}
