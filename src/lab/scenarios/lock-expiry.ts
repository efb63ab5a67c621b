import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '../harness/client.ts';
import type { Scenario } from '../scenario.ts';
import { tell, whenTold } from './turns.ts';

const SLEEPER = 'sleeper';

/** How often the sleeper's entry stands in the store's files, in whatever line. */
function timesWritten({ storeDirectory }: Client): number {
  const files = readdirSync(storeDirectory).filter((name) => name.endsWith('.jsonl'));
  const text = files.map((name) => readFileSync(join(storeDirectory, name), 'utf8')).join('');
  return text.split(`"id":"${SLEEPER}"`).length - 1;
}

const scenario: Scenario = {
  name: 'lock-expiry',
  about: 'a holder is stopped between its look and its write; others take over; then it wakes, and writes',
  source: 'nodb',
  module: import.meta.url,
  clients: 3,
  iterations: 5,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be stopped' },
  withoutLock: false,
  needs: ['turns'],
  params: { stopMs: 5000 },
  refusals: [],
  meanwhile: async (scene) => {
    const { victims, params, signal } = scene;
    await whenTold(scene, 'asleep');
    await wait(params.stopMs as number, undefined, { signal }).catch(() => {});
    // Longer, if need be: those who take over are to be done with it.
    while (victims.some(({ role, running }) => role === 'other' && running)) await wait(10);
    for (const victim of victims) if (victim.role === SLEEPER) victim.resume();
  },
  roles: [
    {
      name: SLEEPER,
      clients: () => 1,
      iterations: () => 1,
      step: async (client) => {
        client.atNext('writing', () => {
          tell(client, 'asleep');
          client.stop();
        });
        await client.store.append({ op: 'add', id: SLEEPER });
      },
    },
    {
      name: 'other',
      clients: (all) => all - 1,
      step: async (client) => {
        await whenTold(client, 'asleep');
        await client.store.append({ op: 'add', id: `other-${client.name}-${client.iteration}` });
      },
    },
  ],
  conclude: async (client) => {
    client.measure('written', timesWritten(client));
  },
  checks: [
    {
      name: 'what others wrote while the holder slept is there, and the holder’s own after it, once',
      ofAllSteps: true,
      *examine({ found, clients, iterations }) {
        const others = (clients - 1) * iterations;
        const where = found.flatMap(({ id }, i) => (id === SLEEPER ? [i] : []));
        if (found.length !== others + 1) yield `${found.length} entries are there, not ${others + 1}`;
        if (where.length !== 1 || where[0] !== found.length - 1)
          yield `the holder's is at ${where.map((i) => i + 1).join(', ') || 'no place'} of ${found.length}`;
      },
    },
  ],
  results: ({ members, marks }) => [
    ['Takeovers', marks.filter(({ kind }) => kind === 'takeover').length],
    ['Times the holder wrote its line', members.at(-1)?.measures.written?.[0] ?? 0],
  ],
};
export default scenario;
