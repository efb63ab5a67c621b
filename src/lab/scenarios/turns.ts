/* What scenarios share that are about the write turn: who had it when, and how to be in it for longer. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../clock/clock.ts';
import type { Client } from '../harness/client.ts';
import type { Turn } from '../operations/run-record.ts';
import type { Role } from '../scenario.ts';

/** How many had the write turn at the same time, at most. */
export function mostAtOnce(turns: readonly Turn[]): number {
  const changes = turns.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  // Who leaves in the instant in which another comes was not there with it.
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** The longest anybody waited for its turn, in milliseconds. */
export function slowestWait(turns: readonly Turn[]): number {
  return turns.reduce((most, { asked, from }) => Math.max(most, (from - asked) / 1000), 0);
}

/** Keeps a client's next write turn for so long, in milliseconds, between its look at the store and its write. */
export function linger(client: Client, ms: number): void {
  client.atNext('writing', () => systemClock.block(ms));
}

/** One client that does something as soon as it has the lock, once, and then appends `holder`. */
export function holder(act: (client: Client) => void): Role {
  return {
    name: 'holder',
    clients: () => 1,
    iterations: () => 1,
    step: async (client) => {
      client.atNext('taken', () => act(client));
      await client.store.append({ op: 'hold', id: 'holder' });
    },
  };
}

const POLL_MS = 5;

/** Tells all clients, and what goes on beside them, that something is so. */
export function tell({ directory }: Pick<Client, 'directory'>, what: string): void {
  writeFileSync(join(directory, what), '');
}

export function isTold({ directory }: Pick<Client, 'directory'>, what: string): boolean {
  return existsSync(join(directory, what));
}

/** Waits until that was told, or, beside the clients, until they are done. */
export async function whenTold(
  place: Pick<Client, 'directory'> & { readonly signal?: AbortSignal },
  what: string,
): Promise<void> {
  while (!isTold(place, what) && !place.signal?.aborted) await sleep(POLL_MS);
}
