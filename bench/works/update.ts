import { Child } from '../child.ts';
import { figuresOf, type Run, runTogether, startTogether } from '../race.ts';
import type { StateSession } from '../subject.ts';
import { type SubjectName, subjectOf } from '../subjects.ts';
import type { Job, Link, Work } from '../work.ts';

const ID = 'bd-1';

interface Issue {
  readonly title: string;
  readonly count: number;
}

/** Many processes, each awaiting each of its updates of the same id, from a common start: all succeed. */
export const update: Work<'update'> = {
  trial: async (task) => {
    const { processes, updates } = task.settings;
    await new Child({ ...task, role: 'maker', seed: 0 }).answer();
    const race = await startTogether(
      Array.from({ length: processes }, (_, i) => new Child({ ...task, role: 'writer', seed: i + 1 })),
    );
    const count = (await new Child({ ...task, role: 'reader', seed: 0 }).answer()) as number;
    if (count !== processes * updates)
      throw new Error(`${task.subject} has counted ${count} of ${processes * updates} updates`);
    return figuresOf(race);
  },
  roles: { maker, writer, reader },
};

export function openState(subject: SubjectName, directory: string): StateSession | Promise<StateSession> {
  const { openState } = subjectOf(subject);
  if (openState === undefined) throw new Error(`${subject} keeps no state by id`);
  return openState({ directory, shared: true, entries: [] });
}

async function maker({ subject, directory }: Job<'update'>): Promise<void> {
  const state = await openState(subject, directory);
  await state.update(ID, () => ({ title: 'one that all want to change', count: 0 }) satisfies Issue);
  await state.close();
}

async function writer({ subject, directory, settings }: Job<'update'>, link: Link): Promise<Run> {
  const state = await openState(subject, directory);
  const change = (value: unknown): Issue => ({ ...(value as Issue), count: (value as Issue).count + 1 });
  const ids = Array<string>(settings.updates).fill(ID);
  const run = await runTogether(link, ids, (id) => state.update(id, change), settings.inFlight);
  await state.close();
  return run;
}

async function reader({ subject, directory }: Job<'update'>): Promise<number> {
  const state = await openState(subject, directory);
  const { count } = state.get(ID) as Issue;
  await state.close();
  return count;
}
