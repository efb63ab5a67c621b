import type { Draft } from '../harness/recorded-store.ts';
import type { RunEvidence } from '../operations/run-evidence.ts';
import type { Scenario } from '../scenario.ts';
import { successes } from './catalog.ts';
import { issueHistory } from './issue-history.ts';
import { strike } from './storm.ts';

const HISTORY = 'history';

/** What a client is in the middle of: the history, and how many of its entries were taken. */
interface Reading {
  readonly entries: Generator<Draft, never, undefined>;
  taken: number;
}

function killsIn({ members }: RunEvidence): number {
  return members.reduce((sum, { killed }) => sum + killed.length, 0);
}

/** An entry in a form that can be compared; without what the lab adds to its data. */
function textOf({ op, id, data }: Draft): string {
  const { by: _, from: __, ...rest } = data ?? {};
  return JSON.stringify([op, id, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

const scenario: Scenario = {
  name: 'issue-tracker',
  about:
    "agents append an issue tracker's history, and now and then one of them is killed (kill -9) and started again",
  source: 'ours',
  module: import.meta.url,
  clients: 5,
  iterations: 400,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot be killed without the others' },
  withoutLock: true,
  needs: [],
  params: { kills: 5, pauseMs: 500 },
  refusals: [],
  meanwhile: (scene) => {
    const { kills = 0, pauseMs = 0 } = scene.params;
    return strike(scene, { blows: kills, kills: 1, down: 1, pauseMs, stopMs: 0 });
  },
  roles: [
    {
      name: 'agent',
      clients: (all) => all,
      // The entries are dealt out in turn. A process that is started again reads the history from its beginning.
      step: async ({ store, name, iteration, clients, memory }) => {
        const reading = (memory.get(HISTORY) ?? { entries: issueHistory(), taken: 0 }) as Reading;
        memory.set(HISTORY, reading);
        const number = iteration * clients + Number(name);
        for (; reading.taken < number; reading.taken++) reading.entries.next();
        reading.taken++;
        await store.append(reading.entries.next().value);
      },
    },
  ],
  checks: [
    {
      name: 'every entry of the history is there, but for those that a kill cut off; nothing else is there',
      ofAllSteps: true,
      *examine(evidence) {
        const { clients, iterations, found } = evidence;
        const wanted = new Map<string, number>();
        const entries = issueHistory();
        for (let i = 0; i < clients * iterations; i++) {
          const text = textOf(entries.next().value);
          wanted.set(text, (wanted.get(text) ?? 0) + 1);
        }
        for (const { seq, op, id, data } of found) {
          const text = textOf({ op, id, data: data as Draft['data'] });
          const left = wanted.get(text) ?? 0;
          if (left === 0) yield `entry ${seq} (${op} ${id}) is not in the history, or is there twice`;
          wanted.set(text, left - 1);
        }
        const missing = clients * iterations - found.length;
        if (missing > killsIn(evidence))
          yield `${missing} entries are missing, and ${killsIn(evidence)} processes were killed`;
      },
    },
  ],
  results: (evidence) => [
    ['Entries acknowledged', successes(evidence).length],
    ['Entries in the log', evidence.found.length],
    ['Processes killed', killsIn(evidence)],
  ],
};
export default scenario;
