import { test } from 'node:test';
import type { Scenario } from '../../src/lab/scenario.ts';
import compareHead from '../../src/lab/scenarios/compare-head.ts';
import diskFull from '../../src/lab/scenarios/disk-full.ts';
import failingSync from '../../src/lab/scenarios/failing-sync.ts';
import issueTracker from '../../src/lab/scenarios/issue-tracker.ts';
import killStorm from '../../src/lab/scenarios/kill-storm.ts';
import lockVandal from '../../src/lab/scenarios/lock-vandal.ts';
import noLock from '../../src/lab/scenarios/no-lock.ts';
import pauseStorm from '../../src/lab/scenarios/pause-storm.ts';
import rotationStorm from '../../src/lab/scenarios/rotation-storm.ts';
import soak from '../../src/lab/scenarios/soak.ts';
import tooManyFiles from '../../src/lab/scenarios/too-many-files.ts';
import tornWrites from '../../src/lab/scenarios/torn-writes.ts';
import triedAgain from '../../src/lab/scenarios/tried-again.ts';
import { runSmall, type SmallRun, testSmall } from '../support/small-run.ts';

/** What must hold: the scenario's checks; and, each time, those that always must. */
const RUNS: readonly (readonly [Scenario, SmallRun, string])[] = [
  [
    issueTracker,
    { clients: 2, iterations: 10, params: { kills: 1, pauseMs: 20 } },
    'every entry is there, but for what a kill cut off',
  ],
  [
    killStorm,
    { clients: 2, iterations: 1, params: { pauseMs: 20 } },
    'nothing acknowledged is missing, and the log goes on',
  ],
  [
    pauseStorm,
    { clients: 2, iterations: 1, params: { pauseMs: 20, stopMs: 100 } },
    'nothing is lost, none is doubled',
  ],
  [tornWrites, { clients: 2, iterations: 3 }, 'nothing of a torn line counts, and the others go on'],
  [lockVandal, { clients: 3, iterations: 20 }, 'nothing is lost, nobody fails'],
  [
    diskFull,
    { clients: 2, iterations: 30 },
    'what finds no room is refused, the rest is there, the log goes on',
  ],
  [tooManyFiles, { clients: 1, iterations: 2 }, 'what fails is told, and the log goes on after'],
  [failingSync, { clients: 2, iterations: 2 }, 'it is told, and the next opener makes it good'],
  [compareHead, { clients: 3, iterations: 10 }, 'whoever came second is told, and of what is there'],
  [triedAgain, { clients: 3, iterations: 30 }, 'each key is there once, and answered with its entry'],
  [rotationStorm, { clients: 5, iterations: 20 }, 'every append succeeds, and all agree'],
];

testSmall(RUNS);

test('no-lock: many writers, without any lock: every append is there once, no update is lost', (t) =>
  runSmall(t, noLock, { clients: 5, iterations: 8, as: 'threads' }));

test('disk-full: the same holds on a small disk, which is made larger then', (t) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return t.skip('a tmpfs takes root');
  return runSmall(t, diskFull, { clients: 2, iterations: 30, params: { tmpfsKiB: 64 } });
});

test('soak: all of it at once, until a few blows have fallen: nothing is lost, what processes keep is the same', (t) =>
  runSmall(t, soak, { clients: 5, iterations: 3, params: { pauseMs: 50, stopMs: 100 } }));
