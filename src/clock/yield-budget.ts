import type { Clock } from './clock.ts';

/** How long the thread may be kept from other work, by default, in milliseconds; approximate. */
const BUDGET_MS = 2;

/**
 * Lets the event loop turn now and then. If the lock is free and syncs are quick, nothing in an append waits
 * for the event loop, and a loop of awaited appends would run from promise to promise and starve timers and
 * I/O.
 */
export class YieldBudget {
  readonly #clock: Clock;
  /** How long the thread may be kept from other work, in milliseconds. */
  readonly mostMs: number;
  /** Start of the current run of the thread; undefined if the event loop has turned since. */
  #since: number | undefined;

  constructor(clock: Clock, mostMs = BUDGET_MS) {
    this.#clock = clock;
    this.mostMs = mostMs;
  }

  /** Milliseconds for which the thread may still be kept from other work; at 0 or below, call `end`. */
  leftMs(): number {
    const now = this.#clock.elapsed();
    if (this.#since === undefined) this.#look(now);
    return this.mostMs - (now - (this.#since ?? now));
  }

  /** Lets the event loop turn, then starts the budget again. */
  async end(): Promise<void> {
    await this.#clock.yield();
    // Now rather than at the next call of `leftMs`: what the thread does until then counts.
    if (this.#since === undefined) this.#look(this.#clock.elapsed());
  }

  /** The event loop has turned since the last start: starts again, and watches for its next turn. */
  #look(now: number): void {
    this.#since = now;
    void this.#clock.yield().then(() => {
      this.#since = undefined;
    });
  }
}
