import { nameOf } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { ofClients, successes } from './catalog.ts';
import { linger, mostAtOnce, slowestWait } from './turns.ts';

const MOST_MS = 30_000;

const scenario: Scenario = {
  name: 'rapid-sequential',
  about: 'holders keep the lock for long, one after another',
  source: 'nodb',
  module: import.meta.url,
  clients: 5,
  iterations: 1,
  as: 'processes',
  withoutLock: false,
  needs: ['turns'],
  params: { holdMs: 2000 },
  // They are to wait for one another, as far as they have to.
  settings: { 'jsonl-wal': { lockTimeoutMs: MOST_MS, staleMs: MOST_MS } },
  refusals: [],
  roles: [
    {
      name: 'holder',
      clients: (all) => all,
      step: async (client) => {
        linger(client, client.param('holdMs'));
        await client.store.append({ op: 'hold', id: `hold-${client.name}-${client.iteration}` });
      },
    },
  ],
  checks: [
    {
      name: 'all succeed',
      ofAllSteps: true,
      *examine(evidence) {
        const { clients, iterations } = evidence;
        const { length } = successes(evidence);
        if (length !== clients * iterations) yield `${length} of ${clients * iterations} appends succeeded`;
      },
    },
    {
      name: 'never two at once',
      *examine({ turns }) {
        const most = mostAtOnce(turns);
        if (most > 1) yield `${most} held the lock at once`;
      },
    },
  ],
  timed: [
    {
      name: 'each within 30 s',
      *examine(evidence) {
        for (const operation of ofClients(evidence)) {
          const ms = (operation.end - operation.start) / 1000;
          if (ms > MOST_MS) yield `${nameOf(operation)} took ${Math.round(ms)} ms`;
        }
      },
    },
  ],
  results: ({ turns }) => [['Slowest wait, ms', Math.round(slowestWait(turns))]],
};
export default scenario;
