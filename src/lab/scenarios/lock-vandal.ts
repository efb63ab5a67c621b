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
      name: 'there were appends while locks were deleted',
      *examine({ marks, operations }) {
        const broken = marks.filter(({ kind }) => kind === 'lock-broken');
        const [first, last] = [broken[0]?.at ?? Infinity, broken.at(-1)?.at ?? -Infinity];
        if (!operations.some(({ kind, start, end }) => kind === 'append' && start > first && end < last))
          yield `nobody appended between the ${broken.length} times`;
      },
    },
  ],
  results: ({ marks, found }) => [
    ['Locks deleted', marks.filter(({ kind }) => kind === 'lock-broken').length],
    ['Entries', found.length],
  ],
};
export default scenario;
