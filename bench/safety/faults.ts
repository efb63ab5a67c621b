import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunOptions, Scenario, Scene, Target } from '../../src/lab/index.ts';
import diskFull from '../../src/lab/scenarios/disk-full.ts';
import highVolume from '../../src/lab/scenarios/high-volume.ts';
import killStorm from '../../src/lab/scenarios/kill-storm.ts';
import noDataLoss from '../../src/lab/scenarios/no-data-loss.ts';
import tornWrites from '../../src/lab/scenarios/torn-writes.ts';
import stoppedHolder from './stopped-holder.ts';

/** What is done to stores, one after the other. */
export interface Fault {
  readonly name: string;
  /** What happens, in a sentence. */
  readonly about: string;
  readonly options: Pick<RunOptions, 'clients' | 'iterations' | 'as' | 'params' | 'timeoutMs'>;
  /** The scenario for a target, or why there is none. */
  readonly scenarioFor: (target: Target) => Scenario | string;
}

const REMOVE_EVERY_MS = 3;

export const FAULTS: readonly Fault[] = [
  {
    name: 'appends at once',
    about: '8 processes append 100 entries each, and nothing goes wrong',
    options: { clients: 8, iterations: 100 },
    scenarioFor: () => noDataLoss,
  },
  {
    name: 'decisions at once',
    about: '8 processes reserve the lowest free number, 25 times each: read, decide, write',
    options: { clients: 8, iterations: 25 },
    scenarioFor: () => highVolume,
  },
  {
    name: 'kill -9',
    about: '5 processes append; 8 times one of them is killed at random, and started again',
    options: { clients: 5, params: { kills: 8, pauseMs: 60 } },
    scenarioFor: () => killStorm,
  },
  {
    name: 'holder stopped',
    about: 'one of 5 processes that reserve numbers is stopped for 3 s between deciding and writing',
    options: {},
    scenarioFor: () => stoppedHolder,
  },
  {
    name: 'lock removed',
    about: '4 clients reserve 5 numbers each, each in a new process; the lock is removed every 3 ms',
    options: { clients: 4, iterations: 5, as: 'one-shot' },
    scenarioFor: (target) => {
      const { lockFiles } = target;
      if (lockFiles === undefined)
        return target.locks[0] === 'none' ? 'has no lock' : 'has no file that is only a lock';
      return {
        ...highVolume,
        meanwhile: (scene) => removeAgainAndAgain(scene, lockFiles(scene.storeDirectory)),
      };
    },
  },
  {
    name: 'torn tail',
    about: '3 processes append; twice another writes a part of its line, and dies',
    options: { clients: 4, iterations: 3 },
    scenarioFor: ({ can }) => (can.includes('turns') ? tornWrites : 'writes no lines that could be torn'),
  },
  {
    name: 'disk full',
    about: '4 processes append 30 entries each; no file may have more than 64 KiB; then there is space again',
    options: {},
    scenarioFor: () => diskFull,
  },
];

/** Removes files or directories again and again, until the clients are done. */
async function removeAgainAndAgain({ signal, dice, mark }: Scene, paths: readonly string[]): Promise<void> {
  while (!signal.aborted) {
    await sleep(REMOVE_EVERY_MS * 2 * dice());
    for (const path of paths) rmSync(path, { recursive: true, force: true });
    mark('lock-broken');
  }
}
