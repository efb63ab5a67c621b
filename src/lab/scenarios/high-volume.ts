import type { Scenario } from '../scenario.ts';
import { notFirst, takeLowest } from './ports.ts';

const scenario: Scenario = {
  name: 'high-volume',
  about: 'many clients reserve number after number',
  source: 'trop',
  module: import.meta.url,
  clients: 100,
  iterations: 100,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'transaction'],
  params: { pool: 10_000_000 },
  refusals: [],
  roles: [
    {
      name: 'reserver',
      clients: (all) => all,
      step: async ({ store, memory, param }) => {
        // Numbers are never given back: none below the last one it got is free.
        const first = (memory.get('first') as number | undefined) ?? 1;
        const number = await store.transaction((tx) => takeLowest(tx, param('pool'), first));
        memory.set('first', number + 1);
      },
    },
  ],
  checks: [
    {
      name: 'everybody got a number every time, all different',
      ofAllSteps: true,
      examine: (evidence) => notFirst(evidence, evidence.clients * evidence.iterations),
    },
  ],
  timed: [
    {
      name: '10,000 reservations in under 30 s',
      ofAllSteps: true,
      *examine({ clients, iterations, seconds }) {
        const rate = (clients * iterations) / seconds;
        if (rate < 10_000 / 30) yield `${Math.round(rate)} reservations a second`;
      },
    },
  ],
};
export default scenario;
