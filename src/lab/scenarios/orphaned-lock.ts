import { lockStatus } from '../../index.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { orphanLock } from '../tools/orphan-lock.ts';
import { slowestWait } from './turns.ts';

/** How long a lockfile whose holder is gone keeps others out, by default; and what a machine may take besides. */
const STALE_MS = 2000;
const GRACE_MS = 1500;

function heldAfterDeath({ members }: RunEvidence): boolean {
  return members[0]?.measures.held?.[0] === 1;
}

const scenario: Scenario = {
  name: 'orphaned-lock',
  about: 'the lock is taken by a process that is killed with it; then clients append',
  source: 'nodb',
  module: import.meta.url,
  clients: 3,
  iterations: 3,
  as: 'processes',
  withoutLock: false,
  needs: ['turns', 'wal-lock'],
  params: {},
  refusals: [],
  prepare: async ({ storeDirectory, measure }) => {
    await orphanLock(storeDirectory);
    measure('held', lockStatus(storeDirectory).held ? 1 : 0);
  },
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async ({ store, name, iteration }) => {
        await store.append({ op: 'add', id: `after-${name}-${iteration}` });
      },
    },
  ],
  checks: [
    {
      name: 'a kernel lock is free the moment its holder is gone',
      *examine(evidence) {
        if (evidence.lock === 'kernel' && heldAfterDeath(evidence)) yield 'it was still held';
      },
    },
    {
      name: 'every append succeeds, and nobody goes on without the lock',
      ofAllSteps: true,
      *examine({ found, clients, iterations, marks }) {
        if (found.length !== clients * iterations)
          yield `${found.length} of ${clients * iterations} appends are there`;
        for (const { client, kind } of marks) if (kind === 'takeover') yield `client ${client} did`;
      },
    },
  ],
  timed: [
    {
      name: 'with the kernel lock nobody waits for the dead; with a lockfile, at most until it is stale',
      *examine(evidence) {
        const slowest = slowestWait(evidence.turns);
        const most = (evidence.lock === 'lockfile' ? STALE_MS : 0) + GRACE_MS;
        if (slowest > most) yield `somebody waited ${Math.round(slowest)} ms`;
      },
    },
  ],
  results: (evidence) => [
    ['Held after its holder was gone', heldAfterDeath(evidence) ? 'yes' : 'no'],
    ['Slowest wait, ms', Math.round(slowestWait(evidence.turns))],
  ],
};
export default scenario;
