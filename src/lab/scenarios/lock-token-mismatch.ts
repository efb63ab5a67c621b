import type { Scenario } from '../scenario.ts';
import { forgeOwner } from '../tools/forge-owner.ts';
import { holder, slowestWait, tell, whenTold } from './turns.ts';

const scenario: Scenario = {
  name: 'lock-token-mismatch',
  about: 'a holder dies with the lock, on which somebody else is named as its owner; then others append',
  source: 'nodb',
  module: import.meta.url,
  clients: 3,
  iterations: 5,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be killed without the others' },
  withoutLock: false,
  needs: ['turns', 'wal-lock'],
  params: {},
  refusals: [],
  roles: [
    holder((client) => {
      forgeOwner(client.storeDirectory);
      tell(client, 'dead');
      client.die();
    }),
    {
      name: 'other',
      clients: (all) => all - 1,
      step: async (client) => {
        await whenTold(client, 'dead');
        await client.store.append({ op: 'add', id: `other-${client.name}-${client.iteration}` });
      },
    },
  ],
  checks: [
    {
      name: 'the others’ appends go through, and the holder’s did not happen',
      ofAllSteps: true,
      *examine({ found, clients, iterations }) {
        const wanted = (clients - 1) * iterations;
        if (found.length !== wanted) yield `${found.length} entries are there, not ${wanted}`;
        if (found.some(({ id }) => id === 'holder'))
          yield 'the holder died before it wrote, and its entry is there';
      },
    },
    {
      name: 'nobody waited for the owner who was made up',
      *examine({ turns, marks }) {
        const died = marks.find(({ kind }) => kind === 'killed')?.at ?? Infinity;
        if (!turns.some(({ from, to }) => from > died && to !== Infinity))
          yield 'nobody had the lock again after its holder died';
      },
    },
  ],
  results: ({ turns }) => [['Slowest wait, ms', Math.round(slowestWait(turns))]],
};
export default scenario;
