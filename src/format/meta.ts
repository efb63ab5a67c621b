import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from './canonical.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { DEFAULT_KEY_WINDOW, isKeyWindow } from './key-scope.ts';

/** The format version that this package writes and reads. */
export const FORMAT_VERSION = 1;

/** The properties that a log is created with, and that a copy of it gets too. */
export interface LogTraits {
  /** True if the log is kept in git: it stays in one segment, so that a merge sees the whole log. */
  readonly git: boolean;
  /** The key window that the log was created with, in entries; `wal.keys` entries raise it. */
  readonly keyWindow: number;
  /** The fold that the log was created with; a `wal.fold` entry can record one later. */
  readonly fold?: FoldIdentity | undefined;
  readonly keepEvents: KeepEvents;
}

/**
 * True if the entries themselves are the data: the log is never compacted. `unknown` if a salvage had to make a lost
 * wal.json again and found nothing that shows the value: the log is not compacted until somebody sets the value in
 * wal.json.
 */
export type KeepEvents = boolean | 'unknown';

/** The content of wal.json. */
export interface Meta extends LogTraits {
  /** Random, 16 lower-case hex digits; a restored copy gets another. */
  readonly id: string;
  /** When the log was made, as an ISO 8601 time in UTC. */
  readonly created: string;
}

/** Leaves out all fields but a log's traits. */
export function traitsOf({ git, keyWindow, fold, keepEvents }: LogTraits): LogTraits {
  return { git, keyWindow, fold, keepEvents };
}

export function encodeMeta(meta: Meta): string {
  const { git, keepEvents, ...rest } = meta;
  const flags = { ...(git && { git }), ...(keepEvents && { keepEvents }) };
  return `${canonicalOfParsed({ format: 'jsonl-wal', version: FORMAT_VERSION, ...rest, ...flags })}\n`;
}

/** Parses wal.json. `path` is named in the error if it is damaged. */
export function decodeMeta(text: string, path: string): Meta {
  const damaged = (why: string, cause?: unknown) =>
    new WalError(
      'ERR_WAL_FORMAT',
      `${path} is damaged (${why}): put it back from git or a backup, or make a new log from the files there ("jsonl-wal repair --mode salvage").`,
      { cause },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  if (typeof value !== 'object' || value === null) throw damaged('it is not an object');
  const {
    format,
    version,
    id,
    created,
    git,
    keyWindow = DEFAULT_KEY_WINDOW,
    fold,
    keepEvents,
  } = value as Record<string, unknown>;
  if (format !== 'jsonl-wal') throw damaged('it does not name the format jsonl-wal');
  if (typeof version !== 'number' || !Number.isInteger(version)) throw damaged('it has no version');
  if (version !== FORMAT_VERSION) {
    const advice =
      version > FORMAT_VERSION
        ? 'a newer jsonl-wal made it: upgrade this one'
        : 'no release wrote that version';
    throw new WalError(
      'ERR_WAL_VERSION',
      `${path} says format version ${version}, this package reads ${FORMAT_VERSION}: ${advice}.`,
    );
  }
  if (typeof id !== 'string' || !/^[0-9a-f]{16}$/.test(id)) throw damaged('its id is not 16 hex digits');
  if (typeof created !== 'string' || Number.isNaN(Date.parse(created)))
    throw damaged('its created is not a date');
  if (git !== undefined && typeof git !== 'boolean') throw damaged('its git is neither true nor false');
  if (!isKeyWindow(keyWindow)) throw damaged('its keyWindow is not a whole number from 0 to 10,000,000');
  if (fold !== undefined && !isFoldIdentity(fold))
    throw damaged('its fold lacks a name of 1 to 200 characters, or a version that is a whole number from 1');
  if (keepEvents !== undefined && typeof keepEvents !== 'boolean' && keepEvents !== 'unknown')
    throw damaged('its keepEvents is neither true nor false nor "unknown"');
  return { id, created, git: git === true, keyWindow, fold, keepEvents: keepEvents ?? false };
}
