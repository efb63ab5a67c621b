import type { Clock } from '../clock/clock.ts';
import type { YieldBudget } from '../clock/yield-budget.ts';
import { type Holder, hasCode, WalError } from '../errors/errors.ts';
import type { Lock } from './lock.ts';

/** How the gate waits. Times in milliseconds. */
export interface GateOptions {
  readonly lock: Lock;
  readonly clock: Clock;
  /** How long the thread may be kept from other work. */
  readonly budget: YieldBudget;
  /** A number from 0 to 1 (not included), for jitter. */
  readonly random: () => number;
  /** The longest wait; Infinity: no limit. */
  readonly timeoutMs: number;
  /** True: a wait that times out is an error. False: the writer then continues without the lock. */
  readonly strict: boolean;
  /** Sleep between two tries: the first, and the longest, when there is no crowd. */
  readonly pollMs: readonly [first: number, most: number];
  readonly holder: () => Holder | undefined;
  readonly observe?: GateObserver;
}

/** Counters of the gate. */
export interface GateCounts {
  turns: number;
  /** Turns for which the lock was not free at the first try. */
  waits: number;
  takeovers: number;
  /** How long the turns in `waits` waited. */
  readonly waitMs: { add(ms: number): void };
  readonly holdMs: { add(ms: number): void };
}

export interface GateObserver {
  readonly counts?: GateCounts;
  /** Called when the lock was not free at once, and every second after. */
  waiting?(waitedMs: number, holder: Holder | undefined): void;
  /** Called for the first wait that timed out since the lock was last held. */
  takenOver?(waitedMs: number, holder: Holder | undefined): void;
}

/** After this long the holder is probably stopped: sleep without blocking the thread. */
const PATIENCE_MS = 50;
const NOTICE_MS = 1000;
/**
 * If at least this many other writers take a turn between two of this one, the first sleep is `MS_EACH` for
 * each.
 */
const CROWD = 8;
const MS_EACH = 1.5;
const LONGEST_FIRST_MS = 30;
/**
 * The most of the timeout that the first sleep takes, so that the lock is tried several times before it ends.
 */
const FIRST_OF_TIMEOUT = 0.2;

/**
 * The way into the write turn: tries the lock, waits for it in short sleeps, and after the timeout continues
 * without it: the lock only gives order, and safety does not depend on it. A writer that has continued
 * without the lock does not wait again until it has once got the lock.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #counts: GateCounts | undefined;
  #bypassing = false;
  /** When the current turn began. */
  #since = 0;
  /** Whether the current turn holds the lock. */
  isHeld = false;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#counts = options.observe?.counts;
  }

  /**
   * Begins a turn if the lock is free. The caller ends the turn with `leave`, synchronously: no other code of
   * this thread runs in between, so that the thread cannot wait for itself.
   */
  take(): boolean {
    const { lock, clock } = this.#options;
    try {
      this.isHeld = lock.tryAcquire();
    } catch (error) {
      throw lockError(lock, error);
    }
    if (!this.isHeld) return false;
    this.#bypassing = false;
    this.#since = clock.elapsed();
    return true;
  }

  /** Ends the turn. */
  leave(): void {
    const { clock, lock } = this.#options;
    if (this.#counts !== undefined) {
      this.#counts.turns++;
      this.#counts.holdMs.add(clock.elapsed() - this.#since);
    }
    if (!this.isHeld) return;
    this.isHeld = false;
    try {
      lock.release();
    } catch {
      // A lock that was not released costs other writers a wait; it is no reason to discard the outcome of
      // the turn.
    }
  }

  /**
   * Waits for the lock, which is not free, and runs `turn`, which ends with `leave`. Undefined if `wanted`
   * has become false meanwhile. `others`: how many other writers usually take a turn between two of this one.
   */
  async wait<T>(wanted: () => boolean, turn: () => T, others: number): Promise<T | undefined> {
    const { clock, random, budget } = this.#options;
    const wait = this.#begin(others);
    while (!this.#isOver(wait)) {
      const ms = this.#next(wait);
      if (wait.waited > PATIENCE_MS) {
        await clock.sleep(1 + 4 * random());
      } else if (ms <= budget.leftMs()) {
        clock.block(ms);
      } else if (ms <= budget.mostMs) {
        await budget.end();
      } else {
        await clock.sleep(ms);
      }
      if (!wanted()) return undefined;
    }
    return this.#after(wait, turn);
  }

  /** Like `wait`, but blocks the thread. */
  waitNow<T>(turn: () => T, others: number): T {
    const wait = this.#begin(others);
    while (!this.#isOver(wait)) this.#options.clock.block(this.#next(wait));
    return this.#after(wait, turn);
  }

  #after<T>({ slept, waited }: Wait, turn: () => T): T {
    if (slept && this.#counts !== undefined) {
      this.#counts.waits++;
      this.#counts.waitMs.add(waited);
    }
    // Without the lock, the turn begins here.
    if (!this.isHeld) this.#since = this.#options.clock.elapsed();
    return turn();
  }

  #begin(others: number): Wait {
    const { clock, pollMs, timeoutMs } = this.#options;
    const most = Math.min(LONGEST_FIRST_MS, FIRST_OF_TIMEOUT * timeoutMs);
    return {
      start: clock.elapsed(),
      waited: 0,
      slept: false,
      noticed: undefined,
      poll: others < CROWD ? pollMs[0] : Math.min(MS_EACH * others, most),
      tried: true,
    };
  }

  /** Tries the lock unless that was done just now; true if the turn can begin, with the lock or without. */
  #isOver(wait: Wait): boolean {
    const { timeoutMs, strict, holder, observe, lock, clock } = this.#options;
    const held = !wait.tried && this.take();
    wait.tried = false;
    wait.waited = clock.elapsed() - wait.start;
    if (held || this.#bypassing) return true;
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
      if (this.#counts !== undefined) this.#counts.takeovers++;
      observe?.takenOver?.(wait.waited, holder());
      return true;
    }
    if (observe?.waiting && (wait.noticed === undefined || wait.waited - wait.noticed >= NOTICE_MS)) {
      wait.noticed = wait.waited;
      observe.waiting(wait.waited, wait.waited >= NOTICE_MS ? holder() : undefined);
    }
    return false;
  }

  /**
   * How long to sleep, in milliseconds. In a crowd the first sleep is long, so that few processes are awake
   * at a time, and later ones are shorter, so that none waits much longer than the others: each failed try
   * costs the other processes as much time as this one.
   */
  #next(wait: Wait): number {
    const { timeoutMs, random, pollMs } = this.#options;
    const [, most] = pollMs;
    wait.slept = true;
    const ms = wait.poll * (0.5 + random());
    wait.poll = wait.poll > most ? Math.max(0.7 * wait.poll, most) : Math.min(1.5 * wait.poll, most);
    return Math.min(ms, timeoutMs - wait.waited);
  }
}

function lockError({ kind }: Lock, cause: unknown): WalError {
  const code = hasCode(cause, 'ENOSPC', 'EDQUOT') ? 'ERR_WAL_NO_SPACE' : 'ERR_WAL_LOCK_UNAVAILABLE';
  const message = `Taking the ${kind} lock failed: ${(cause as Error).message}`;
  return new WalError(code, message, { outcome: 'not-written', cause });
}

interface Wait {
  readonly start: number;
  waited: number;
  /** Whether it slept at all: a writer that bypasses a lock held for good does not wait. */
  slept: boolean;
  noticed: number | undefined;
  poll: number;
  /** Whether the lock was tried since the last sleep. */
  tried: boolean;
}
