import { join } from 'node:path';
import {
  jsonlWal,
  type RunRecord,
  runScenario,
  SCENARIOS,
  type Scenario,
  type Target,
} from '../../src/lab/index.ts';
import idle from '../idle-target.ts';
import { subjectOf } from '../subjects.ts';
import type { Task, Work } from '../work.ts';

/** Each step of it is one append. */
const appending = SCENARIOS.find(({ name }) => name === 'no-data-loss') as Scenario;
/** Until the code is warm. */
const WARM_UP = 5000;

/** A client of the lab appends, to this log and to nothing: how much of an operation's time is the lab's own? */
export const harness: Work<'harness'> = {
  trial: async (task) => {
    const own = await perAppend(task, idle, 'none');
    const whole = await perAppend(task, jsonlWal, subjectOf(task.subject).lock ?? 'kernel');
    return { own, whole, share: (100 * own) / whole };
  },
  roles: {},
};

/** Microseconds from one append to the next. */
async function perAppend(
  { directory, settings }: Task<'harness'>,
  target: Target,
  lock: string,
): Promise<number> {
  let record: RunRecord | undefined;
  await runScenario(appending, {
    target,
    lock,
    clients: 1,
    iterations: WARM_UP + settings.appends,
    turns: false,
    directory: join(directory, target.name),
    onRecord: (told) => {
      record = told;
    },
  });
  const appends = (record?.operations ?? []).filter(({ kind }) => kind === 'append');
  if (appends.length !== WARM_UP + settings.appends)
    throw new Error(`${target.name} has ${appends.length} appends`);
  const [from, to] = [appends[WARM_UP - 1]?.end ?? 0, appends.at(-1)?.end ?? 0];
  return (to - from) / settings.appends;
}
