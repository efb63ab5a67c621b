import { isReading } from '../operations/operation.ts';
import type { Scenario } from '../scenario.ts';
import { ofClients } from './catalog.ts';
import { portId, reserve } from './ports.ts';

const READS_A_WRITE = 2.5;

const scenario: Scenario = {
  name: 'readers-during-write',
  about: 'one process after the other reserves, and others list meanwhile',
  source: 'trop',
  module: import.meta.url,
  clients: 11,
  iterations: 20,
  as: 'one-shot',
  withoutLock: false,
  needs: ['state', 'transaction'],
  params: { pool: 100_000, entries: 5 },
  refusals: [],
  prepare: async ({ store, param }) => {
    for (let i = 1; i <= param('entries'); i++) await store.append({ op: 'reserve', id: portId(i) });
  },
  roles: [
    {
      name: 'writer',
      clients: () => 1,
      step: async (client) => {
        await reserve(client);
      },
    },
    {
      name: 'reader',
      clients: (all) => all - 1,
      iterations: (given) => Math.round(given * READS_A_WRITE),
      step: async ({ store, dice }) => {
        if (dice() < 0.5) await store.look();
        else await store.read();
      },
    },
  ],
  checks: [
    {
      name: 'every read succeeded',
      ofAllSteps: true,
      *examine(evidence) {
        const { clients, iterations } = evidence;
        const wanted = (clients - 1) * Math.round(iterations * READS_A_WRITE);
        const done = ofClients(evidence).filter(
          (each) => isReading(each) && each.outcome === 'acknowledged',
        ).length;
        if (done !== wanted) yield `${done} of ${wanted} reads succeeded`;
      },
    },
  ],
};
export default scenario;
