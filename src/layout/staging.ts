import { dirname, join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { temporaryName } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import type { Permissions, Storage } from '../storage/storage.ts';
import { syncUpwards } from './log-directory.ts';

/** A directory that appears as a whole or not at all: it is made under a temporary name beside its own. */
export class Staging {
  /** The temporary path. */
  readonly path: string;
  readonly #storage: Storage;
  readonly #destination: string;
  /** The first directory that had to be made. */
  readonly #made: string | undefined;

  /**
   * Throws ERR_WAL_EXISTS if the destination is a directory that is not empty, and ERR_WAL_NOT_A_DIRECTORY if it is
   * something else.
   */
  constructor(storage: Storage, destination: string, token: string, as?: Permissions) {
    this.#storage = storage;
    this.#destination = destination;
    this.path = temporaryName(destination, storage.maker, token);
    try {
      const there = requireVacant(storage, destination);
      this.#made = storage.makeDirectory(this.path, there ?? as);
    } catch (error) {
      throw fileError(error, 'make', destination);
    }
  }

  /** Gives the directory its own name. Its files must have been synced; after this it survives a crash. */
  commit(): void {
    const storage = this.#storage;
    const destination = this.#destination;
    try {
      storage.syncDirectory(this.path);
      // On some systems a rename cannot replace an empty directory.
      if (requireVacant(storage, destination) !== undefined) storage.removeDirectory(destination);
      storage.rename(this.path, destination);
      syncUpwards(storage, dirname(destination), this.#made);
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw existsError(destination);
      throw fileError(error, 'make', destination);
    }
  }

  /** Removes what was made, as far as possible. It is called after something else failed. */
  discard(): void {
    const storage = this.#storage;
    try {
      for (const name of storage.list(this.path)) storage.remove(join(this.path, name));
      for (let path = this.path; ; path = dirname(path)) {
        storage.removeDirectory(path);
        if (path === this.#made || path === dirname(path)) return;
      }
    } catch {
      // The caller gets the error that came first.
    }
  }
}

function requireVacant(storage: Storage, path: string) {
  if (storage.isLink(path)) {
    throw new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `${path} is a symbolic link, which a directory cannot replace: name the directory that it leads to.`,
    );
  }
  const look = storage.look(path);
  if (look === undefined) return undefined;
  if (!look.directory) {
    throw new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `${path} is a file, but a log is a directory: name another path.`,
    );
  }
  if (storage.list(path).length > 0) throw existsError(path);
  return look;
}

function existsError(path: string): WalError {
  return new WalError(
    'ERR_WAL_EXISTS',
    `${path} exists and is not empty; nothing in it was overwritten. Name a directory that does not exist yet, or an empty one.`,
  );
}
