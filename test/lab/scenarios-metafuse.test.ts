import { test } from 'node:test';
import type { Scenario } from '../../src/lab/scenario.ts';
import cacheInvalidation from '../../src/lab/scenarios/cache-invalidation.ts';
import concurrentWriters from '../../src/lab/scenarios/concurrent-writers.ts';
import handleCleanup from '../../src/lab/scenarios/handle-cleanup.ts';
import optimisticResolution from '../../src/lab/scenarios/optimistic-resolution.ts';
import readHeavy from '../../src/lab/scenarios/read-heavy.ts';
import { runSmall, type SmallRun } from '../support/small-run.ts';

/** What must hold: the scenario's checks; and, each time, those that always must. */
const RUNS: readonly (readonly [Scenario, SmallRun, string])[] = [
  [
    concurrentWriters,
    { clients: 3, iterations: 15 },
    'some updates go through, each raises one version; all others are told of a conflict',
  ],
  [optimisticResolution, { clients: 3, iterations: 10 }, 'all succeed, and the counter counts them all'],
  [readHeavy, { clients: 2, iterations: 30, params: { entries: 500 } }, 'no read fails'],
  [
    cacheInvalidation,
    { clients: 3, iterations: 20 },
    'readers see versions go by, none goes back, and the last is the writers’ last',
  ],
  [handleCleanup, { clients: 2, iterations: 4 }, 'open descriptors and memory are back to where they were'],
];

for (const [scenario, size, holds] of RUNS) {
  const { name, about } = scenario;
  test(`${name}: ${about} (processes, kernel lock): ${holds}`, (t) =>
    runSmall(t, scenario, { ...size, as: 'processes', lock: 'kernel' }));

  // Memory and descriptors of threads are one another's.
  const as = scenario === handleCleanup ? 'processes' : 'threads';
  for (const lock of scenario.withoutLock ? ['lockfile', 'none'] : ['lockfile']) {
    test(`${name}: the same holds with ${as}, lock: ${lock}`, (t) =>
      runSmall(t, scenario, { ...size, as, lock }));
  }
}
