import type { Scenario } from '../scenario.ts';
import { refusals } from './catalog.ts';
import { notFirst, RESERVER } from './ports.ts';

const scenario: Scenario = {
  name: 'toctou',
  about: 'more processes than numbers: each wants one of them',
  source: 'trop',
  module: import.meta.url,
  clients: 20,
  iterations: 1,
  as: 'one-shot',
  withoutLock: true,
  needs: ['state', 'transaction'],
  params: { pool: 11 },
  refusals: ['exhausted'],
  roles: [RESERVER],
  checks: [
    {
      name: 'as many succeed as there are numbers; the others are told that the pool is exhausted',
      ofAllSteps: true,
      *examine(evidence) {
        const wanted = evidence.clients * evidence.iterations;
        const had = Math.min(wanted, evidence.params.pool as number);
        yield* notFirst(evidence, had);
        const told = refusals(evidence, 'exhausted').length;
        if (told !== wanted - had) yield `${told} were told that the pool is exhausted, not ${wanted - had}`;
      },
    },
  ],
};
export default scenario;
