import type { Scenario } from '../scenario.ts';
import { linger, mostAtOnce, slowestWait } from './turns.ts';

const scenario: Scenario = {
  name: 'lock-serialization',
  about: 'writers stay in their write turn for a while, so that whoever can come in beside them does',
  source: 'beads',
  module: import.meta.url,
  clients: 3,
  iterations: 10,
  as: 'processes',
  withoutLock: false,
  needs: ['turns'],
  params: { lingerMs: 5 },
  // Nobody is to be taken for dead because the machine is slow.
  settings: { 'jsonl-wal': { strictLock: true, lockTimeoutMs: 60_000, staleMs: 60_000 } },
  refusals: [],
  roles: [
    {
      name: 'writer',
      clients: (all) => all,
      step: async (client) => {
        linger(client, client.param('lingerMs'));
        await client.store.append({ op: 'add', id: `bd-t${client.name}w${client.iteration}` });
      },
    },
  ],
  checks: [
    {
      name: 'nobody has the write turn while another has it',
      *examine({ turns }) {
        const most = mostAtOnce(turns);
        if (most > 1) yield `${most} had it at once`;
      },
    },
    {
      name: 'every append had one',
      ofAllSteps: true,
      *examine({ turns, clients, iterations }) {
        if (turns.length < clients * iterations)
          yield `${turns.length} turns were noted, for ${clients * iterations} appends`;
      },
    },
  ],
  results: ({ turns }) => [
    ['Write turns', turns.length],
    ['Most at once', mostAtOnce(turns)],
    ['Slowest wait, ms', Math.round(slowestWait(turns))],
  ],
};
export default scenario;
