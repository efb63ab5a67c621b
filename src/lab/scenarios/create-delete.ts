import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../harness/client.ts';
import type { Scenario } from '../scenario.ts';
import { portId } from './ports.ts';

const MOST_BEYOND_EMPTY = 2048;

function measureBytes({ storeDirectory, measure }: Client): void {
  const sizes = readdirSync(storeDirectory).map((name) => statSync(join(storeDirectory, name)).size);
  measure(
    'bytes',
    sizes.reduce((sum, size) => sum + size, 0),
  );
}

const scenario: Scenario = {
  name: 'create-delete',
  about: 'one id is made and deleted again and again; then the store is compacted',
  source: 'trop',
  module: import.meta.url,
  clients: 1,
  iterations: 1000,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'compact'],
  params: {},
  refusals: [],
  prepare: async (client) => measureBytes(client),
  roles: [
    {
      name: 'user',
      clients: (all) => all,
      step: async ({ store }) => {
        await store.append({ op: 'reserve', id: portId(1) });
        await store.append({ op: 'delete', id: portId(1) });
      },
    },
  ],
  conclude: async (client) => {
    measureBytes(client);
    await client.store.compact();
    measureBytes(client);
  },
  checks: [
    {
      name: 'compaction brings the store back to its floor',
      *examine({ members }) {
        const [empty = 0] = members[0]?.measures.bytes ?? [];
        const [full = 0, compacted = Infinity] = members.at(-1)?.measures.bytes ?? [];
        if (compacted - empty >= MOST_BEYOND_EMPTY)
          yield `${empty} bytes empty, ${full} after all the cycles, ${compacted} compacted`;
      },
    },
  ],
  results: ({ members }) => {
    const [empty = 0] = members[0]?.measures.bytes ?? [];
    const [full = 0, compacted = 0] = members.at(-1)?.measures.bytes ?? [];
    return [
      ['Bytes, empty', empty],
      ['Bytes, before compaction', full],
      ['Bytes, after compaction', compacted],
    ];
  },
};
export default scenario;
