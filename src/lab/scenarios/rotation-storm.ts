import type { Client } from '../harness/client.ts';
import type { Role, Scenario } from '../scenario.ts';

const FOLLOWS_MS = 50;

/** Who reads entry by entry may be told that they were compacted away before it. */
export const COMPACTED = 'ERR_WAL_COMPACTED';

/** Follows for a while, and goes on from there at its next step; from where it can, if that was compacted away. */
export async function followOn(client: Client): Promise<void> {
  const { store, memory } = client;
  const from = memory.get('next') as number | undefined;
  const well = await client.tried(
    from === undefined
      ? store.read().then((found) => memory.set('next', (found.at(-1)?.seq ?? 0) + 1))
      : store.follow(from, FOLLOWS_MS).then((found) => memory.set('next', from + found.length)),
  );
  if (!well) memory.delete('next');
  // Where all was compacted away, there is nothing to go on from.
  if (memory.get('next') === 1) memory.delete('next');
  await client.pause(5);
}

const others: Omit<Role, 'name' | 'step'> = { clients: () => 1, until: 'others' };

const scenario: Scenario = {
  name: 'rotation-storm',
  about: 'segments of a few lines, compacted all the time, with readers and followers on',
  source: 'ours',
  module: import.meta.url,
  clients: 8,
  iterations: 500,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'batch', 'compact', 'follow'],
  params: { ids: 50, bytes: 300 },
  settings: { 'jsonl-wal': { segmentBytes: 4096 } },
  refusals: [COMPACTED],
  roles: [
    {
      name: 'writer',
      clients: (all) => all - 4,
      step: async ({ store, dice, name, iteration, param }) => {
        const id = `id-${Math.floor(dice() * param('ids'))}`;
        const text = 'x'.repeat(dice() * param('bytes'));
        if (dice() < 0.1) await store.append({ op: 'delete', id });
        else if (dice() < 0.9) await store.append({ op: 'update', id, data: { text } });
        else
          await store.appendBatch(
            Array.from({ length: 3 }, (_, i) => ({ op: 'add', id: `b-${name}-${iteration % 9}-${i}` })),
          );
      },
    },
    {
      ...others,
      name: 'compactor',
      step: async (client) => {
        await client.store.compact();
        await client.pause(5);
      },
    },
    {
      ...others,
      name: 'reader',
      step: async (client) => {
        await client.tried(client.store.look());
        await client.tried(client.store.read());
        await client.pause(5);
      },
    },
    { ...others, name: 'follower', step: followOn },
    {
      ...others,
      name: 'newcomer',
      step: async (client) => {
        const store = await client.open({}, client.dice() < 0.5);
        await store.look();
        await store.close();
        await client.pause(5);
      },
    },
  ],
  checks: [
    {
      name: 'every append succeeds',
      ofAllSteps: true,
      *examine({ operations, clients, iterations }) {
        const writing = operations.filter(
          ({ entries, outcome }) => entries.length > 0 && outcome === 'acknowledged',
        );
        const wanted = (clients - 4) * iterations;
        if (writing.length !== wanted) yield `${writing.length} of ${wanted} did`;
      },
    },
    {
      name: 'something was compacted away',
      *examine({ oldest }) {
        if (oldest <= 1) yield 'everything can still be read: no compaction had an effect';
      },
    },
  ],
  results: ({ operations, oldest, head }) => [
    ['Compactions', operations.filter(({ kind }) => kind === 'compact').length],
    ['Entries', head],
    ['Entries that can still be read', head - oldest + 1],
    ['Readings cut off by a compaction', operations.filter(({ reason }) => reason === COMPACTED).length],
  ],
};
export default scenario;
