import { type TestContext, test } from 'node:test';
import { assertSound } from '../../src/lab/assert-sound.ts';
import type { RunOptions } from '../../src/lab/harness/options.ts';
import { runScenario } from '../../src/lab/harness/run.ts';
import { checkLines, resultLines } from '../../src/lab/result.ts';
import type { Scenario } from '../../src/lab/scenario.ts';
import { chooseSeed } from '../../src/lab/seeded.ts';
import { inScratch } from './scratch.ts';

/** What is left of a scenario's size in a test that is to be quick. */
export type SmallRun = Omit<RunOptions, 'directory' | 'seed'>;

/** Runs a scenario as a test: prints what it found, and throws unless it is sound. */
export async function runSmall(t: TestContext, scenario: Scenario, options: SmallRun): Promise<void> {
  const seed = chooseSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  await inScratch(scenario.name, async (directory) => {
    const result = await runScenario(scenario, { ...options, seed, directory });
    if (result.results.length > 0) for (const line of resultLines(result)) t.diagnostic(line);
    // Times say as much of the machine as of the log.
    for (const line of checkLines({ checks: result.checks.filter(({ timed }) => timed) })) t.diagnostic(line);
    assertSound(result);
  });
}

/** Tests scenarios of that size with each of their locks; the text says what must hold. Threads are cheaper than processes. */
export function testSmall(runs: readonly (readonly [Scenario, SmallRun, holds: string])[]): void {
  for (const [scenario, size, holds] of runs) {
    const { name, about, only, withoutLock } = scenario;
    test(`${name}: ${about} (processes, kernel lock): ${holds}`, (t) =>
      runSmall(t, scenario, { ...size, as: 'processes', lock: 'kernel' }));

    const as = only === undefined ? 'threads' : 'processes';
    for (const lock of withoutLock ? ['lockfile', 'none'] : ['lockfile']) {
      test(`${name}: the same holds with ${as}, lock: ${lock}`, (t) =>
        runSmall(t, scenario, { ...size, as, lock }));
    }
  }
}
