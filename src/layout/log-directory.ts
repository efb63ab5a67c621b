import { dirname, join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { decodeMeta, encodeMeta, type LogTraits, type Meta, traitsOf } from '../format/meta.ts';
import { META_FILE, REPAIRING_FILE } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import { publish, readWhole } from '../storage/files.ts';
import type { Permissions, Storage } from '../storage/storage.ts';
import { lastFile, layoutOf } from './layout.ts';

/** The permissions of a new log and of the directories made for it; undefined: as the umask leaves them. */
export interface Modes {
  readonly file: Permissions | undefined;
  readonly directory: Permissions | undefined;
}

/** What `makeLog` needs besides the log's traits. */
export interface Making extends LogTraits {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** 16 hex digits, random. */
  readonly id: string;
  /** A random part for temporary names. */
  readonly token: string;
  /** The first directory that had to be made for the log; undefined if it existed. */
  readonly made: string | undefined;
  /** The permissions of wal.json, which all other files take over. */
  readonly as: Permissions | undefined;
}

/** Reads wal.json; undefined if the directory holds no log. */
export function readMeta(storage: Storage, directory: string): Meta | undefined {
  const path = join(directory, META_FILE);
  try {
    const look = storage.look(directory);
    if (look === undefined) return undefined;
    if (!look.directory) {
      throw new WalError(
        'ERR_WAL_NOT_A_DIRECTORY',
        `${directory} is a file, but a log is a directory: name another path.`,
      );
    }
    const meta = () => readWhole(storage, path);
    let bytes = meta();
    if (bytes === undefined) {
      if (lastFile(layoutOf(storage, directory)) === undefined) return undefined;
      // If a log was made since the first look, its wal.json was made before any segment.
      bytes = meta();
    }
    if (bytes !== undefined) return decodeMeta(bytes.toString(), path);
    if (storage.look(join(directory, REPAIRING_FILE)) !== undefined) throw repairingError(directory);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  throw new WalError(
    'ERR_WAL_FORMAT',
    `${path} is missing beside segments: put it back from git or a backup, or make a new log from the files there ("jsonl-wal repair --mode salvage"). It is not made again automatically, because the segments may be another log's.`,
  );
}

function repairingError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_FORMAT',
    `A repair of ${directory} was interrupted, or is still running: "jsonl-wal repair --mode salvage" continues it, and opens the log again. Do not put ${META_FILE} back: the segments there may be the new log's.`,
  );
}

/**
 * Makes wal.json in the directory, so that both survive a crash. If two processes do so at once, both get the first
 * one's.
 */
export function makeLog(storage: Storage, directory: string, making: Making): Meta {
  const path = join(directory, META_FILE);
  try {
    const { id, now } = making;
    const meta: Meta = { id, created: new Date(now).toISOString(), ...traitsOf(making) };
    publish(storage, path, Buffer.from(encodeMeta(meta)), making.token, making.as);
    syncUpwards(storage, directory, making.made);
  } catch (error) {
    throw fileError(error, 'make', path);
  }
  const meta = readMeta(storage, directory);
  if (meta === undefined)
    throw new WalError(
      'ERR_WAL_NOT_FOUND',
      `${path} was removed while the log was being made: make it again.`,
    );
  return meta;
}

/** Syncs wal.json and the directory's own name: somebody may have copied both here a moment ago. */
function syncLog(storage: Storage, directory: string): void {
  const meta = storage.open(join(directory, META_FILE), 'read');
  try {
    meta.syncNow();
  } finally {
    meta.close();
  }
  try {
    storage.syncDirectory(dirname(directory));
  } catch (error) {
    // A process that may write here need not be allowed to open the parent.
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
  }
}

/**
 * Syncs the names of the segments and, if `whole`, wal.json and the directory's own name. Throws ERR_WAL_IO if the
 * directory cannot be opened now, which shows nothing about the disk; otherwise throws the system's error.
 */
export function syncNames(storage: Storage, directory: string, whole: boolean): void {
  try {
    if (whole) syncLog(storage, directory);
    storage.syncDirectory(directory);
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    throw syscall === 'open' ? fileError(error, 'sync', directory, 'unknown') : error;
  }
}

/** Syncs the directory and its parents, up to the parent of the first directory that was made. */
export function syncUpwards(storage: Storage, directory: string, made: string | undefined): void {
  const top = dirname(made ?? directory);
  for (let path = directory; ; path = dirname(path)) {
    storage.syncDirectory(path);
    if (path === top || path === dirname(path)) return;
  }
}
