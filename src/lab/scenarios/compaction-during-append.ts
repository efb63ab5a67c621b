import type { Scenario } from '../scenario.ts';
import { successes } from './catalog.ts';
import { COMPACTOR } from './compactor.ts';

const scenario: Scenario = {
  name: 'compaction-during-append',
  about: 'clients append, while another compacts all the time, and another looks',
  source: 'trop',
  module: import.meta.url,
  clients: 7,
  iterations: 200,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'compact'],
  params: { bytes: 200 },
  // A few lines each, so that there is something to compact all the time.
  settings: { 'jsonl-wal': { segmentBytes: 4096 } },
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: (all) => all - 2,
      step: async ({ store, name, iteration, param }) => {
        const text = 'x'.repeat(param('bytes'));
        await store.append({ op: 'add', id: `c${name}-${iteration}`, data: { text } });
      },
    },
    COMPACTOR,
    {
      name: 'reader',
      clients: () => 1,
      until: 'others',
      step: async (client) => {
        await client.store.look();
        await client.pause(5);
      },
    },
  ],
  checks: [
    {
      name: 'every append succeeded, and its id is there',
      ofAllSteps: true,
      *examine(evidence) {
        const wanted = (evidence.clients - 2) * evidence.iterations;
        const { length } = successes(evidence);
        if (length !== wanted) yield `${length} of ${wanted} appends succeeded`;
        const ids = evidence.state?.items.length;
        if (ids !== wanted) yield `${ids} ids are there, not ${wanted}`;
      },
    },
    {
      name: 'something was compacted away',
      *examine({ oldest }) {
        if (oldest <= 1) yield 'everything can still be read: no compaction had an effect';
      },
    },
  ],
};
export default scenario;
