import type { Clock } from '../clock/clock.ts';
import { type Holder, hasCode, WalError } from '../errors/errors.ts';
import type { Lock } from './lock.ts';

/** How the gate waits. Times in milliseconds. */
export interface GateOptions {
  readonly lock: Lock;
  readonly clock: Clock;
  /** A number from 0 to 1 (not included), for jitter. */
  readonly random: () => number;
  /** The longest wait; Infinity waits for ever. */
  readonly timeoutMs: number;
  /** True: a wait that runs out is an error. False: the writer goes on without the lock. */
  readonly strict: boolean;
  /** Sleep between two tries, at first and at most, while the thread is blocked. */
  readonly pollMs: readonly [first: number, most: number];
  readonly holder: () => Holder | undefined;
  readonly observe?: GateObserver;
}

export interface GateObserver {
  /** The lock was not free at once; called then, and every second after. */
  waiting?(waitedMs: number, holder: Holder | undefined): void;
  /** `contended`: it was not free at the first try. */
  entered?(waitedMs: number, held: boolean, contended: boolean): void;
  /** A wait ran out: the first since the lock was last held. */
  takenOver?(waitedMs: number, holder: Holder | undefined): void;
  left?(heldMs: number): void;
}

/** The thread is never blocked longer than this at a stretch. */
const STRETCH_MS = 2;
/** After this long the holder is likely stopped: sleep without blocking. */
const PATIENCE_MS = 50;
const NOTICE_MS = 1000;

/**
 * The way into the write turn: tries the lock, waits for it in short sleeps, and after the time-out goes on without it,
 * because order is the lock's to give, and safety is not. Once it went on without, it does not wait again until it has
 * got the lock.
 */
export class Gate {
  readonly #options: GateOptions;
  #held = false;
  #bypassing = false;
  #since = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Waits for its turn and runs `turn` in it, in one stretch with the lock's taking and release: nothing else of this
   * thread can come between, so it cannot wait for itself. Undefined where `wanted` said meanwhile that there is nothing left to do.
   */
  async enter<T>(wanted: () => boolean, turn: () => T): Promise<T | undefined> {
    const wait = this.#begin();
    const { clock } = this.#options;
    let stretch = 0;
    while (!this.#try(wait)) {
      const ms = this.#next(wait);
      if (wait.waited > PATIENCE_MS) {
        await clock.sleep(1 + 4 * this.#options.random());
      } else if (stretch + ms <= STRETCH_MS) {
        clock.block(ms);
        stretch += ms;
      } else {
        await clock.yield();
        stretch = 0;
      }
      if (!wanted()) return undefined;
    }
    return this.#inside(turn);
  }

  /** The same, blocking the thread while it waits. */
  enterNow<T>(turn: () => T): T {
    const wait = this.#begin();
    while (!this.#try(wait)) this.#options.clock.block(this.#next(wait));
    return this.#inside(turn);
  }

  #inside<T>(turn: () => T): T {
    try {
      return turn();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    const { clock, lock, observe } = this.#options;
    observe?.left?.(clock.elapsed() - this.#since);
    if (!this.#held) return;
    this.#held = false;
    try {
      lock.release();
    } catch {
      // Others wait for it longer, and then go on without: no reason to lose what came of the turn.
    }
  }

  #begin(): Wait {
    return {
      start: this.#options.clock.elapsed(),
      waited: 0,
      tries: 0,
      noticed: undefined,
      poll: this.#options.pollMs[0],
    };
  }

  #try(wait: Wait): boolean {
    const { lock, clock, observe } = this.#options;
    try {
      this.#held = lock.tryAcquire();
    } catch (error) {
      throw new WalError(
        hasCode(error, 'ENOSPC', 'EDQUOT') ? 'ERR_WAL_NO_SPACE' : 'ERR_WAL_LOCK_UNAVAILABLE',
        `Taking the ${lock.kind} lock failed: ${(error as Error).message}`,
        {
          outcome: 'not-written',
          cause: error,
        },
      );
    }
    this.#since = clock.elapsed();
    wait.tries++;
    wait.waited = this.#since - wait.start;
    if (this.#held) this.#bypassing = false;
    else if (!this.#bypassing && !this.#runOut(wait)) return false;
    observe?.entered?.(wait.waited, this.#held, wait.tries > 1);
    return true;
  }

  /** After a failed try: true where the wait is over all the same. */
  #runOut(wait: Wait): boolean {
    const { timeoutMs, strict, holder, observe, lock } = this.#options;
    if (wait.waited >= timeoutMs) {
      if (strict) {
        const who = holder();
        throw new WalError(
          'ERR_WAL_LOCK_TIMEOUT',
          `The ${lock.kind} lock was not free within ${timeoutMs} ms${who ? ` (last taken by pid ${who.pid} on ${who.host})` : ''}: try again, or see "jsonl-wal lock status".`,
          { outcome: 'not-written', ...(who && { holder: who }) },
        );
      }
      this.#bypassing = true;
      observe?.takenOver?.(wait.waited, holder());
      return true;
    }
    if (observe?.waiting && (wait.noticed === undefined || wait.waited - wait.noticed >= NOTICE_MS)) {
      wait.noticed = wait.waited;
      observe.waiting(wait.waited, wait.waited >= NOTICE_MS ? holder() : undefined);
    }
    return false;
  }

  #next(wait: Wait): number {
    const [, most] = this.#options.pollMs;
    const ms = wait.poll * (0.5 + this.#options.random());
    wait.poll = Math.min(wait.poll * 1.5, most);
    return ms;
  }
}

interface Wait {
  readonly start: number;
  waited: number;
  tries: number;
  noticed: number | undefined;
  poll: number;
}
