import type { Clock } from '../../src/clock/clock.ts';

const START = Date.UTC(2026, 0, 1);
/** What looking at the clock takes, in milliseconds: time goes on. */
const TICK_MS = 0.001;

/** A clock on which nothing waits: each wait ends as soon as other code had its turn, and time has gone on by then. */
export function simulatedClock(): Clock {
  let elapsed = 0;
  const tick = (ms: number) => {
    elapsed += Math.max(ms, TICK_MS);
  };
  const now = () => Math.floor(START + elapsed);
  return {
    now,
    machineNow: now,
    elapsed: () => {
      tick(TICK_MS);
      return elapsed;
    },
    yield: async () => {},
    // What is simulated takes no processor time.
    worked: () => 0,
    block: tick,
    // What need not be done before a process ends is not done.
    later: () => () => {},
    sleep: async (ms) => tick(ms),
  };
}
