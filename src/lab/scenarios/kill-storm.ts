import { quantile } from '../quantile.ts';
import type { Scenario } from '../scenario.ts';
import { blowsIn, nextAfterKills, stormWriter, strike, tellNext } from './storm.ts';

/** In milliseconds, where the kernel gives the lock back. */
const NEXT_P99 = 10;
const NEXT_SLOWEST = 100;

const scenario: Scenario = {
  name: 'kill-storm',
  about: 'writers are killed (kill -9) at random, and started again',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 1,
  seconds: 60,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be killed without the others' },
  withoutLock: false,
  needs: ['batch'],
  // Two down at once: more of them starting would take the processor from those whose next append is timed.
  params: { kills: 10_000, down: 2, pauseMs: 30 },
  failRate: 0,
  refusals: [],
  meanwhile: (scene) => {
    const { kills, down, pauseMs } = scene.params as Record<'kills' | 'down' | 'pauseMs', number>;
    return strike(scene, { blows: kills, kills: 1, down, pauseMs, stopMs: 0 });
  },
  roles: [stormWriter],
  // Whoever comes after takes the lock from the dead, and ends what they left.
  conclude: async ({ store }) => {
    await store.append({ op: 'add', id: 'after' });
  },
  checks: [
    {
      name: 'writers were killed',
      *examine({ members }) {
        if (members.every(({ killed }) => killed.length === 0)) yield 'none was';
      },
    },
  ],
  timed: [
    {
      name: `with the kernel's lock, the next append after a kill takes up to ${NEXT_P99} ms (p99, of 300 kills and more), never over ${NEXT_SLOWEST} ms`,
      *examine(evidence) {
        if (evidence.lock !== 'kernel') return;
        const waits = nextAfterKills(evidence);
        const [p99, slowest] = [quantile(waits, 0.99), quantile(waits, 1)];
        if (p99 !== undefined && p99 > NEXT_P99) yield `p99 was ${p99.toFixed(1)} ms`;
        if (slowest > NEXT_SLOWEST) yield `the slowest took ${slowest.toFixed(1)} ms`;
      },
    },
  ],
  results: (evidence) => [
    ...blowsIn(evidence),
    ...tellNext(nextAfterKills(evidence)),
    ['Entries', evidence.found.length],
  ],
};
export default scenario;
