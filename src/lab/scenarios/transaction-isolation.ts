import { nameOf } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';

const BATCH_OF = /^(batch-\d+)-/;

const scenario: Scenario = {
  name: 'transaction-isolation',
  about: 'one client writes a batch, while readers look',
  source: 'trop',
  module: import.meta.url,
  clients: 6,
  iterations: 1,
  as: 'processes',
  withoutLock: false,
  needs: ['batch', 'state', 'transaction'],
  params: { batch: 10 },
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: () => 1,
      step: async (client) => {
        const { store, iteration, param } = client;
        const entries = Array.from({ length: param('batch') }, (_, i) => ({
          op: 'add',
          id: `batch-${iteration}-${i}`,
        }));
        await client.pause(5);
        if (iteration % 2 === 0) {
          await store.transaction((tx) => {
            for (const entry of entries) tx.append(entry);
          });
        } else {
          await store.appendBatch(entries);
        }
      },
    },
    {
      name: 'reader',
      clients: (all) => all - 1,
      until: 'others',
      step: async ({ store, iteration }) => {
        if (iteration % 2 === 0) await store.look();
        else await store.read();
      },
    },
  ],
  checks: [
    {
      name: 'a reader sees all of a batch, or nothing of it',
      *examine({ operations, found, params }) {
        const size = params.batch as number;
        const batches = new Map(found.map(({ seq, id }) => [seq, BATCH_OF.exec(id)?.[1]]));
        for (const operation of operations) {
          const { saw } = operation;
          if (saw === undefined) continue;
          if ('from' in saw) {
            const last = batches.get(saw.to);
            if (last !== undefined && batches.get(saw.to + 1) === last)
              yield `${nameOf(operation)} ended within ${last}, at entry ${saw.to}`;
            continue;
          }
          const counts = new Map<string, number>();
          for (const [id] of saw.items) {
            const batch = BATCH_OF.exec(id)?.[1];
            if (batch !== undefined) counts.set(batch, (counts.get(batch) ?? 0) + 1);
          }
          for (const [batch, count] of counts) {
            if (count !== size) yield `${nameOf(operation)} saw ${count} of the ${size} entries of ${batch}`;
          }
        }
      },
    },
  ],
};
export default scenario;
