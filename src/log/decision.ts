import type { Head } from '../format/chain.ts';
import type { Body } from '../format/entry.ts';

/** What stands before a decision in the write that is being made: it is decided as if that had landed. */
export interface Preceding {
  /** Another number each time that the write is made anew. */
  readonly round: number;
  /** How many lines there are so far. */
  readonly count: number;
  /** The head that they leave. */
  readonly head: Head;
  /** Shows the i-th line, without its newline, until the call returns. */
  show(i: number, to: (bytes: Buffer, start: number, end: number) => void): void;
}

/**
 * Decides, synchronously, what is appended at the head that `preceding` leaves: undefined for nothing. It is asked again
 * each time that the write is made anew, and may throw: that rejects its own append only.
 */
export type Decide = (preceding: Preceding) => Body | undefined;

/** Thrown by a decision that cannot be taken before something was read; then it is asked again. */
export class Behind {
  readonly until: Promise<unknown>;

  constructor(until: Promise<unknown>) {
    this.until = until;
  }
}

/** The body of an append that is not decided yet. */
export const UNDECIDED: Body = { text: '', bytes: 0, count: 0, ts: 0, key: undefined, sum: 0 };
