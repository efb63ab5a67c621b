import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'failing-sync',
  about: 'a sync of one client fails; it opens the store again, while others write',
  source: 'ours',
  module: import.meta.url,
  clients: 4,
  iterations: 10,
  as: 'processes',
  withoutLock: false,
  needs: ['turns'],
  params: {},
  refusals: ['ERR_WAL_LATCHED'],
  unknowns: ['ERR_WAL_SYNC'],
  roles: [
    {
      name: 'unlucky',
      clients: () => 1,
      step: async (client) => {
        const { iteration } = client;
        const store = await client.open();
        client.atNext('syncing', () => {
          throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        });
        await client.tried(store.append({ op: 'add', id: `fails-${iteration}` }));
        await client.tried(store.append({ op: 'add', id: `latched-${iteration}` }));
        await store.close();
        const next = await client.open();
        await next.append({ op: 'add', id: `anew-${iteration}` });
        await next.close();
      },
    },
    {
      name: 'writer',
      clients: (all) => all - 1,
      until: 'others',
      step: async (client) => {
        await client.store.append({ op: 'add', id: `other-${client.name}-${client.iteration}` });
        await client.pause(10);
      },
    },
  ],
  checks: [
    {
      name: 'who saw a sync fail is told so, writes no more before it opens the store again, and does then',
      ofAllSteps: true,
      *examine({ operations, found, iterations }) {
        const of = (word: string) => operations.filter(({ entries }) => entries[0]?.id.startsWith(word));
        for (const { entries, outcome } of of('fails-'))
          if (outcome !== 'unknown') yield `the sync of ${entries[0]?.id} failed, and it is ${outcome}`;
        for (const { entries, outcome } of of('latched-'))
          if (outcome !== 'refused') yield `after a failed sync, ${entries[0]?.id} is ${outcome}`;
        const anew = found.filter(({ id }) => id.startsWith('anew-')).length;
        if (anew !== iterations) yield `${anew} of ${iterations} appends after that are there`;
      },
    },
  ],
};
export default scenario;
