import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { isDate } from 'node:util/types';

/** Time as the log sees it; passed in so that a simulation can replace it. */
export interface Clock {
  /**
   * The date recorded in what is written, in milliseconds since the epoch: a whole number that a Date can
   * hold.
   */
  now(): number;
  /**
   * The machine's date in the same unit, even where `now` returns another one: what the times of files are
   * compared with.
   */
  machineNow(): number;
  /** Milliseconds since an arbitrary moment, with fractions; never goes back. */
  elapsed(): number;
  /**
   * Milliseconds of processor time used so far, with fractions: by this thread where Node reports that,
   * otherwise by the process. Does not grow while other processes have the processor.
   */
  worked(): number;
  /** Waits without blocking; returns early, without an error, when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `work` after `ms`, unless the process ends first: the timer does not keep it alive. Returns a
   * function that cancels the call.
   */
  later(ms: number, work: () => void): () => void;
  /** Lets the event loop run pending I/O and timers once. */
  yield(): Promise<void>;
  /** Blocks this thread. For waits well under a millisecond, and for synchronous callers. */
  block(ms: number): void;
}

/** The most milliseconds before or after the epoch that a Date can hold. */
const MOST_DATE = 8.64e15;
/**
 * The real ones, taken when this module is loaded and from Node's modules. Fake timers (jest, vitest,
 * node:test) replace the globals by ones for which time stands still: a wait by those would never end.
 */
const machine = {
  Date,
  setTimeout,
  clearTimeout,
  setImmediate,
  elapsed: elapsedOf(process),
  // Only newer versions of Node report it per thread.
  usageOf: (process as { threadCpuUsage?: typeof process.cpuUsage }).threadCpuUsage ?? process.cpuUsage,
};

/**
 * Milliseconds of the monotonic clock that `performance.now` reads, without loading node:perf_hooks. If a
 * test replaced `process.hrtime` before this module was loaded, `process.uptime`, which is slower.
 */
function elapsedOf({ hrtime, uptime }: NodeJS.Process): () => number {
  const elapsed = () => {
    // Read several times per append; destructuring would go through the array's iterator each time.
    const time = hrtime();
    return 1000 * time[0] + time[1] / 1e6;
  };
  const before = elapsed();
  return elapsed() > before ? elapsed : () => 1000 * uptime();
}

/**
 * The date that `tell` returns, as a whole number: rounded down if it has a fraction; the machine's date if
 * it is not a number, is out of range, or `tell` throws. It is written into the log, so that it must be a
 * date that every reader accepts.
 */
export function wholeDate(tell: () => unknown): number {
  const told = dateToldBy(tell);
  // Never -0, which would be read back as 0.
  if (told >= -MOST_DATE && told <= MOST_DATE) return Math.floor(told) + 0;
  return machineNow();
}

/** `Date.now()` as a whole number. */
function now(): number {
  let told: unknown;
  try {
    told = Date.now();
  } catch {
    // The machine's date is used.
  }
  return Number.isSafeInteger(told) && (told as number) > 0 && (told as number) <= MOST_DATE
    ? (told as number)
    : wholeDate(() => told);
}

/** The machine's date: a whole number, whatever `Date.now` was replaced by. */
export function machineNow(): number {
  return new machine.Date().getTime() || 0;
}

/**
 * Runs code that calls `Date.now` itself so that it gets the machine's date, whatever a test has replaced
 * `Date.now` by.
 */
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
