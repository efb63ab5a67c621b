import type { Client } from '../harness/client.ts';
import type { Role, Scenario } from '../scenario.ts';
import { measureKept } from './memory.ts';
import { COMPACTED, followOn } from './rotation-storm.ts';
import { blowsIn, stormWriter, strike } from './storm.ts';

/** What the heap may grow by, in bytes, however long it goes on. */
const MOST_GROWTH = 16 * 1024 * 1024;
/** What may come and go with segments and snapshots. */
const MOST_MORE_OPEN = 8;
/** The first steps load what all need. */
const WARM = 20;
const MEASURE_EACH_MS = 1000;

/** Measures now and then what the process keeps. */
function watchKept(client: Client): void {
  const { memory, iteration } = client;
  const last = memory.get('measured') as number | undefined;
  if (iteration < WARM || (last !== undefined && performance.now() - last < MEASURE_EACH_MS)) return;
  memory.set('measured', performance.now());
  measureKept(client);
}

const others: Omit<Role, 'name' | 'step'> = { clients: () => 1, until: 'others' };
/** Only they are killed and stopped: what the others keep is looked at. */
const STRUCK = stormWriter.name;

const scenario: Scenario = {
  name: 'soak',
  about:
    'all of it at once for as long as asked: writing, reading, following, compaction, kills, stops, failures',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 1,
  seconds: 60,
  as: 'processes',
  only: { kinds: ['processes'], because: 'threads cannot be stopped, and what they keep is one another’s' },
  withoutLock: true,
  needs: ['batch', 'state', 'transaction', 'compact', 'follow', 'turns'],
  params: { ids: 200, blows: 1e9, pauseMs: 200, stopMs: 1000 },
  settings: { 'jsonl-wal': { segmentBytes: 16_384 } },
  failRate: 0.01,
  refusals: [COMPACTED],
  meanwhile: (scene) => {
    const { blows, pauseMs, stopMs } = scene.params as Record<'blows' | 'pauseMs' | 'stopMs', number>;
    const victims = scene.victims.filter(({ role }) => role === STRUCK);
    return strike({ ...scene, victims }, { blows, kills: 0.3, down: victims.length / 2, pauseMs, stopMs });
  },
  roles: [
    { ...stormWriter, clients: (all) => all - 4 },
    {
      ...others,
      name: 'updater',
      step: async (client) => {
        const { store, dice, param } = client;
        const id = `id-${Math.floor(dice() * param('ids'))}`;
        watchKept(client);
        await client.tried(
          store.transaction((tx) => {
            const count = ((tx.get(id)?.value as { n?: number } | undefined)?.n ?? 0) + 1;
            tx.append(count > 5 ? { op: 'delete', id } : { op: 'update', id, data: { n: count } });
          }),
        );
        await client.pause(5);
      },
    },
    {
      ...others,
      name: 'compactor',
      step: async (client) => {
        await client.store.compact();
        await client.pause(100);
      },
    },
    {
      ...others,
      name: 'reader',
      step: async (client) => {
        watchKept(client);
        await client.tried(client.store.look());
        const store = await client.open({}, true);
        await client.tried(store.read());
        await store.close();
        await client.pause(50);
      },
    },
    { ...others, name: 'follower', step: followOn },
  ],
  conclude: async ({ store }) => {
    await store.append({ op: 'add', id: 'after' });
  },
  checks: [
    {
      name: 'open descriptors and memory stay as they are',
      *examine({ members }) {
        for (const { client, role, measures } of members) {
          const grown = (name: string) => {
            const values = measures[name] ?? [];
            return (values.at(-1) ?? 0) - (values[0] ?? 0);
          };
          if (grown('open descriptors') > MOST_MORE_OPEN)
            yield `client ${client} (${role}) has ${grown('open descriptors')} more open`;
          if (grown('heap') > MOST_GROWTH)
            yield `client ${client} (${role}) keeps ${grown('heap')} bytes more`;
        }
      },
    },
  ],
  results: (evidence) => {
    const { marks, head, oldest, members } = evidence;
    const kept = members.map(({ measures: { heap = [] } }) => (heap.at(-1) ?? 0) - (heap[0] ?? 0));
    return [
      ...blowsIn(evidence),
      ['Went on without the lock', marks.filter(({ kind }) => kind === 'takeover').length],
      ['Entries', head],
      ['Entries that can still be read', head - oldest + 1],
      ['Most heap kept, bytes', Math.max(...kept)],
    ];
  },
};
export default scenario;
