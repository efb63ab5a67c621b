import { isDate } from 'node:util/types';

/** Time as the log sees it; an argument, so that a simulation can stand in for it. */
export interface Clock {
  /** Milliseconds since the epoch: a whole number that a Date can hold. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back, with fractions. */
  elapsed(): number;
  /** Waits without blocking; ends early, without an error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets pending I/O and timers run once. */
  yield(): Promise<void>;
  /** Blocks this thread. For waits well under a millisecond, and for synchronous callers. */
  block(ms: number): void;
}

/** The most milliseconds that a Date can hold, before and after the epoch. */
const MOST_DATE = 8.64e15;
/** Taken at load: fake timers put another in its place. Its dates are whole, whatever stands in for `Date.now`. */
const MachineDate = Date;

/**
 * The date that `tell` gives, made whole: rounded down where it has a fraction, the machine's own where it is no number, out
 * of range, or `tell` throws. What is dated with it is written into the log, so that it must be one that every reader takes.
 */
export function wholeDate(tell: () => unknown): number {
  const told = dateToldBy(tell);
  // Not -0, which would be read back as 0.
  if (told >= -MOST_DATE && told <= MOST_DATE) return Math.floor(told) + 0;
  return new MachineDate().getTime() || 0;
}

function dateToldBy(tell: () => unknown): number {
  try {
    const told = tell();
    return isDate(told) ? told.getTime() : typeof told === 'number' ? told : Number.NaN;
  } catch {
    return Number.NaN;
  }
}

const cell = new Int32Array(new SharedArrayBuffer(4));

export const systemClock: Clock = {
  now: () => wholeDate(() => Date.now()),
  elapsed: () => performance.now(),
  yield: () => new Promise((resolve) => setImmediate(resolve)),
  block: (ms) => {
    Atomics.wait(cell, 0, 0, ms);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};
