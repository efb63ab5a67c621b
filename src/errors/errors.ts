import type { Damage } from './damage.ts';

/** Whether the append that an error is about was written. */
export type Outcome = 'not-written' | 'unknown';

/** Who holds, or last held, the write turn: a hint for people, never a decision. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly thread: number;
  /** Milliseconds since the epoch at which the turn was taken. */
  readonly since: number;
}

/** Every code that an error of this package can have, and what it means. */
export const ERROR_CODES = {
  ERR_WAL_ARGUMENT: 'an argument or option is not one the call takes',
  ERR_WAL_ENTRY: 'the entry cannot be written as one JSON record',
  ERR_WAL_TOO_LARGE: 'the entry is larger than maxEntryBytes',
  ERR_WAL_BACKLOG: 'pending appends hold maxPendingBytes: await ready()',
  ERR_WAL_CLOSED: 'the Wal was closed before this call',
  ERR_WAL_READ_ONLY: 'the Wal was opened read-only',
  ERR_WAL_ABORTED: 'the caller aborted the call before anything was written',
  ERR_WAL_CONFLICT: 'the log, or the id, is not where the caller expected it',
  ERR_WAL_NOT_FOUND: 'there is no log at that path',
  ERR_WAL_NOT_A_DIRECTORY: 'the path of a log must be a directory',
  ERR_WAL_PERMISSION: 'the file system refuses access',
  ERR_WAL_EXISTS: 'what was to be made exists already',
  ERR_WAL_FORMAT: 'wal.json is missing beside segments, or damaged, or a repair was cut short',
  ERR_WAL_VERSION: 'the log is of a format version that this package does not read',
  ERR_WAL_CORRUPT: 'data that was acknowledged is missing or damaged',
  ERR_WAL_MISSING: 'files of the log are missing: a sync service keeps them elsewhere, or all were removed',
  ERR_WAL_COMPACTED: 'what was asked for was compacted away: a snapshot covers it',
  ERR_WAL_FOLD: 'the state was made by another fold, or a fold failed',
  ERR_WAL_TRANSACTION: 'a transaction broke its rules, or never stopped conflicting',
  ERR_WAL_DIVERGED: 'the log there now is not the one that was being read or written',
  ERR_WAL_KEY_REUSED: 'the key belongs to an entry in the log that has another content',
  ERR_WAL_KEY_WINDOW: 'the log has another key window, and it can only be raised',
  ERR_WAL_LOCK_TIMEOUT: 'the lock was not free in time, and it is strict',
  ERR_WAL_LOCK_KIND: 'the log uses another kind of lock on this machine',
  ERR_WAL_LOCK_UNAVAILABLE: 'that kind of lock cannot be used on this machine',
  ERR_WAL_NETWORK_FS: 'the directory is on a network file system',
  ERR_WAL_FULL: 'the log has no number left for another entry',
  ERR_WAL_NO_SPACE: 'the disk, the quota or the file-size limit is full',
  ERR_WAL_IO: 'reading or writing failed',
  ERR_WAL_SYNC: 'the disk could not confirm a write',
  ERR_WAL_LATCHED: 'an earlier failure closed this Wal for good; open it again',
  ERR_WAL_UNSUPPORTED:
    'the log, or its file system, cannot do that: a file system without hard links, for example',
} as const;

export type WalErrorCode = keyof typeof ERROR_CODES;

/** The facts that an error has besides its message; each is present only where it applies. */
export interface WalErrorDetails {
  /** Whether the append may be in the log. Absent if the error is not about an append. */
  readonly outcome?: Outcome;
  readonly cause?: unknown;
  /** File name of the segment. */
  readonly segment?: string;
  /** Byte offset in the segment. */
  readonly offset?: number;
  readonly seq?: number;
  readonly holder?: Holder;
  /** The head of the log as it is now (conflicts). */
  readonly head?: { readonly seq: number; readonly crc: string };
  /** The rev that the id has now, 0 if it is not there (conflicts of `expect: {rev}`). */
  readonly rev?: number;
  /** The place in the entry that cannot be written: `data.items[3].score`; in a batch `entries[2].data.items[3].score`. */
  readonly path?: string;
  /** What is damaged or missing, and whether it had been acknowledged. */
  readonly damage?: Damage;
}

/** The one error class of this package: a stable `code`, a message that says what to do, and the facts. */
export class WalError extends Error {
  static {
    WalError.prototype.name = 'WalError';
  }

  readonly code: WalErrorCode;
  declare readonly outcome?: Outcome;
  declare readonly segment?: string;
  declare readonly offset?: number;
  declare readonly seq?: number;
  declare readonly holder?: Holder;
  declare readonly head?: { readonly seq: number; readonly crc: string };
  declare readonly rev?: number;
  declare readonly path?: string;
  declare readonly damage?: Damage;

  constructor(code: WalErrorCode, message: string, details: WalErrorDetails = {}) {
    const { cause, ...facts } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    Object.assign(this, facts);
  }
}

/** The message of a thrown value, which may be anything. */
export function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.message}` : String(thrown);
  } catch {
    return 'what was thrown has no message';
  }
}

/** The message of a thrown value, ended with a full stop. */
export function reasonOf(thrown: unknown): string {
  const message = messageOf(thrown);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** True for an error of the operating system or of Node with that `code`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && codes.includes(code);
}

/** The same error, as one about an append with that outcome. */
export function withOutcome(error: WalError, outcome: Outcome): WalError {
  if (error.outcome === outcome) return error;
  const { message, code, ...facts } = error;
  return new WalError(code, message, { ...facts, outcome, cause: error });
}

/** Throws an error as one about an append that wrote nothing. */
export function throwNotWritten(error: unknown): never {
  throw error instanceof WalError ? withOutcome(error, 'not-written') : error;
}
