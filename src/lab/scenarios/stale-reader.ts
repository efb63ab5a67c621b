import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../harness/client.ts';
import type { StateSight } from '../operations/operation.ts';
import type { Scenario } from '../scenario.ts';
import { catalogId, successes } from './catalog.ts';
import { COMPACTOR } from './compactor.ts';
import { COMPACTED } from './rotation-storm.ts';

/** Names, sizes and times of the store's files. */
function filesOf({ storeDirectory }: Client): string {
  const files = readdirSync(storeDirectory).sort();
  const tell = (name: string) => {
    const { ino, size, mtimeMs, ctimeMs } = statSync(join(storeDirectory, name));
    return [name, ino, size, mtimeMs, ctimeMs].join(' ');
  };
  return files.map(tell).join('\n');
}

/** Opens the store read-only, reads all there is, and closes it. */
async function readThrough(client: Client): Promise<void> {
  const store = await client.open({}, true);
  await client.tried(store.look());
  await client.tried(store.read());
  await store.close();
}

const scenario: Scenario = {
  name: 'stale-reader',
  about: 'readers keep the store open, others open it read-only, while writers write and it is compacted',
  source: 'nodb',
  module: import.meta.url,
  clients: 6,
  iterations: 100,
  as: 'processes',
  withoutLock: false,
  needs: ['state', 'compact'],
  params: { ids: 10 },
  settings: { 'jsonl-wal': { segmentBytes: 4096 } },
  refusals: [COMPACTED],
  roles: [
    {
      name: 'writer',
      clients: (all) => all - 3,
      step: async (client) => {
        const id = catalogId(Math.floor(client.dice() * client.param('ids')));
        await client.store.append({ op: 'update', id, data: { text: 'x'.repeat(100) } });
      },
    },
    COMPACTOR,
    {
      name: 'reader',
      clients: () => 1,
      until: 'others',
      step: async (client) => {
        await client.store.look();
        await client.pause(10);
      },
    },
    {
      name: 'read-only',
      clients: () => 1,
      until: 'others',
      step: async (client) => {
        await readThrough(client);
        await client.pause(10);
      },
    },
  ],
  conclude: async (client) => {
    const before = filesOf(client);
    await readThrough(client);
    client.measure('changed', before === filesOf(client) ? 0 : 1);
  },
  checks: [
    {
      name: 'the last look of who had it open all the time sees everything',
      *examine(evidence) {
        const { operations, members, head } = evidence;
        const reader = members.find(({ role }) => role === 'reader')?.client;
        const last = operations.findLast(({ client, kind }) => client === reader && kind === 'look');
        const seq = (last?.saw as StateSight | undefined)?.seq;
        if (seq !== undefined && seq !== head) yield `it saw entries up to ${seq}, and the last is ${head}`;
        if (last === undefined || successes(evidence).length === 0) yield 'nobody looked, or nobody wrote';
      },
    },
    {
      name: 'who opens it read-only writes nothing',
      *examine({ members }) {
        if (members.at(-1)?.measures.changed?.[0] !== 0) yield 'the files are not as they were';
      },
    },
  ],
};
export default scenario;
