/** Whether what is missing had been acknowledged; `unknown` if nothing that is left shows it. */
export type Acknowledged = 'yes' | 'no' | 'unknown';

/** Why a line is damaged, if that is known. */
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

/** What proves that entries had been acknowledged: a line's `synced`, the first line of a later segment, or a snapshot's name. */
export interface Evidence {
  /** File name of the segment, or snapshot. */
  readonly segment: string;
  /** Byte offset of the line in that file. */
  readonly offset: number;
  /** All entries up to this one had been acknowledged. */
  readonly synced: number;
}

/** A range of the log that is damaged or missing. In an error: as far as it is known where reading stopped. */
export interface Damage {
  /**
   * damaged: lines that are no lines of a log. unreadable: a line with a valid checksum whose data is not JSON. missing:
   * nothing is where entries were. foreign: a segment of another log, or of an older copy, is in the place of this log's.
   */
  readonly kind: 'damaged' | 'unreadable' | 'missing' | 'foreign';
  /** File name of the segment, or snapshot; if that is missing, the name it had. */
  readonly segment: string;
  /** Byte offset in the segment. */
  readonly offset: number;
  /** Length in bytes, the last newline included; 0 if nothing is there. */
  readonly length: number;
  /** Number of the range's first line in the segment, from 1; absent if lines were not counted. */
  readonly line?: number;
  /** Why the first line of a damaged range is damaged. */
  readonly cause?: DamageCause;
  /** The first entry that was there, or would have been. */
  readonly from: number;
  /** The last such entry; absent if nothing shows it. */
  readonly to?: number;
  /** How many entries the range held; at least so many unless `exact`. */
  readonly records: number;
  readonly exact: boolean;
  readonly acknowledged: Acknowledged;
  /** Present if entries of the range had been acknowledged: all of them, except those after `evidence.synced`. */
  readonly evidence?: Evidence;
  /** A snapshot that covers these entries: the state has them, although the log does not. */
  readonly snapshot?: string;
}

/** The end of an error for a damaged log: what to run next. */
export const ADVICE = {
  verify: 'Run "jsonl-wal verify" for the whole picture.',
  repair:
    'What is left can be read past the damage ("jsonl-wal read --on-damage skip"); "jsonl-wal doctor" says how to repair the log.',
} as const;

/** The message of such an error without the advice: for the doctor and the repair, which the advice names. */
export function withoutAdvice(message: string): string {
  return message.replace(` ${ADVICE.verify}`, '').replace(` ${ADVICE.repair}`, '');
}
