import type { Scenario } from '../scenario.ts';
import { refusals } from './catalog.ts';
import { takeLowest } from './ports.ts';

const scenario: Scenario = {
  name: 'batch-atomicity',
  about: 'clients reserve more numbers at once than there are, while one looks',
  source: 'trop',
  module: import.meta.url,
  clients: 4,
  iterations: 5,
  as: 'processes',
  withoutLock: true,
  needs: ['state', 'transaction'],
  params: { pool: 5, batch: 10 },
  refusals: ['exhausted'],
  roles: [
    {
      name: 'reserver',
      clients: (all) => all - 1,
      step: async ({ store, param }) => {
        await store.transaction((tx) => {
          for (let i = 0; i < param('batch'); i++) takeLowest(tx, param('pool'));
        });
      },
    },
    {
      name: 'reader',
      clients: () => 1,
      until: 'others',
      step: async ({ store, iteration }) => {
        if (iteration % 2 === 0) await store.look();
        else await store.read();
      },
    },
  ],
  checks: [
    {
      name: 'every batch that does not fit is refused',
      ofAllSteps: true,
      *examine(evidence) {
        const wanted = (evidence.clients - 1) * evidence.iterations;
        const { length } = refusals(evidence, 'exhausted');
        if (length !== wanted) yield `${length} of ${wanted} batches were refused`;
      },
    },
    {
      name: 'no part of a batch that does not fit is ever seen',
      *examine({ found, operations }) {
        if (found.length > 0) yield `${found.length} entries are there`;
        for (const { client, saw } of operations) {
          if (saw === undefined) continue;
          const seen = 'from' in saw ? saw.to - saw.from + 1 : saw.items.length;
          if (seen > 0) yield `client ${client} saw ${seen} entries`;
        }
      },
    },
  ],
};
export default scenario;
