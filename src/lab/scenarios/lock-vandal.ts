import type { Scenario } from '../scenario.ts';
import { deleteLock } from '../tools/break-lock.ts';

const APPENDS_A_STORE = 5;

const scenario: Scenario = {
  name: 'lock-vandal',
  about: 'one client deletes the lock, file or directory, every few milliseconds, while all others write',
  source: 'ours',
  module: import.meta.url,
  clients: 6,
  iterations: 500,
  as: 'processes',
  withoutLock: true,
  needs: [],
  params: { pauseMs: 5 },
  refusals: [],
  roles: [
    {
      name: 'vandal',
      clients: () => 1,
      step: async (client) => {
        deleteLock(client.storeDirectory);
        client.mark('lock-broken');
        await client.pause(client.param('pauseMs'));
      },
    },
    {
      name: 'writer',
      clients: (all) => all - 1,
      until: 'others',
      step: async (client) => {
        const { name, iteration } = client;
        const store = iteration % 2 === 0 ? client.store : await client.open();
        for (let i = 0; i < APPENDS_A_STORE; i++)
          await store.append({ op: 'add', id: `vandal-${name}-${iteration}-${i}` });
        if (store !== client.store) await store.close();
      },
    },
  ],
  checks: [
    {
      name: 'locks were deleted, and there were appends then',
      *examine({ marks, operations }) {
        const first = marks.find(({ kind }) => kind === 'lock-broken')?.at ?? Infinity;
        if (!operations.some(({ kind, start }) => kind === 'append' && start > first))
          yield 'nobody appended after the first was';
      },
    },
  ],
  results: ({ marks, found }) => [
    ['Locks deleted', marks.filter(({ kind }) => kind === 'lock-broken').length],
    ['Entries', found.length],
  ],
};
export default scenario;
