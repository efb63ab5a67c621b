import { readdirSync } from 'node:fs';
import { systemClock } from '../../clock/clock.ts';
import type { Client } from '../harness/client.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Role, Scenario } from '../scenario.ts';
import { holder, slowestWait, tell, whenTold } from './turns.ts';

/** The holder keeps it no longer than this, whoever does not come: below what waiters wait for a lock. */
const MOST_MS = 900;
const POLL_MS = 5;

const isWaiting = (name: string) => name.startsWith('waiting-');

/** Keeps the lock until all others wait for it. */
function holdFor({ directory, clients }: Client): void {
  const all = () => readdirSync(directory).filter(isWaiting).length === clients - 1;
  for (let waited = 0; waited < MOST_MS && !all(); waited += POLL_MS) systemClock.block(POLL_MS);
  // From its word to its first try.
  systemClock.block(POLL_MS);
}

async function waitWithOthers(client: Client): Promise<void> {
  const { store, name, iteration } = client;
  if (iteration === 0) {
    await whenTold(client, 'held');
    tell(client, `waiting-${name}`);
  }
  await store.append({ op: 'add', id: `herd-${name}-${iteration}` });
}

/** Turns of each waiter until the first of them had all of its own: most, and fewest. */
function fairness({ turns, clients, iterations }: RunEvidence): {
  readonly most: number;
  readonly fewest: number;
} {
  const counts = new Map<string, number>();
  for (const { client } of turns) {
    if (client === '0') continue;
    const count = (counts.get(client) ?? 0) + 1;
    counts.set(client, count);
    if (count === iterations) break;
  }
  const all = [...counts.values()];
  const fewest = all.length < clients - 1 ? 0 : Math.min(...all);
  return { most: Math.max(0, ...all), fewest };
}

const waiters: Omit<Role, 'name' | 'clients'> = { step: waitWithOthers };

const scenario: Scenario = {
  name: 'thundering-herd',
  about: 'everybody waits for the lock, threads and processes; then all are let go at once',
  source: 'nodb',
  module: import.meta.url,
  clients: 11,
  iterations: 10,
  as: 'processes',
  withoutLock: false,
  needs: ['turns'],
  params: {},
  refusals: [],
  roles: [
    holder((client) => {
      tell(client, 'held');
      holdFor(client);
    }),
    { ...waiters, name: 'waiter', clients: (all) => Math.ceil((all - 1) / 2) },
    { ...waiters, name: 'waiting thread', as: 'threads', clients: (all) => Math.floor((all - 1) / 2) },
  ],
  checks: [
    {
      name: 'every append succeeds',
      ofAllSteps: true,
      *examine({ found, clients, iterations }) {
        const wanted = (clients - 1) * iterations + 1;
        if (found.length !== wanted) yield `${found.length} of ${wanted} appends are there`;
      },
    },
  ],
  results: (evidence) => {
    const { most, fewest } = fairness(evidence);
    return [
      ['Waiters', evidence.clients - 1],
      ['Slowest wait, ms', Math.round(slowestWait(evidence.turns))],
      ['Turns when the first was done (most / fewest)', `${most} / ${fewest}`],
    ];
  },
};
export default scenario;
