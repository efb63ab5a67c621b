import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'same-process-twice',
  about: 'one process opens the store many times at once, and appends through all of them at once',
  source: 'nodb',
  module: import.meta.url,
  clients: 2,
  iterations: 10,
  as: 'processes',
  withoutLock: false,
  needs: [],
  params: { opens: 5 },
  refusals: [],
  roles: [
    {
      name: 'opener',
      clients: (all) => all,
      step: async (client) => {
        const { name, iteration, param } = client;
        const stores = await Promise.all(Array.from({ length: param('opens') }, () => client.open()));
        const id = (i: number, n: number) => `open-${name}-${iteration}-${i}-${n}`;
        const appends = stores.flatMap((store, i) =>
          [0, 1].map((n) => store.append({ op: 'add', id: id(i, n) })),
        );
        await Promise.all(appends);
        // One that is closed takes nothing from those that are not.
        const [first, ...others] = stores;
        await first?.close();
        await Promise.all(others.map((store, i) => store.append({ op: 'add', id: id(i + 1, 2) })));
        await Promise.all(others.map((store) => store.close()));
      },
    },
  ],
  checks: [
    {
      name: 'every open and every append succeeds',
      ofAllSteps: true,
      *examine({ clients, iterations, params, found }) {
        const wanted = clients * iterations * (3 * (params.opens as number) - 1);
        if (found.length !== wanted) yield `${found.length} entries are there, not ${wanted}`;
      },
    },
  ],
};
export default scenario;
