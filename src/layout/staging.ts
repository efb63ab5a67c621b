import { dirname, join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { temporaryName } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import type { Permissions, Storage } from '../storage/storage.ts';
import { syncUpwards } from './log-directory.ts';

/** A directory that appears whole or not at all: made under a temporary name beside its own. */
export class Staging {
  /** Where it is made. */
  readonly path: string;
  readonly #storage: Storage;
  readonly #destination: string;
  /** The first directory that had to be made. */
  readonly #made: string | undefined;

  /**
   * Throws ERR_WAL_EXISTS where the destination is a directory that is not empty, ERR_WAL_NOT_A_DIRECTORY where it is
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

  /** Gives it its own name. What is in it must have been synced; after this it survives a crash. */
  commit(): void {
    const storage = this.#storage;
    const destination = this.#destination;
    try {
      storage.syncDirectory(this.path);
      // On some systems a directory cannot take the place of an empty one.
      if (requireVacant(storage, destination) !== undefined) storage.removeDirectory(destination);
      storage.rename(this.path, destination);
      syncUpwards(storage, dirname(destination), this.#made);
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw existsError(destination);
      throw fileError(error, 'make', destination);
    }
  }

  /** Removes what was made, as far as it can: it is called where something else failed already. */
  discard(): void {
    const storage = this.#storage;
    try {
      for (const name of storage.list(this.path)) storage.remove(join(this.path, name));
      for (let path = this.path; ; path = dirname(path)) {
        storage.removeDirectory(path);
        if (path === this.#made || path === dirname(path)) return;
      }
    } catch {
      // What failed first is what the caller is told.
    }
  }
}

function requireVacant(storage: Storage, path: string) {
  if (storage.isLink(path)) {
    throw new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `${path} is a symbolic link, which a directory cannot take the place of: name the one that it leads to.`,
    );
  }
  const look = storage.look(path);
  if (look === undefined) return undefined;
  if (!look.directory) {
    throw new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `${path} is a file; a log is a directory: name another path.`,
    );
  }
  if (storage.list(path).length > 0) throw existsError(path);
  return look;
}

function existsError(path: string): WalError {
  return new WalError(
    'ERR_WAL_EXISTS',
    `${path} exists and is not empty: nothing there is overwritten. Name a directory that is not there yet, or an empty one.`,
  );
}
