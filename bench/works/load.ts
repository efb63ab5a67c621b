import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import type { Figures, Job, Work } from '../work.ts';
import { openState } from './update.ts';

const idOf = (n: number): string => `bd-${n}`;

/** One process takes up the current values of many ids, as they were left, and reads one of them, or all. */
export const load: Work<'load'> = {
  prepare: async (task) => {
    await new Child({ ...task, role: 'filler', seed: 1 }).answer();
  },
  trial: async (task) => (await new Child({ ...task, role: 'loader', seed: 1 }).answer()) as Figures,
  roles: { filler, loader },
};

async function filler({ subject, directory, seed, settings }: Job<'load'>): Promise<void> {
  const state = await openState(subject, directory);
  await state.fill(makeEntries(settings.ids, seed).map((entry, i) => ({ ...entry, id: idOf(i) })));
  await state.close();
}

async function loader({ subject, directory, settings }: Job<'load'>): Promise<Figures> {
  const { ids, reads } = settings;
  const start = performance.now();
  const state = await openState(subject, directory);
  const count = reads === 'all' ? state.readAll() : ids;
  const last = state.get(idOf(ids - 1));
  const elapsed = performance.now() - start;
  await state.close();
  if (count !== ids || last === undefined) throw new Error(`${subject} has ${count} of ${ids} ids`);
  return { elapsed, rate: (1000 * ids) / elapsed, memory: process.resourceUsage().maxRSS / 1024 };
}
