import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { isDate } from 'node:util/types';

/** Time as the log sees it; an argument, so that a simulation can stand in for it. */
export interface Clock {
  /** The date of what is written, in milliseconds since the epoch: a whole number that a Date can hold. */
  now(): number;
  /** The same as the machine tells it, whatever date is written: what the times of files are compared with. */
  machineNow(): number;
  /** Milliseconds from an arbitrary start, never going back, with fractions. */
  elapsed(): number;
  /**
   * Milliseconds that the processor worked so far, with fractions: for this thread where Node tells that, else for the process. It does not
   * grow while others have the processor.
   */
  worked(): number;
  /** Waits without blocking; ends early, without an error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `work` after a while, unless the process ends before: it is not kept alive for that. Returns how to take it back. */
  later(ms: number, work: () => void): () => void;
  /** Lets pending I/O and timers run once. */
  yield(): Promise<void>;
  /** Blocks this thread. For waits well under a millisecond, and for synchronous callers. */
  block(ms: number): void;
}

/** The most milliseconds that a Date can hold, before and after the epoch. */
const MOST_DATE = 8.64e15;
/**
 * The machine's own, taken at load and from Node's modules. Fake timers, as jest, vitest and node:test have them, put others in
 * their places, for which time stands still: what waits by those waits for ever.
 */
const machine = {
  Date,
  setTimeout,
  clearTimeout,
  setImmediate,
  elapsed: elapsedOf(process),
  // Only newer versions of Node tell it for a thread.
  usageOf: (process as { threadCpuUsage?: typeof process.cpuUsage }).threadCpuUsage ?? process.cpuUsage,
};

/**
 * Milliseconds of a monotonic clock, the one that `performance.now` reads: node:perf_hooks is not loaded for it. Where a test replaced
 * `process.hrtime` before this module was loaded, `process.uptime`, which is slower.
 */
function elapsedOf({ hrtime, uptime }: NodeJS.Process): () => number {
  const elapsed = () => {
    // An append asks for it several times, and a pattern would go through the array's iterator each time.
    const time = hrtime();
    return 1000 * time[0] + time[1] / 1e6;
  };
  const before = elapsed();
  return elapsed() > before ? elapsed : () => 1000 * uptime();
}

/**
 * The date that `tell` gives, made whole: rounded down where it has a fraction, the machine's own where it is no number, out
 * of range, or `tell` throws. What is dated with it is written into the log, so that it must be one that every reader takes.
 */
export function wholeDate(tell: () => unknown): number {
  const told = dateToldBy(tell);
  // Not -0, which would be read back as 0.
  if (told >= -MOST_DATE && told <= MOST_DATE) return Math.floor(told) + 0;
  return machineNow();
}

/** What `Date.now` tells, made whole. */
function now(): number {
  let told: unknown;
  try {
    told = Date.now();
  } catch {
    // The machine's own is taken.
  }
  return Number.isSafeInteger(told) && (told as number) > 0 && (told as number) <= MOST_DATE
    ? (told as number)
    : wholeDate(() => told);
}

/** The machine's date. It is whole, whatever stands in for `Date.now`. */
export function machineNow(): number {
  return new machine.Date().getTime() || 0;
}

/** Calls what asks `Date.now` by itself, and lets it have the machine's date, whatever a test has put in its place. */
export function inMachineTime<T>(call: () => T): T {
  const date = globalThis.Date;
  const told = date.now;
  Reflect.set(date, 'now', machineNow);
  try {
    return call();
  } finally {
    Reflect.set(date, 'now', told);
  }
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
  now,
  machineNow,
  elapsed: machine.elapsed,
  worked: () => {
    const { user, system } = machine.usageOf();
    return (user + system) / 1000;
  },
  yield: () => new Promise((resolve) => machine.setImmediate(resolve)),
  block: (ms) => {
    Atomics.wait(cell, 0, 0, ms);
  },
  later: (ms, work) => {
    const timer = machine.setTimeout(work, ms).unref();
    return () => machine.clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        machine.clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = machine.setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};
