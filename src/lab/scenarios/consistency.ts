import type { Scenario } from '../scenario.ts';
import { pick } from '../seeded.ts';
import { portId, reserve } from './ports.ts';

const IDS = 10;

const scenario: Scenario = {
  name: 'consistency',
  about: 'many processes at once reserve, release, note, list and read',
  source: 'trop',
  module: import.meta.url,
  clients: 50,
  iterations: 1,
  as: 'one-shot',
  withoutLock: false,
  needs: ['state', 'transaction', 'batch'],
  params: { pool: 100_000 },
  refusals: [],
  prepare: async ({ store }) => {
    for (let i = 1; i <= IDS; i++) await store.append({ op: 'reserve', id: portId(i) });
  },
  roles: [
    {
      name: 'user',
      clients: (all) => all,
      step: async (client) => {
        const { store, dice, name, iteration } = client;
        const note = `note-${name}-${iteration}`;
        const release = portId(1 + Math.floor(dice() * IDS));
        const work = pick(dice, [
          () => reserve(client),
          () => store.transaction((tx) => tx.get(release) && tx.append({ op: 'delete', id: release })),
          () => store.append({ op: 'note', id: note, data: { text: 'é'.repeat(dice() * 500) } }),
          () =>
            store.appendBatch([
              { op: 'note', id: note },
              { op: 'note', id: `${note}-too` },
            ]),
          () => store.look(),
          () => store.read(),
        ]);
        await work?.();
      },
    },
  ],
  checks: [],
};
export default scenario;
