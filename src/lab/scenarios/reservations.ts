import type { Scenario } from '../scenario.ts';
import { notFirst, RESERVER } from './ports.ts';

const scenario: Scenario = {
  name: 'reservations',
  about: 'each process reserves the lowest free number',
  source: 'trop',
  module: import.meta.url,
  clients: 10,
  iterations: 1,
  as: 'one-shot',
  withoutLock: true,
  needs: ['state', 'transaction'],
  params: { pool: 100_000 },
  refusals: [],
  roles: [RESERVER],
  checks: [
    {
      name: 'everybody got a number, all different, the lowest there were',
      ofAllSteps: true,
      examine: (evidence) => notFirst(evidence, evidence.clients * evidence.iterations),
    },
  ],
};
export default scenario;
