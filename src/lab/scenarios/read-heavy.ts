import { isReading } from '../operations/operation.ts';
import type { Scenario } from '../scenario.ts';
import { catalogId, catalogResults, ofClients } from './catalog.ts';

const BATCH = 100;
const WINDOW = 10;

const scenario: Scenario = {
  name: 'read-heavy',
  about: 'readers read here and there in a filled log',
  source: 'metafuse',
  module: import.meta.url,
  clients: 20,
  iterations: 500,
  seconds: 30,
  as: 'processes',
  withoutLock: false,
  needs: ['batch', 'state'],
  params: { entries: 5000 },
  refusals: [],
  prepare: async ({ store, param }) => {
    const entries = Array.from({ length: param('entries') }, (_, i) => ({ op: 'add', id: catalogId(i) }));
    for (let from = 0; from < entries.length; from += BATCH)
      await store.appendBatch(entries.slice(from, from + BATCH));
  },
  roles: [
    {
      name: 'reader',
      clients: (all) => all,
      step: async ({ store, dice, param }) => {
        const at = Math.floor(dice() * param('entries'));
        if (dice() < 0.5) await store.look([catalogId(at)]);
        else await store.read({ from: at + 1, to: at + WINDOW });
      },
    },
  ],
  checks: [
    {
      name: 'there were reads',
      *examine(evidence) {
        if (!ofClients(evidence).some(isReading)) yield 'nobody read anything';
      },
    },
  ],
  timed: [
    {
      name: 'more than 10 reads a second',
      *examine(evidence) {
        const rate = ofClients(evidence).filter(isReading).length / evidence.seconds;
        if (rate <= 10) yield `${rate.toFixed(1)} reads a second`;
      },
    },
  ],
  results: catalogResults,
};
export default scenario;
