import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSeed } from '../src/lab/seeded.ts';
import { simulate } from '../src/lab/sim/world.ts';

const STEPS = 300;

test('several processes on one disk that fills up, fails to sync and loses power, killed and overtaken between any two calls: what they were told holds', async (t) => {
  const first = chooseSeed();
  t.diagnostic(`TEST_SEED=${first}`);
  const counts: Record<string, number> = {};
  for (let seed = first; seed < first + 20; seed++) {
    const report = await simulate({ seed: seed % 2 ** 32, steps: STEPS });
    assert.deepEqual(report.faults, [], `npm run sim -- --seed ${report.seed} --steps ${STEPS}`);
    for (const [name, count] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + count;
  }
  t.diagnostic(JSON.stringify(counts));
  for (const name of ['append', 'increment', 'compact', 'interlopers']) assert.ok(counts[name], name);
});

test('the same seed makes the same world', async () => {
  const [one, two] = [await simulate({ seed: 7, steps: STEPS }), await simulate({ seed: 7, steps: STEPS })];
  assert.deepEqual(one, two);
});
