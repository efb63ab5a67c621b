import { test } from 'node:test';
import type { Scenario } from '../../src/lab/scenario.ts';
import batchAtomicity from '../../src/lab/scenarios/batch-atomicity.ts';
import cleanupDuringAppend from '../../src/lab/scenarios/cleanup-during-append.ts';
import compactionDuringAppend from '../../src/lab/scenarios/compaction-during-append.ts';
import configChange from '../../src/lab/scenarios/config-change.ts';
import consistency from '../../src/lab/scenarios/consistency.ts';
import createDelete from '../../src/lab/scenarios/create-delete.ts';
import highVolume from '../../src/lab/scenarios/high-volume.ts';
import querySpeed from '../../src/lab/scenarios/query-speed.ts';
import readersDuringWrite from '../../src/lab/scenarios/readers-during-write.ts';
import reservations from '../../src/lab/scenarios/reservations.ts';
import toctou from '../../src/lab/scenarios/toctou.ts';
import transactionIsolation from '../../src/lab/scenarios/transaction-isolation.ts';
import { runSmall, type SmallRun } from '../support/small-run.ts';

/** What must hold: the scenario's checks; and, each time, those that always must. */
const RUNS: readonly (readonly [Scenario, SmallRun, string])[] = [
  [reservations, { clients: 4 }, 'everybody gets one, all different, the lowest there are'],
  [readersDuringWrite, { clients: 3, iterations: 1 }, 'every read succeeds'],
  [
    cleanupDuringAppend,
    { clients: 3, iterations: 5 },
    'every creation succeeds, no orphan is left, nothing else is gone',
  ],
  [consistency, { clients: 5 }, 'the log verifies clean'],
  [transactionIsolation, { clients: 3, iterations: 10 }, 'a reader sees all of it, or nothing'],
  [configChange, { clients: 3, iterations: 5, params: { rewrites: 30 } }, 'each used one of them, whole'],
  [compactionDuringAppend, { clients: 4, iterations: 40 }, 'all succeed, nothing is lost'],
  [batchAtomicity, { clients: 3, iterations: 5 }, 'they are refused, and no part of them is ever seen'],
  [highVolume, { clients: 3, iterations: 20 }, 'all different'],
  [createDelete, { iterations: 50 }, 'its files are back to their floor'],
  [querySpeed, { iterations: 2, params: { ids: 1000 } }, 'each finds its id'],
];

for (const [scenario, size, holds] of RUNS) {
  const { name, about, as } = scenario;
  test(`${name}: ${about} (${as}, kernel lock): ${holds}`, (t) =>
    runSmall(t, scenario, { ...size, lock: 'kernel' }));

  for (const lock of scenario.withoutLock ? ['lockfile', 'none'] : ['lockfile']) {
    test(`${name}: the same holds with threads, lock: ${lock}`, (t) =>
      runSmall(t, scenario, { ...size, as: 'threads', lock }));
  }
}

const SEVEN = { clients: 7, params: { pool: 4 } };

test('toctou: seven want one of four numbers: four get one each, three are told that the pool is exhausted (processes, kernel lock)', (t) =>
  runSmall(t, toctou, { ...SEVEN, lock: 'kernel' }));

for (const lock of ['lockfile', 'none'])
  test(`toctou: the same holds with threads, lock: ${lock}`, (t) =>
    runSmall(t, toctou, { ...SEVEN, as: 'threads', lock }));
