import type { Scenario } from '../scenario.ts';
import { successes } from './catalog.ts';

const isOrphan = (value: unknown) => (value as { orphan?: boolean } | undefined)?.orphan === true;

const scenario: Scenario = {
  name: 'cleanup-during-append',
  about: 'one client deletes all orphans at once, while others create',
  source: 'trop',
  module: import.meta.url,
  clients: 6,
  iterations: 1,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'transaction'],
  params: { entries: 10 },
  refusals: [],
  prepare: async ({ store, param }) => {
    for (let i = 0; i < param('entries'); i++)
      await store.append({ op: 'add', id: `old-${i}`, data: { orphan: i % 2 === 1 } });
  },
  roles: [
    {
      name: 'cleaner',
      clients: () => 1,
      iterations: () => 1,
      step: async ({ store }) => {
        await store.transaction((tx) => {
          for (const { id, value } of [...tx.items()]) if (isOrphan(value)) tx.append({ op: 'delete', id });
        });
      },
    },
    {
      name: 'creator',
      clients: (all) => all - 1,
      step: async ({ store, name, iteration }) => {
        await store.append({ op: 'add', id: `new-${name}-${iteration}`, data: { orphan: false } });
      },
    },
  ],
  checks: [
    {
      name: 'every creation succeeded, no orphan is left, and nothing else is gone',
      ofAllSteps: true,
      *examine(evidence) {
        const { clients, iterations, params, state } = evidence;
        const created = successes(evidence).filter(({ kind }) => kind === 'append').length;
        const wanted = (clients - 1) * iterations;
        if (created !== wanted) yield `${created} of ${wanted} creations succeeded`;
        const items = state?.items ?? [];
        for (const { id, value } of items) if (isOrphan(value)) yield `${id} is an orphan, and still there`;
        const left = Math.ceil((params.entries as number) / 2) + wanted;
        if (items.length !== left) yield `${items.length} ids are there, not ${left}`;
      },
    },
  ],
};
export default scenario;
