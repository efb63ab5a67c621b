import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';

/** The application's settings: how it opens its store, and a mark that shows whether it was read whole. */
const CHOICES = [
  { name: 'small', mark: 'a'.repeat(5000), store: { segmentBytes: 4096, durability: 'os' } },
  { name: 'large', mark: 'b'.repeat(9000), store: { segmentBytes: 2 ** 20, durability: 'sync' } },
] as const;

const pathOf = (directory: string) => join(directory, 'settings.json');

/** Puts the other settings in place of those that are there, in one step. */
function rewrite(directory: string, time: number): void {
  const beside = `${pathOf(directory)}.new`;
  writeFileSync(beside, JSON.stringify(CHOICES[time % 2]));
  renameSync(beside, pathOf(directory));
}

const scenario: Scenario = {
  name: 'config-change',
  about: 'each operation opens the store by a settings file that is rewritten all the time',
  source: 'trop',
  module: import.meta.url,
  clients: 5,
  iterations: 10,
  as: 'processes',
  withoutLock: false,
  needs: [],
  params: { rewrites: 100 },
  refusals: [],
  prepare: async ({ directory }) => rewrite(directory, 0),
  meanwhile: async ({ directory, params, dice, signal }) => {
    for (let time = 1; time <= (params.rewrites as number); time++) {
      rewrite(directory, time);
      if (!signal.aborted) await sleep(dice() * 4);
    }
  },
  roles: [
    {
      name: 'user',
      clients: (all) => all,
      step: async (client) => {
        const { name, mark, store: settings } = JSON.parse(readFileSync(pathOf(client.directory), 'utf8'));
        const store = await client.open(settings);
        const id = `use-${client.name}-${client.iteration}`;
        await store.append({ op: 'use', id, data: { settings: name, mark } });
        await store.close();
        await client.pause(4);
      },
    },
  ],
  checks: [
    {
      name: 'each operation is there',
      ofAllSteps: true,
      *examine({ found, clients, iterations }) {
        if (found.length !== clients * iterations)
          yield `${found.length} of ${clients * iterations} operations are there`;
      },
    },
    {
      name: 'each operation used one of the settings, whole',
      *examine({ found }) {
        for (const { seq, data } of found) {
          const { settings, mark } = data as { readonly settings?: string; readonly mark?: string };
          if (!CHOICES.some((choice) => choice.name === settings && choice.mark === mark))
            yield `entry ${seq} used settings that never were: ${settings}, marked ${mark?.slice(0, 20)}…`;
        }
      },
    },
  ],
};
export default scenario;
