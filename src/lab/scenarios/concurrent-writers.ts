import type { Scenario } from '../scenario.ts';
import { catalogId, catalogResults, refusals, successes } from './catalog.ts';

const scenario: Scenario = {
  name: 'concurrent-writers',
  about: 'writers update a few ids at once, each with the version it read',
  source: 'metafuse',
  module: import.meta.url,
  clients: 10,
  iterations: 200,
  seconds: 30,
  as: 'processes',
  withoutLock: true,
  needs: ['state', 'expect'],
  params: { ids: 5 },
  refusals: ['conflict'],
  prepare: async ({ store, param }) => {
    for (let i = 0; i < param('ids'); i++) await store.append({ op: 'add', id: catalogId(i) });
  },
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async (client) => {
        const id = catalogId(Math.floor(client.dice() * client.param('ids')));
        const { items } = await client.store.look([id]);
        // Time for somebody else to come between.
        await client.pause(2);
        await client.store.append({ op: 'update', id }, { after: items[0] });
      },
    },
  ],
  checks: [
    {
      name: 'some updates went through',
      *examine(evidence) {
        if (successes(evidence).length === 0) yield 'no update went through';
      },
    },
    {
      name: 'some updates were told of a conflict',
      *examine(evidence) {
        if (evidence.clients > 1 && refusals(evidence, 'conflict').length === 0)
          yield 'nobody was told of a conflict: either there was none, or it was not noticed';
      },
    },
    {
      name: 'every success raised exactly one version',
      *examine(evidence) {
        const { state, params } = evidence;
        const items = state?.items ?? [];
        if (items.some(({ version }) => version === undefined)) return;
        const raised = items.reduce((sum, { version = 0 }) => sum + version, 0) - (params.ids as number);
        const { length } = successes(evidence);
        if (raised !== length) yield `${length} updates went through, and raised versions ${raised} times`;
      },
    },
  ],
  results: catalogResults,
};
export default scenario;
