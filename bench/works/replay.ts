import type { Entry } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { subjectOf } from '../subjects.ts';
import type { Figures, Job, Work } from '../work.ts';

const ENTRIES = 4096;

/** One process reads and parses all there is, from the system's cache. */
export const replay: Work<'replay'> = {
  prepare: async (task) => {
    await new Child({ ...task, role: 'filler', seed: 1 }).answer();
  },
  trial: async (task) => (await new Child({ ...task, role: 'reader', seed: 1 }).answer()) as Figures,
  roles: { filler, reader },
};

async function filler({ subject, directory, seed, settings }: Job<'replay'>): Promise<void> {
  const entries = makeEntries(ENTRIES, seed);
  const session = await subjectOf(subject).open({ directory, shared: false, entries });
  await session.fill(repeated(entries, settings.records), settings.batch);
  await session.close();
}

function* repeated(entries: readonly Entry[], times: number): Generator<Entry, void> {
  for (let i = 0; i < times; i++) yield entries[i % entries.length] as Entry;
}

async function reader({ subject, directory, settings }: Job<'replay'>): Promise<Figures> {
  const session = await subjectOf(subject).open({ directory, shared: false, entries: [] });
  const before = process.cpuUsage();
  const start = performance.now();
  const records = await session.replay();
  const elapsed = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  await session.close();
  if (records !== settings.records)
    throw new Error(`${subject} has ${records} of ${settings.records} records`);
  const memory = process.resourceUsage().maxRSS / 1024;
  return { rate: (1000 * records) / elapsed, elapsed, cpu: (user + system) / records, memory };
}
