import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { portId } from './ports.ts';

const BATCH = 1000;
const MOST_MS = 50;

/**
 * What a query costs beyond what starting node does: loading the program, opening the store, the answer. Undefined where no query was
 * measured.
 */
function meanMs({ members }: RunEvidence): number | undefined {
  const times = members.flatMap(({ measures }) => measures['ms beyond starting node'] ?? []);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  return times.length === 0 ? undefined : Math.round(mean * 10) / 10;
}

const scenario: Scenario = {
  name: 'query-speed',
  about: 'a new process for each query of one of many ids',
  source: 'trop',
  module: import.meta.url,
  clients: 1,
  iterations: 100,
  as: 'one-shot',
  withoutLock: false,
  needs: ['batch', 'state', 'compact'],
  params: { ids: 100_000 },
  refusals: [],
  prepare: async ({ store, param }) => {
    const entries = Array.from({ length: param('ids') }, (_, i) => ({ op: 'reserve', id: portId(i + 1) }));
    for (let from = 0; from < entries.length; from += BATCH)
      await store.appendBatch(entries.slice(from, from + BATCH));
    await store.compact();
  },
  roles: [
    {
      name: 'asker',
      clients: (all) => all,
      step: async ({ store, dice, param }) => {
        const id = portId(1 + Math.floor(dice() * param('ids')));
        const { items } = await store.look([id]);
        if (items.length !== 1) throw new Error(`${id} is not there`);
      },
    },
  ],
  checks: [],
  timed: [
    {
      name: `a query takes under ${MOST_MS} ms beyond what starting node costs, in the mean`,
      *examine(evidence) {
        const mean = meanMs(evidence);
        if (mean !== undefined && mean >= MOST_MS) yield `${mean} ms`;
      },
    },
  ],
  results: (evidence) => [
    ['Ids', evidence.params.ids as number],
    ['Mean query beyond starting node, ms', meanMs(evidence) ?? 'not measured'],
  ],
};
export default scenario;
