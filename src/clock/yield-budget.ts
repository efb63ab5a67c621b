import type { Clock } from './clock.ts';

/** The thread is kept from other work no longer than about this, in milliseconds, where nothing else is said. */
const BUDGET_MS = 2;

/**
 * Lets the event loop turn now and then. Where the lock is free and syncs are quick nothing in an append waits for it,
 * and a loop of awaited appends would run from promise to promise and starve timers and I/O.
 */
export class YieldBudget {
  readonly #clock: Clock;
  /** How long the thread may be kept from other work, in milliseconds. */
  readonly mostMs: number;
  /** When the event loop was last seen to turn, if nothing has been seen of it since. */
  #since: number | undefined;

  constructor(clock: Clock, mostMs = BUDGET_MS) {
    this.#clock = clock;
    this.mostMs = mostMs;
  }

  /** Milliseconds for which the thread may be kept from other work yet; at 0 and below it is time for `end`. */
  leftMs(): number {
    const now = this.#clock.elapsed();
    this.#look(now);
    return this.mostMs - (now - (this.#since ?? now));
  }

  /** Lets the event loop turn, then starts the next stretch. */
  async end(): Promise<void> {
    await this.#clock.yield();
    // Not when it is asked next: what the thread does until then counts.
    this.#look(this.#clock.elapsed());
  }

  /** Starts a stretch, where the event loop was seen to turn since this was called last, and looks for when it turns again. */
  #look(now: number): void {
    if (this.#since !== undefined) return;
    this.#since = now;
    void this.#clock.yield().then(() => {
      this.#since = undefined;
    });
  }
}
