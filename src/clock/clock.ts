/** Time as the log sees it; an argument, so that a simulation can stand in for it. */
export interface Clock {
  /** Milliseconds since the epoch, a whole number. */
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

const cell = new Int32Array(new SharedArrayBuffer(4));

export const systemClock: Clock = {
  now: () => Date.now(),
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
