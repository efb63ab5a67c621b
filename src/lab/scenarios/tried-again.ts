import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { successes } from './catalog.ts';
import { COMPACTOR } from './compactor.ts';

/** Records among which a key is found: few, so that keys are forgotten, too. */
const KEY_WINDOW = 60;

function duplicates({ operations }: RunEvidence): number {
  return operations.filter(({ duplicate }) => duplicate).length;
}

const scenario: Scenario = {
  name: 'tried-again',
  about: 'all try the same appends, with the same keys, again and again, while another compacts',
  source: 'ours',
  module: import.meta.url,
  clients: 7,
  iterations: 100,
  as: 'processes',
  withoutLock: false,
  needs: ['key', 'head', 'batch', 'compact'],
  params: {},
  settings: { 'jsonl-wal': { segmentBytes: 4096, keyWindow: KEY_WINDOW } },
  failRate: 0,
  refusals: ['conflict'],
  roles: [
    {
      name: 'writer',
      clients: (all) => all - 1,
      step: async (client) => {
        const { store, dice, iteration } = client;
        // Who is ahead is tried again by who is behind.
        const id = `t-${iteration - Math.floor(dice() * dice() * 30)}`;
        const isBatch = dice() < 0.3;
        const head = dice() < 0.2 ? await store.head() : undefined;
        await client.tried(
          isBatch
            ? store.appendBatch(
                ['a', 'b', 'c'].map((part) => ({ op: 'add', id: `${id}-${part}` })),
                { key: `batch ${id}`, head },
              )
            : store.append({ op: 'add', id }, { key: id, head }),
        );
      },
    },
    COMPACTOR,
  ],
  checks: [
    {
      name: 'some were answered with what was there',
      *examine(evidence) {
        if (evidence.clients > 2 && duplicates(evidence) === 0) yield 'no key was tried twice';
      },
    },
    {
      name: 'something was compacted away',
      ofAllSteps: true,
      *examine({ oldest }) {
        if (oldest <= 1) yield 'everything can still be read: no compaction had an effect';
      },
    },
  ],
  results: (evidence) => [
    ['Appended, or there', successes(evidence).length],
    ['There already', duplicates(evidence)],
    ['Entries', evidence.head],
    ['Entries that can still be read', evidence.head - evidence.oldest + 1],
  ],
};
export default scenario;
