import type { Scenario } from '../scenario.ts';
import { catalogId, catalogResults, successes } from './catalog.ts';

/** A lock lets nobody come between so often; without one, it is a matter of luck. */
const TRIES = 5;
const TRIES_WITHOUT_LOCK = 100_000;

const scenario: Scenario = {
  name: 'optimistic-resolution',
  about: 'everybody raises one counter, and tries again where others came first',
  source: 'metafuse',
  module: import.meta.url,
  clients: 10,
  iterations: 20,
  as: 'processes',
  withoutLock: true,
  needs: ['state', 'transaction'],
  params: {},
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async ({ store, lock }) => {
        const maxTries = lock === 'none' ? TRIES_WITHOUT_LOCK : TRIES;
        const raise = (value: unknown) => ((value as { count?: number } | undefined)?.count ?? 0) + 1;
        await store.transaction(
          (tx) => {
            const count = raise(tx.get(catalogId(0))?.value);
            tx.append({ op: 'update', id: catalogId(0), data: { count } });
          },
          { maxTries },
        );
      },
    },
  ],
  checks: [
    {
      name: 'every update succeeded',
      ofAllSteps: true,
      *examine(evidence) {
        const wanted = evidence.clients * evidence.iterations;
        const { length } = successes(evidence);
        if (length !== wanted) yield `${length} of ${wanted} updates succeeded`;
      },
    },
    {
      name: 'the counter counts every update',
      *examine(evidence) {
        const { length } = successes(evidence);
        const item = evidence.state?.items.find(({ id }) => id === catalogId(0));
        const count = (item?.value as { count?: number } | undefined)?.count ?? 0;
        if (count !== length) yield `the counter is ${count} after ${length} updates`;
        if (item?.version !== undefined && item.version !== length)
          yield `the version is ${item.version} after ${length} updates`;
      },
    },
  ],
  results: catalogResults,
};
export default scenario;
