import type { Scenario } from '../scenario.ts';
import { catalogId, catalogResults } from './catalog.ts';
import { measureKept } from './memory.ts';

/** What the heap may grow by, in bytes: far less than a store that stays behind at each step would take of it. */
const MOST_GROWTH = 8 * 1024 * 1024;

const scenario: Scenario = {
  name: 'handle-cleanup',
  about: 'clients open the store again and again, do this and that, and close it',
  source: 'metafuse',
  module: import.meta.url,
  clients: 50,
  iterations: 20,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'transaction'],
  params: { handles: 3 },
  refusals: [],
  roles: [
    {
      name: 'opener',
      clients: (all) => all,
      step: async (client) => {
        const { param, iteration, iterations, name } = client;
        // The first step loads what all need.
        if (iteration === 1) measureKept(client);
        const stores = await Promise.all(Array.from({ length: param('handles') }, () => client.open()));
        for (const [i, store] of stores.entries()) {
          await store.append({ op: 'add', id: `${name}-${iteration}-${i}` });
          await store.transaction((tx) => tx.append({ op: 'update', id: catalogId(i) }));
          await store.look([catalogId(i)]);
          if (i === 0) await store.read({ from: 1, to: 10 });
        }
        await Promise.all(stores.map((store) => store.close()));
        if (iteration > 0 && iteration === iterations - 1) measureKept(client);
      },
    },
  ],
  checks: [
    {
      name: 'open descriptors are back to where they were',
      *examine({ members, as }) {
        // Threads share them: what one has open, all count.
        if (as === 'threads') return;
        for (const { client, measures } of members) {
          const [before = 0, after = before] = measures['open descriptors'] ?? [];
          if (after > before) yield `client ${client} had ${before} open before, and ${after} after`;
        }
      },
    },
    {
      name: 'memory is back to where it was',
      *examine({ members }) {
        for (const { client, measures } of members) {
          const [before = 0, after = before] = measures.heap ?? [];
          if (after - before > MOST_GROWTH)
            yield `client ${client} used ${before} bytes of heap before, and ${after} after`;
        }
      },
    },
  ],
  results: (evidence) => {
    const all = evidence.members.flatMap(({ measures }) => {
      const [before, after] = measures.heap ?? [];
      return before === undefined || after === undefined ? [] : [after - before];
    });
    const growth = all.length === 0 ? 0 : Math.max(...all);
    return [...catalogResults(evidence), ['Most heap kept, bytes', growth]];
  },
};
export default scenario;
