import type { Clock } from '../../clock/clock.ts';
import { type Dice, pick } from '../seeded.ts';

/** Everything that waits, and whose turn it is next: the dice say. */
export class Scheduler {
  readonly #dice: Dice;
  #waiting: (() => void)[] = [];
  #elapsed = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** Waits for its turn. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Lets one of those that wait go on, and runs until everything waits again. False where nothing waited. */
  async step(): Promise<boolean> {
    const next = pick(this.#dice, this.#waiting);
    if (next !== undefined) this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next?.();
    // All microtasks, however many follow each other.
    await new Promise((resolve) => setImmediate(resolve));
    return next !== undefined;
  }

  /** A clock by which waits end in any order: whoever sleeps may wake late, or before others that slept less. */
  get clock(): Clock {
    const tick = (ms: number) => {
      this.#elapsed += Math.max(ms, 0.001);
    };
    return {
      now: () => Math.floor(Date.UTC(2026, 0, 1) + this.#elapsed),
      elapsed: () => {
        tick(0.001);
        return this.#elapsed;
      },
      block: tick,
      yield: () => this.pause(),
      sleep: async (ms, signal) => {
        await this.pause();
        if (!signal?.aborted) tick(ms);
      },
    };
  }
}
