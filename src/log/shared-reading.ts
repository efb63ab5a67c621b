import type { Clock } from '../clock/clock.ts';
import type { Head } from '../format/chain.ts';
import type { LogRecord } from '../format/record.ts';
import { anySignal } from '../options/signals.ts';
import type { LineStore } from '../store/store.ts';
import type { Reading } from './reading.ts';
import { type Piece, Seat } from './seat.ts';

/**
 * The reading that the followers of a Wal share once each has reached the end of the log by itself: one open file,
 * one look and one sync for all of them. It is the reading of the first follower to get there, and ends when the last
 * one leaves. An error is reported to each follower, as if it had occurred in its own reading.
 */
export class SharedReading {
  readonly #store: LineStore;
  readonly #clock: Clock;
  readonly #durable: boolean;
  readonly #closing: AbortSignal;
  #seats = new Set<Seat>();
  #stop = new AbortController();
  /** The head after the records that were given to the seats. */
  #head: Head = { seq: 0, crc: '' };
  #last: Piece = firstPiece();

  /** `closing`: aborts before the store is closed. */
  constructor(store: LineStore, clock: Clock, durable: boolean, closing: AbortSignal) {
    this.#store = store;
    this.#clock = clock;
    this.#durable = durable;
    this.#closing = closing;
  }

  /**
   * Gives a follower that has reached the end of the log a seat, and takes over its reading. Undefined if that
   * reading is at an earlier position than this one, is in another log, or waits for an entry far ahead while no one
   * else follows: then the follower continues by itself.
   */
  join(reading: Reading, signal: AbortSignal): Seat | undefined {
    const { head, first } = reading.feed;
    if (this.#seats.size === 0) {
      if (first > head.seq + 1) return undefined;
      this.#begin(reading);
    } else {
      const { seq, crc } = this.#head;
      if (head.seq < seq || (head.seq === seq && head.crc !== crc)) return undefined;
      reading.close();
    }
    const seats = this.#seats;
    const leave = () => {
      if (seats.delete(seat) && seats.size === 0 && seats === this.#seats) this.#stop.abort();
    };
    const seat = new Seat(this.#last, head, first, signal, leave);
    seats.add(seat);
    return seat;
  }

  #begin(reading: Reading): void {
    this.#stop = new AbortController();
    const signal = anySignal([this.#closing, this.#stop.signal]);
    reading.following = { signal, durable: this.#durable };
    this.#head = reading.feed.head;
    this.#last = firstPiece(reading.feed.bytes);
    void this.#run(reading, signal);
  }

  async #run(reading: Reading, signal: AbortSignal): Promise<void> {
    const watch = this.#store.watch();
    try {
      while (!signal.aborted) {
        const records = await reading.next();
        if (signal.aborted) break;
        if (records === undefined) await watch.changed(signal);
        else {
          this.#give(records, reading);
          // Lets the followers take each piece before the next one.
          if (reading.hasMore) await this.#clock.yield();
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      watch.close();
      reading.close();
    }
  }

  #give(records: readonly LogRecord[], { feed }: Reading): void {
    const { end } = this.#last;
    const piece = { records, isShared: this.#seats.size > 1, end: feed.bytes, next: undefined };
    this.#last.next = piece;
    this.#last = piece;
    this.#head = feed.head;
    for (const seat of this.#seats) seat.given(end);
  }

  #fail(error: unknown): void {
    const seats = this.#seats;
    this.#seats = new Set();
    for (const seat of seats) seat.fail(error);
  }
}

function firstPiece(end = 0): Piece {
  return { records: [], isShared: false, end, next: undefined };
}
