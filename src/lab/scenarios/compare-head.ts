import type { Scenario } from '../scenario.ts';
import { refusals, successes } from './catalog.ts';

const scenario: Scenario = {
  name: 'compare-head',
  about: 'writers append only if the log ends where they saw it end',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 50,
  as: 'processes',
  withoutLock: true,
  needs: ['head', 'key', 'batch'],
  params: {},
  refusals: ['conflict'],
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async (client) => {
        const { store, dice, name, iteration } = client;
        const seen = await store.head();
        // Time for somebody else to come between.
        await client.pause(1);
        const head = dice() < 0.5 ? seen : { seq: seen.seq };
        const entry = { op: 'add', id: `c-${name}-${iteration}` };
        const more = ['a', 'b', 'c'].map((part) => ({ op: 'add', id: `${entry.id}-${part}` }));
        // What is called at once may be written at once.
        const calls = [
          () => store.append(entry, { head, key: entry.id }),
          () => store.append(entry, { head }),
          () => store.append({ op: 'add', id: `${entry.id}-free` }),
          () => store.appendBatch(more, { head }),
        ].filter(() => dice() < 0.4);
        await Promise.all(calls.map((call) => client.tried(call())));
      },
    },
  ],
  checks: [
    {
      name: 'some appends went through, and some were told of a conflict',
      *examine(evidence) {
        if (successes(evidence).length === 0) yield 'no append went through';
        if (evidence.clients > 1 && refusals(evidence, 'conflict').length === 0)
          yield 'nobody was told of a conflict: either there was none, or it was not noticed';
      },
    },
  ],
  results: (evidence) => [
    ['Appended', successes(evidence).length],
    ['Conflicts', refusals(evidence, 'conflict').length],
  ],
};
export default scenario;
