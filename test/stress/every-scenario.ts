import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ended, start } from '../../src/lab/command-line.ts';
import { SCENARIOS, type Scenario } from '../../src/lab/index.ts';
import { inScratch } from '../support/scratch.ts';
import { isWanted, sizeOf } from './size.ts';

/* Every scenario at size, by the command that people use. Its failures name the command that repeats them. */

const skip = isWanted(process.env)
  ? false
  : 'takes minutes: run by "npm run test:stress", or with RUN_STRESS_TESTS=1';
/** Hundreds of processes take long on a busy machine: that is no fault of theirs. */
const PATIENCE_SECONDS = '600';
/** Of one of them; npm's `--test-timeout` is for all of them together. */
const MOST_MS = 900_000;
const { clients, seconds } = sizeOf(skip === false ? process.env : {});

for (const scenario of SCENARIOS) {
  for (const lock of scenario.withoutLock ? ['kernel', 'lockfile', 'none'] : ['kernel', 'lockfile'])
    test(`${scenario.name}: ${scenario.about} (lock: ${lock})`, { skip, timeout: MOST_MS }, async (t) =>
      inScratch('stress', async (directory) => {
        const args = [
          'stress',
          scenario.name,
          '--lock',
          lock,
          '--timeout',
          PATIENCE_SECONDS,
          ...sizeFlags(scenario),
        ];
        const { code, stdout, stderr } = await ended(start(directory, args, { timeout: 0 }));
        for (const line of stdout.split('\n')) if (/^( {2}\S|Results)/.test(line)) t.diagnostic(line);
        assert.equal(code, 0, `${stdout}${stderr}`);
      }),
    );
}

/** A scenario that is for one client, or cannot be with so few, stays as it is. */
function sizeFlags(scenario: Scenario): string[] {
  const enough = scenario.roles.every((role) => role.clients(clients) >= 1);
  return [
    ...(scenario.clients > 1 && enough ? ['--processes', String(clients)] : []),
    ...(scenario.seconds === undefined ? [] : ['--duration', String(seconds)]),
  ];
}
