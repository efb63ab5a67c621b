import type { Clock } from '../../src/clock/clock.ts';

const START = Date.UTC(2026, 0, 1);
/** What looking at the clock takes, in milliseconds. */
const TICK_MS = 0.001;

interface Waiter {
  /** Whoever it is that waits. */
  readonly who: object;
  readonly go: () => void;
}

/** All that wait, in the order they came, and the time that they wait by. */
export class Scheduler {
  #waiting: Waiter[] = [];
  #elapsed = 0;
  #wallOffset = 0;

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits for its turn. */
  pause(who: object): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push({ who, go });
    });
  }

  /** Lets nobody of these ever go on. */
  forget(who: object): void {
    this.#waiting = this.#waiting.filter((waiter) => waiter.who !== who);
  }

  /** Lets one of those that wait go on. */
  letGo(which: number): void {
    const [next] = this.#waiting.splice(which, 1);
    next?.go();
  }

  /** Time goes on. */
  pass(ms: number): void {
    this.#elapsed += Math.max(ms, TICK_MS);
  }

  /** The wall clock is set to another time. */
  setWallClock(byMs: number): void {
    this.#wallOffset += byMs;
  }

  readonly now = (): number => Math.floor(START + this.#elapsed + this.#wallOffset);

  get elapsed(): number {
    return this.#elapsed;
  }

  /** A clock by which waits end in any order: whoever sleeps may wake late, or before others that slept less. */
  clockOf(who: object): Clock {
    return {
      now: this.now,
      machineNow: this.now,
      elapsed: () => {
        this.pass(TICK_MS);
        return this.#elapsed;
      },
      // What is simulated takes no processor time.
      worked: () => 0,
      block: (ms) => this.pass(ms),
      yield: () => this.pause(who),
      // What need not be done before a process ends is not done.
      later: () => () => {},
      sleep: async (ms, signal) => {
        await this.pause(who);
        if (!signal?.aborted) this.pass(ms);
      },
    };
  }
}
