import type { Head } from '../format/chain.ts';
import { copyOfRecord, type LogRecord } from '../format/record.ts';
import { Replaced } from './reading.ts';

/** Records that were read together; each seat follows the list of pieces at its own pace. */
export interface Piece {
  readonly records: readonly LogRecord[];
  /** Whether more than one seat receives them. */
  readonly isShared: boolean;
  /** Total size of the lines read up to here. */
  readonly end: number;
  next: Piece | undefined;
}

/** A seat that lags behind by more bytes of lines than this is closed, so that they need not be kept. */
const MOST_BEHIND = 1024 * 1024;

/** A follower's place at a shared reading. */
export class Seat {
  /** The last piece that was taken; undefined once the seat is closed. */
  #at: Piece | undefined;
  /** The head up to which its follower has read by itself. */
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

  /** The next records, as objects of the caller's own; undefined if the signal has aborted or the seat is closed. */
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

  /** Those that its follower has not read yet, and wants. */
  #newIn(records: readonly LogRecord[]): readonly LogRecord[] {
    const first = this.#first;
    if ((records[0] as LogRecord).seq >= first) return records;
    const { seq, crc } = this.#head;
    if (records.some((record) => record.seq === seq && record.crc !== crc)) throw new Replaced();
    return records.filter((record) => record.seq >= first);
  }

  /**
   * There is a next piece. The seat is closed if too much of what was there before, up to `end`, has not been taken.
   */
  given(end: number): void {
    if (this.#at !== undefined && end - this.#at.end > MOST_BEHIND) this.close();
    this.#resume();
  }

  /** An error follows the pieces that the seat was given. */
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
