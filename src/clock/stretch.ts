import type { Clock } from './clock.ts';

/** The thread is kept from other work no longer than about this, in milliseconds, where nothing else is said. */
const STRETCH_MS = 2;

/**
 * Lets the event loop turn now and then. Where the lock is free and syncs are quick nothing in an append waits for it,
 * and a loop of awaited appends would run from promise to promise and starve timers and I/O.
 */
export class Stretch {
  readonly #clock: Clock;
  /** How long the thread may be kept from other work, in milliseconds. */
  readonly mostMs: number;
  /** When the event loop was last seen to turn, if nothing has been seen of it since. */
  #since: number | undefined;

  constructor(clock: Clock, mostMs = STRETCH_MS) {
    this.#clock = clock;
    this.mostMs = mostMs;
  }

  /** Milliseconds for which the thread may be kept from other work yet; at 0 and below it is time for `end`. */
  get left(): number {
    const now = this.#clock.elapsed();
    if (this.#since === undefined) {
      this.#since = now;
      void this.#clock.yield().then(() => {
        this.#since = undefined;
      });
    }
    return this.mostMs - (now - this.#since);
  }

  /** Lets the event loop turn, then starts the next stretch. */
  async end(): Promise<void> {
    await this.#clock.yield();
    // Looked at now: what the thread does next counts.
    void this.left;
  }
}
