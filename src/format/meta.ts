import { WalError } from '../errors/errors.ts';
import { canonicalOfParsed } from './canonical.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { DEFAULT_KEY_WINDOW, isKeyWindow } from './key-scope.ts';

/** The version of the format this package writes and reads. */
export const FORMAT_VERSION = 1;

/** What a log was made as; a copy of it is made as the same. */
export interface LogTraits {
  /** True where the log is kept in git: it stays in one segment, so that a merge sees the whole. */
  readonly git: boolean;
  /** The key window that the log was made with; `wal.keys` entries raise it. */
  readonly keyWindow: number;
  /** The fold that the log was made with; a `wal.fold` entry records one later. */
  readonly fold?: FoldIdentity | undefined;
  readonly keepEvents: KeepEvents;
}

/**
 * True where the entries themselves are the data: the log is never compacted. `unknown`: wal.json was lost, and a salvage that made it again
 * found nothing that told; the log is not compacted until somebody has changed that in wal.json.
 */
export type KeepEvents = boolean | 'unknown';

/** What wal.json says of a log. */
export interface Meta extends LogTraits {
  /** Random, 16 lower-case hex digits; a restored copy gets another. */
  readonly id: string;
  /** When the log was made, as an ISO 8601 time in UTC. */
  readonly created: string;
}

/** What a log is made as. */
export function traitsOf({ git, keyWindow, fold, keepEvents }: LogTraits): LogTraits {
  return { git, keyWindow, fold, keepEvents };
}

export function encodeMeta(meta: Meta): string {
  const { git, keepEvents, ...rest } = meta;
  const flags = { ...(git && { git }), ...(keepEvents && { keepEvents }) };
  return `${canonicalOfParsed({ format: 'jsonl-wal', version: FORMAT_VERSION, ...rest, ...flags })}\n`;
}

/** Reads wal.json; `path` is for the message of the error that a damaged one gets. */
export function decodeMeta(text: string, path: string): Meta {
  const damaged = (why: string, cause?: unknown) =>
    new WalError(
      'ERR_WAL_FORMAT',
      `${path} is damaged (${why}): put it back from git or a backup, or make a new log of what is there ("jsonl-wal repair --mode salvage").`,
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
    throw damaged('its time of creation is none');
  if (git !== undefined && typeof git !== 'boolean') throw damaged('its git is neither true nor false');
  if (!isKeyWindow(keyWindow)) throw damaged('its keyWindow is not a whole number from 0 to 10,000,000');
  if (fold !== undefined && !isFoldIdentity(fold))
    throw damaged('its fold has no name of 1 to 200 characters, or no version from 1');
  if (keepEvents !== undefined && typeof keepEvents !== 'boolean' && keepEvents !== 'unknown')
    throw damaged('its keepEvents is neither true nor false nor "unknown"');
  return { id, created, git: git === true, keyWindow, fold, keepEvents: keepEvents ?? false };
}
