import type { Clock } from '../clock/clock.ts';

/** The event loop is never kept from other work longer than about this. */
const LONGEST_MS = 2;

/**
 * Lets the event loop turn now and then. Where the lock is free and syncs are quick nothing in an append waits for it,
 * and a loop of awaited appends would run from promise to promise and starve timers and I/O.
 */
export class Stretch {
  readonly #clock: Clock;
  /** When the event loop was last seen to turn, if nothing has been seen of it since. */
  #since: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is time for `clock.yield()`. */
  get isOver(): boolean {
    const now = this.#clock.elapsed();
    if (this.#since === undefined) {
      this.#since = now;
      void this.#clock.yield().then(() => {
        this.#since = undefined;
      });
    }
    return now - this.#since >= LONGEST_MS;
  }
}
