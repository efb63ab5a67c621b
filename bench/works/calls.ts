import { Session } from 'node:inspector/promises';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { eachInFlight } from '../in-flight.ts';
import { subjectOf } from '../subjects.ts';
import type { Figures, Job, Work } from '../work.ts';

/** The modules of the library, as they are before they are bundled. */
const LIBRARY = new URL('../../src/', import.meta.url).href;
/** What the first appends do once is not counted. */
const WARM_UP = 3;
/** What runs more seldom, such as a part of what serves a whole group, does not count as run for each. */
const EACH = 0.9;

/** How many functions of the library run for an append or for a record that is read, how often, and in how many files. */
export const calls: Work<'calls'> = {
  trial: async (task) => (await new Child({ ...task, role: 'counter', seed: 1 }).answer()) as Figures,
  roles: { counter },
};

async function counter({ subject, directory, seed, settings }: Job<'calls'>): Promise<Figures> {
  const { of, inFlight, times } = settings;
  const entries = makeEntries(times, seed);
  const session = await subjectOf(subject).open({ directory, shared: false, entries });
  for (const entry of makeEntries(WARM_UP, seed)) await session.append(entry);
  if (of === 'record') await session.fill(entries);
  const figures = await counted(async () => {
    if (of === 'record') return session.replay();
    return (await eachInFlight(entries, inFlight, (entry) => session.append(entry))).length;
  });
  await session.close();
  return figures;
}

/** Counts with V8's precise coverage, per one of what `work` did so often. */
async function counted(work: () => Promise<number>): Promise<Figures> {
  const inspector = new Session();
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  const times = await work();
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  inspector.disconnect();
  const ran = result
    .filter(({ url }) => url.startsWith(LIBRARY))
    .flatMap(({ url, functions }) =>
      functions.flatMap(({ ranges: [whole] }) => (whole ? [{ url, ...whole }] : [])),
    )
    .filter(({ count }) => count >= EACH * times);
  return {
    functions: ran.length,
    calls: Math.round(ran.reduce((sum, { count }) => sum + count, 0) / times),
    files: new Set(ran.map(({ url }) => url)).size,
    source: ran.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0) / 1024,
  };
}
