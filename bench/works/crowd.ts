import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { figuresOf, type Run, runTogether, startTogether } from '../race.ts';
import { subjectOf } from '../subjects.ts';
import type { Job, Link, Work } from '../work.ts';

/** Some processes, each with so many appends in flight, from a common start. */
export const crowd: Work<'crowd'> = {
  trial: async (task) => {
    const { processes } = task.settings;
    return figuresOf(
      await startTogether(
        Array.from({ length: processes }, (_, i) => new Child({ ...task, role: 'writer', seed: i + 1 })),
      ),
    );
  },
  roles: { writer },
};

async function writer({ subject, directory, seed, settings }: Job<'crowd'>, link: Link): Promise<Run> {
  const { processes, appends, inFlight } = settings;
  const entries = makeEntries(appends, seed);
  const session = await subjectOf(subject).open({ directory, shared: processes > 1, entries });
  const run = await runTogether(link, entries, (entry) => session.append(entry), inFlight);
  const spent = session.spent?.();
  await session.close();
  return { ...run, ...(spent !== undefined && { spent }) };
}
