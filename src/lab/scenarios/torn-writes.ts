import type { Client } from '../harness/client.ts';
import type { Scenario } from '../scenario.ts';
import { linesIn, scribble } from './lines.ts';

/** All of a line but its newline. */
const ALL_BUT_LAST = 0.9999;

/** Writes part of its line, and dies. */
async function tear(client: Client, name: string, share: number): Promise<void> {
  client.atNext('writing', (put) => {
    put(share);
    client.die();
  });
  await client.store.append({
    op: 'add',
    id: `${name}-${client.iteration}`,
    data: { text: 'x'.repeat(200) },
  });
}

const scenario: Scenario = {
  name: 'torn-writes',
  about: 'a writer writes part of a line and dies, leaves out the newline, writes NULs; others go on',
  source: 'ours',
  module: import.meta.url,
  clients: 4,
  iterations: 30,
  as: 'processes',
  only: { kinds: ['processes'], because: 'a thread cannot die without the others' },
  withoutLock: false,
  needs: ['turns'],
  params: {},
  refusals: [],
  roles: [
    {
      name: 'tearer',
      clients: () => 1,
      step: async (client) => {
        const { iteration, dice, storeDirectory } = client;
        if (iteration % 3 === 0) return tear(client, 'torn', 0.1 + 0.8 * dice());
        if (iteration % 3 === 2) return tear(client, 'unended', ALL_BUT_LAST);
        scribble(storeDirectory, Buffer.alloc(1 + dice() * 5000));
        await client.store.append({ op: 'add', id: `after-nulls-${iteration}` });
      },
    },
    {
      name: 'writer',
      clients: (all) => all - 1,
      until: 'others',
      step: async (client) => {
        await client.store.append({ op: 'add', id: `whole-${client.name}-${client.iteration}` });
        await client.pause(5);
      },
    },
  ],
  conclude: async (client) => {
    await client.store.append({ op: 'add', id: 'after' });
    const odd = linesIn(client.storeDirectory).filter((line) => line.endsWith('~') || line.includes('\0'));
    client.measure('odd', odd.length);
  },
  checks: [
    {
      name: 'nothing of a torn line counts, but that which lacks its newline alone does',
      *examine({ found, operations }) {
        for (const { seq, id } of found) if (id.startsWith('torn-')) yield `entry ${seq} is of one: ${id}`;
        const there = new Set(found.map(({ id }) => id));
        for (const [{ id } = { id: '' }] of operations.map(({ entries }) => entries))
          if (id.startsWith('unended-') && !there.has(id)) yield `${id} is not there`;
      },
    },
    {
      name: 'lines were torn, and others were written after them',
      ofAllSteps: true,
      *examine({ members, found, iterations }) {
        const torn = members.reduce((sum, { killed }) => sum + killed.length, 0);
        if (torn < Math.ceil(iterations / 3)) yield `${torn} were`;
        if (found.at(-1)?.id !== 'after') yield 'the last append is not the last entry';
      },
    },
  ],
  results: ({ members, found }) => [
    ['Torn lines in the files', members.at(-1)?.measures.odd?.[0] ?? 0],
    ['Entries', found.length],
  ],
};
export default scenario;
