/** Whether what is gone had been acknowledged; `unknown` where nothing that is left tells. */
export type Acknowledged = 'yes' | 'no' | 'unknown';

/** Why a line is damaged, where it is known. */
export type DamageCause =
  | 'carriage-return'
  | 'byte-order-mark'
  | 'utf-16'
  | 'white-space'
  | 'merge-conflict'
  | 'missing-newlines'
  | 'too-long'
  | 'not-a-record'
  | 'checksum-mismatch';

/** What tells that entries had been acknowledged: a line's `synced`, the first line of a later segment, or a snapshot's name. */
export interface Evidence {
  /** File name of the segment, or snapshot. */
  readonly segment: string;
  /** Byte offset of the line in it. */
  readonly offset: number;
  /** All entries up to this one had been. */
  readonly synced: number;
}

/** A stretch of the log that is damaged, or is not there. In an error: as far as it is known where reading stopped. */
export interface Damage {
  /**
   * damaged: lines that are no lines of a log. unreadable: a line with a right checksum whose data is not JSON. missing:
   * nothing lies where entries were. foreign: a segment of another log, or of an older copy, lies in the place of this one's.
   */
  readonly kind: 'damaged' | 'unreadable' | 'missing' | 'foreign';
  /** File name of the segment, or snapshot; of one that is missing, the name it had. */
  readonly segment: string;
  /** Byte offset in the segment. */
  readonly offset: number;
  /** Bytes, the last newline included; 0 where nothing lies there. */
  readonly length: number;
  /** Number of its first line in the segment, from 1; absent where lines were not counted. */
  readonly line?: number;
  /** Of a damaged stretch, why its first line is damaged. */
  readonly cause?: DamageCause;
  /** The first entry that was there, or would have been. */
  readonly from: number;
  /** The last; absent where nothing tells. */
  readonly to?: number;
  /** How many entries it held: so many, or, where not `exact`, at least so many. */
  readonly records: number;
  readonly exact: boolean;
  readonly acknowledged: Acknowledged;
  /** Present where some of it had been acknowledged: all of it, but for the entries after `evidence.synced`. */
  readonly evidence?: Evidence;
  /** A snapshot that stands for these entries: the state has them, though the log has not. */
  readonly snapshot?: string;
}

/** How the error for a damaged log ends: what to run next. */
export const ADVICE = {
  verify: 'Run "jsonl-wal verify" for the whole picture.',
  mend: 'What is left can be read past the damage ("jsonl-wal read --on-damage skip"); "jsonl-wal doctor" says how to mend the log.',
} as const;

/** The message of such an error without that: for the doctor and the repair, which are what it names. */
export function withoutAdvice(message: string): string {
  return message.replace(` ${ADVICE.verify}`, '').replace(` ${ADVICE.mend}`, '');
}
