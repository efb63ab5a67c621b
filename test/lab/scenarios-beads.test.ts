import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScenario } from '../../src/lab/index.ts';
import type { Scenario } from '../../src/lab/scenario.ts';
import appendSpeed from '../../src/lab/scenarios/append-speed.ts';
import lockSerialization from '../../src/lab/scenarios/lock-serialization.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import { runSmall, type SmallRun } from '../support/small-run.ts';

/** What must hold: the scenario's checks; and, each time, those that always must. */
const RUNS: readonly (readonly [Scenario, SmallRun, string])[] = [
  [noDataLoss, { clients: 3 }, 'every id is there once'],
  [lockSerialization, { clients: 2, iterations: 5 }, 'never is there more than one in it'],
  [appendSpeed, { clients: 2 }, 'the time is told'],
];

for (const [scenario, size, holds] of RUNS) {
  const { name, about } = scenario;
  test(`${name}: ${about} (processes, kernel lock): ${holds}`, (t) =>
    runSmall(t, scenario, { ...size, as: 'processes', lock: 'kernel' }));

  for (const lock of scenario.withoutLock ? ['lockfile', 'none'] : ['lockfile']) {
    test(`${name}: the same holds with threads, lock: ${lock}`, (t) =>
      runSmall(t, scenario, { ...size, as: 'threads', lock }));
  }
}

test('lock-serialization: without any lock several have the write turn at once, and that is found; nothing is lost', async () => {
  const { checks, results } = await runScenario(lockSerialization, { lock: 'none', as: 'threads' });
  assert.deepEqual(
    checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ['nobody has the write turn while another has it'],
  );
  assert.ok(results.some(([name, value]) => name === 'Most at once' && Number(value) > 1));
});
