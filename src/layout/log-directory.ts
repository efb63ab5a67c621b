import { dirname, join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { decodeMeta, encodeMeta, type LogTraits, type Meta, traitsOf } from '../format/meta.ts';
import { META_FILE, REPAIRING_FILE } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import { publish, readWhole } from '../storage/files.ts';
import type { Permissions, Storage } from '../storage/storage.ts';
import { lastFile, layoutOf } from './layout.ts';

/** What a new log, and the directories made for it, are made with; undefined: what the umask leaves. */
export interface Modes {
  readonly file: Permissions | undefined;
  readonly directory: Permissions | undefined;
}

/** What making a log needs that is not in its bytes. */
export interface Making extends LogTraits {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** 16 hex digits, random. */
  readonly id: string;
  /** A random part for temporary names. */
  readonly token: string;
  /** The first directory that had to be made for it. */
  readonly made: string | undefined;
  /** What wal.json is made with: all other files take that. */
  readonly as: Permissions | undefined;
}

/** Reads what wal.json says; undefined where the directory holds no log. */
export function readMeta(storage: Storage, directory: string): Meta | undefined {
  const path = join(directory, META_FILE);
  try {
    const look = storage.look(directory);
    if (look === undefined) return undefined;
    if (!look.directory) {
      throw new WalError(
        'ERR_WAL_NOT_A_DIRECTORY',
        `${directory} is a file; a log is a directory: name another path.`,
      );
    }
    const meta = () => readWhole(storage, path);
    let bytes = meta();
    if (bytes === undefined) {
      if (lastFile(layoutOf(storage, directory)) === undefined) return undefined;
      // Made since the first look: it is there before any segment is.
      bytes = meta();
    }
    if (bytes !== undefined) return decodeMeta(bytes.toString(), path);
    if (storage.look(join(directory, REPAIRING_FILE)) !== undefined) throw repairingError(directory);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  throw new WalError(
    'ERR_WAL_FORMAT',
    `${path} is missing beside segments: put it back from git or a backup, or make a new log of what is there ("jsonl-wal repair --mode salvage"). It does not come back by itself, for the segments may be another log's.`,
  );
}

function repairingError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_FORMAT',
    `A repair of ${directory} was cut short, or is under way: "jsonl-wal repair --mode salvage" goes on with it, and opens the log again. Do not put ${META_FILE} back: the segments there may be the new log's.`,
  );
}

/** Makes wal.json in the directory, so that both survive a crash; where two do so at once, both get the first one's. */
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
    throw new WalError('ERR_WAL_NOT_FOUND', `${path} was taken away while the log was made.`);
  return meta;
}

/** Syncs wal.json and the directory's own name: both may have been copied here a moment ago. */
function keepLog(storage: Storage, directory: string): void {
  const meta = storage.open(join(directory, META_FILE), 'read');
  try {
    meta.syncNow();
  } finally {
    meta.close();
  }
  try {
    storage.syncDirectory(dirname(directory));
  } catch (error) {
    // Who may write here need not be allowed to look there.
    if (!hasCode(error, 'EACCES', 'EPERM')) throw error;
  }
}

/**
 * Syncs the names of the segments; where `whole`, also wal.json and the directory's own name. Throws ERR_WAL_IO where
 * the directory cannot be opened now, which says nothing of the disk; else what the system throws.
 */
export function syncNames(storage: Storage, directory: string, whole: boolean): void {
  try {
    if (whole) keepLog(storage, directory);
    storage.syncDirectory(directory);
  } catch (error) {
    const { syscall } = error as NodeJS.ErrnoException;
    throw syscall === 'open' ? fileError(error, 'sync', directory, 'unknown') : error;
  }
}

/** Syncs the directory, its parent, and on up to the parent of the first directory that was made. */
export function syncUpwards(storage: Storage, directory: string, made: string | undefined): void {
  const top = dirname(made ?? directory);
  for (let path = directory; ; path = dirname(path)) {
    storage.syncDirectory(path);
    if (path === top || path === dirname(path)) return;
  }
}
