import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonFile, type RunOptions, runScenario } from '../../src/lab/index.ts';
import type { Scenario } from '../../src/lab/scenario.ts';
import clearLocksWhileActive from '../../src/lab/scenarios/clear-locks-while-active.ts';
import lockExpiry from '../../src/lab/scenarios/lock-expiry.ts';
import lockTokenMismatch from '../../src/lab/scenarios/lock-token-mismatch.ts';
import orphanedLock from '../../src/lab/scenarios/orphaned-lock.ts';
import rapidSequential from '../../src/lab/scenarios/rapid-sequential.ts';
import sameProcessTwice from '../../src/lab/scenarios/same-process-twice.ts';
import staleReader from '../../src/lab/scenarios/stale-reader.ts';
import thunderingHerd from '../../src/lab/scenarios/thundering-herd.ts';
import { inScratch } from '../support/scratch.ts';
import { type SmallRun, testSmall } from '../support/small-run.ts';

/** What must hold: the scenario's checks; and, each time, those that always must. */
const RUNS: readonly (readonly [Scenario, SmallRun, string])[] = [
  [rapidSequential, { clients: 3, params: { holdMs: 40 } }, 'all succeed, never two at once'],
  [sameProcessTwice, { clients: 1, iterations: 3, params: { opens: 4 } }, 'all work, in one order'],
  [
    lockExpiry,
    { clients: 2, iterations: 2, params: { stopMs: 1 } },
    'nothing is lost, and what the holder wrote comes after what others wrote meanwhile',
  ],
  [lockTokenMismatch, { clients: 2, iterations: 2 }, 'the next append goes through'],
  [clearLocksWhileActive, { clients: 3, iterations: 1 }, 'nothing is lost, nobody fails'],
  [orphanedLock, { clients: 1, iterations: 2 }, 'all succeed, none without the lock'],
  [thunderingHerd, { clients: 4, iterations: 4 }, 'all succeed; how long they waited is told'],
  [staleReader, { clients: 5, iterations: 30 }, 'they see it all, and who only reads writes nothing'],
];

testSmall(RUNS);

/** What is found on a store that keeps nobody apart. */
const BITES: readonly (readonly [Scenario, RunOptions, check: string])[] = [
  [sameProcessTwice, { as: 'threads', clients: 1, iterations: 2 }, 'every open and every append succeeds'],
  [rapidSequential, { as: 'threads', params: { holdMs: 5 } }, 'never two at once'],
  [
    lockExpiry,
    { clients: 2, iterations: 2, params: { stopMs: 1 } },
    'what others wrote while the holder slept is there, and the holder’s own after it, once',
  ],
];

for (const [scenario, size, check] of BITES) {
  test(`${scenario.name} bites a store that keeps nobody apart: it is found that not "${check}"`, () =>
    inScratch(scenario.name, async (directory) => {
      const { checks } = await runScenario(scenario, { ...size, target: jsonFile, directory });
      assert.ok(checks.some(({ name, ok }) => name === check && !ok));
      assert.ok(
        checks.some(({ name, ok }) => name === 'every acknowledged append is there exactly once' && !ok),
      );
    }));
}
