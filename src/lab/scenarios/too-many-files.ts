import { closeSync, openSync } from 'node:fs';
import type { Client } from '../harness/client.ts';
import type { Scenario } from '../scenario.ts';

/** Opens files until there may be no more. */
function hoard(): number[] {
  const open: number[] = [];
  try {
    for (;;) open.push(openSync('/dev/null', 'r'));
  } catch {
    return open;
  }
}

async function work(client: Client, when: string): Promise<void> {
  const { store, name, iteration } = client;
  const data = { text: 'x'.repeat(500) };
  for (let i = 0; i < 3; i++)
    await client.tried(store.append({ op: 'add', id: `${when}-${name}-${iteration}-${i}`, data }));
  await client.tried(store.read({ from: 1, to: 3 }));
}

const scenario: Scenario = {
  name: 'too-many-files',
  about: 'clients work while no file can be opened any more (EMFILE), and then when it can',
  source: 'ours',
  module: import.meta.url,
  clients: 3,
  iterations: 10,
  as: 'processes',
  only: { kinds: ['processes'], because: 'threads have no limits of their own' },
  withoutLock: false,
  needs: [],
  params: { files: 64 },
  limits: ({ files }) => ({ openFiles: files as number }),
  // A segment is full after a few appends, so that a new one is to be opened.
  settings: { 'jsonl-wal': { segmentBytes: 4096 } },
  refusals: ['ERR_WAL_IO'],
  unknowns: ['ERR_WAL_IO'],
  roles: [
    {
      name: 'hoarder',
      clients: (all) => all,
      step: async (client) => {
        const open = hoard();
        try {
          await work(client, 'without');
        } finally {
          for (const descriptor of open) closeSync(descriptor);
        }
        await work(client, 'with');
      },
    },
  ],
  checks: [
    {
      name: 'without files to be had something failed; with them, every append goes through',
      ofAllSteps: true,
      *examine({ operations, clients, iterations }) {
        if (operations.every(({ outcome }) => outcome === 'acknowledged')) yield 'nothing failed';
        const through = operations.filter(
          ({ entries, outcome }) => entries[0]?.id.startsWith('with-') && outcome === 'acknowledged',
        ).length;
        const wanted = clients * iterations * 3;
        if (through !== wanted) yield `${through} of ${wanted} went through`;
      },
    },
  ],
  results: ({ operations }) => [
    ['Failed', operations.filter(({ outcome }) => outcome !== 'acknowledged').length],
  ],
};
export default scenario;
