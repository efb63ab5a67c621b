import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'no-data-loss',
  about: 'agents append, each its own ids',
  source: 'beads',
  module: import.meta.url,
  clients: 5,
  iterations: 20,
  as: 'processes',
  withoutLock: true,
  needs: [],
  params: {},
  refusals: [],
  roles: [
    {
      name: 'agent',
      clients: (all) => all,
      step: async ({ store, name, iteration }) => {
        await store.append({ op: 'add', id: `bd-t${name}w${iteration}` });
      },
    },
  ],
  checks: [
    {
      name: 'every id is there once',
      ofAllSteps: true,
      *examine({ found, clients, iterations }) {
        const ids = new Set(found.map(({ id }) => id));
        const wanted = clients * iterations;
        if (ids.size !== wanted || found.length !== wanted)
          yield `${ids.size} ids are there, in ${found.length} records, not ${wanted}`;
      },
    },
  ],
};
export default scenario;
