import type { Operation, StateSight } from '../operations/operation.ts';
import { writerOf } from '../operations/operation.ts';
import { nameOf } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { catalogId, catalogResults, ofClients, versionsSeen } from './catalog.ts';

const scenario: Scenario = {
  name: 'cache-invalidation',
  about: 'a third of the clients write a few ids, two thirds watch their versions go by',
  source: 'metafuse',
  module: import.meta.url,
  clients: 9,
  iterations: 200,
  seconds: 15,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'transaction'],
  params: { ids: 3 },
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: (all) => Math.floor(all / 3),
      step: async (client) => {
        const id = catalogId(Math.floor(client.dice() * client.param('ids')));
        await client.store.transaction((tx) => tx.append({ op: 'update', id }));
        await client.pause(4);
      },
    },
    {
      name: 'reader',
      clients: (all) => all - Math.floor(all / 3),
      until: 'others',
      step: async (client) => {
        const ids = Array.from({ length: client.param('ids') }, (_, i) => catalogId(i));
        await client.store.look(ids);
        await client.pause(2);
      },
    },
  ],
  checks: [
    {
      name: 'readers saw more than one version',
      *examine(evidence) {
        const seen = versionsSeen(ofClients(evidence));
        if (seen < 2) yield `all readers together saw ${seen}`;
      },
    },
    {
      name: "each reader's last look saw the writers' last",
      *examine({ operations, state }) {
        const there = new Map(state?.items.map(({ id, value }) => [id, writerOf(value)]));
        const last = new Map<string, Operation>();
        for (const operation of operations)
          if (operation.kind === 'look') last.set(operation.client, operation);
        for (const operation of last.values()) {
          for (const [id, by] of (operation.saw as StateSight | undefined)?.items ?? []) {
            const now = there.get(id) ?? null;
            if (by !== now) yield `${nameOf(operation)} saw ${id} by ${by}, and the last was ${now}`;
          }
        }
      },
    },
  ],
  results: catalogResults,
};
export default scenario;
