import type { Scenario } from '../scenario.ts';
import { linesIn } from './lines.ts';

const scenario: Scenario = {
  name: 'no-lock',
  about: 'writers without any lock, as many as come',
  source: 'ours',
  module: import.meta.url,
  clients: 20,
  iterations: 100,
  as: 'processes',
  lock: 'none',
  withoutLock: true,
  needs: ['batch', 'state', 'transaction'],
  params: {},
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async ({ store, name, iteration, dice }) => {
        const id = `free-${name}-${iteration}`;
        const kind = dice();
        if (kind < 0.6) await store.append({ op: 'add', id });
        else if (kind < 0.8)
          await store.appendBatch([
            { op: 'add', id },
            { op: 'add', id: `${id}-too` },
          ]);
        else
          await store.transaction(
            (tx) => {
              const count = ((tx.get('count')?.value as { n?: number } | undefined)?.n ?? 0) + 1;
              tx.append({ op: 'update', id: 'count', data: { n: count } });
            },
            { maxTries: 100_000 },
          );
      },
    },
  ],
  conclude: async (client) => {
    client.measure('lines', linesIn(client.storeDirectory).length);
  },
  checks: [
    {
      name: 'the counter counts every update',
      *examine({ found, state }) {
        const updates = found.filter(({ id }) => id === 'count').length;
        const item = state?.items.find(({ id }) => id === 'count');
        const n = (item?.value as { n?: number } | undefined)?.n ?? 0;
        if (n !== updates) yield `it is at ${n}, after ${updates} updates`;
      },
    },
  ],
  results: ({ members, found }) => [
    ['Entries', found.length],
    ['Lines in the files', members.at(-1)?.measures.lines?.[0] ?? 0],
  ],
};
export default scenario;
