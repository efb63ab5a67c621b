import { test } from 'node:test';
import smoke from '../../src/lab/scenarios/smoke.ts';
import { runSmall } from '../support/small-run.ts';

const QUICK = { params: { sleepFromMs: 1, sleepToMs: 20 } };
/** Enough of them that one is sure to throw, and one to kill. */
const FAILING = { ...QUICK, failRate: 0.3 };

test('smoke: processes add files with the hash of their content (kernel lock): all are there, hashes and sizes are right', (t) =>
  runSmall(t, smoke, { ...QUICK, lock: 'kernel' }));

for (const lock of ['lockfile', 'none'])
  test(`smoke: the same holds with threads, lock: ${lock}`, (t) =>
    runSmall(t, smoke, { ...QUICK, as: 'threads', lock }));

test('smoke: adds fail while they hold the lock, some with their process: the others go on, and nothing acknowledged is missing', (t) =>
  runSmall(t, smoke, { ...FAILING, clients: 2, lock: 'kernel' }));

test('smoke: threads fail only by throwing: the same holds without any lock', (t) =>
  runSmall(t, smoke, { ...FAILING, clients: 3, as: 'threads', lock: 'none' }));

test('smoke: one process adds, and is killed while it holds the lockfile lock: when that is stale, it goes on', (t) =>
  runSmall(t, smoke, { ...FAILING, clients: 2, iterations: 3, lock: 'lockfile' }));
