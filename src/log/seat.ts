import type { Head } from '../format/chain.ts';
import { copyOfRecord, type LogRecord } from '../format/record.ts';
import { Replaced } from './reading.ts';

/** Records that were read at once; each seat goes along the list of them at its own pace. */
export interface Piece {
  readonly records: readonly LogRecord[];
  /** Whether more than one seat is given them. */
  readonly isShared: boolean;
  /** How many bytes the lines have that were read up to here. */
  readonly end: number;
  next: Piece | undefined;
}

/** A seat that lags behind by more bytes of lines than this is given up, so that they need not be kept. */
const MOST_BEHIND = 1024 * 1024;

/** A follower's place at a shared reading. */
export class Seat {
  /** The last piece that was taken; undefined once the seat is given up. */
  #at: Piece | undefined;
  /** Up to where its follower has read by itself. */
  readonly #head: Head;
  /** The first entry that its follower wants. */
  readonly #first: number;
  readonly #signal: AbortSignal;
  readonly #leave: () => void;
  #failure: { readonly error: unknown } | undefined;
  #resume = () => {};
  readonly #wake = () => this.#resume();

  constructor(last: Piece, head: Head, first: number, signal: AbortSignal, leave: () => void) {
    this.#at = last;
    this.#head = head;
    this.#first = Math.max(first, head.seq + 1);
    this.#signal = signal;
    this.#leave = leave;
    signal.addEventListener('abort', this.#wake, { once: true });
  }

  /** The next records, the caller's own; undefined where the signal has aborted, or the seat is given up. */
  async next(): Promise<readonly LogRecord[] | undefined> {
    while (this.#at !== undefined && !this.#signal.aborted) {
      const { next } = this.#at;
      if (next === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        await new Promise<void>((resolve) => {
          this.#resume = resolve;
        });
        continue;
      }
      this.#at = next;
      const records = this.#newIn(next.records);
      if (records.length > 0) return next.isShared ? records.map(copyOfRecord) : records;
    }
    return undefined;
  }

  /** Those that its follower does not have yet, and wants. */
  #newIn(records: readonly LogRecord[]): readonly LogRecord[] {
    const first = this.#first;
    if ((records[0] as LogRecord).seq >= first) return records;
    const { seq, crc } = this.#head;
    if (records.some((record) => record.seq === seq && record.crc !== crc)) throw new Replaced();
    return records.filter((record) => record.seq >= first);
  }

  /** There is a next piece. The seat is given up where too much of what was there before that, up to `end`, is not taken yet. */
  given(end: number): void {
    if (this.#at !== undefined && end - this.#at.end > MOST_BEHIND) this.close();
    this.#resume();
  }

  /** After the pieces that it was given comes an error. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#resume();
  }

  close(): void {
    this.#at = undefined;
    this.#signal.removeEventListener('abort', this.#wake);
    this.#leave();
  }
}
