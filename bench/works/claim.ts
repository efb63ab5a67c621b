import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { figuresOf, type Run, runTogether, startTogether } from '../race.ts';
import type { JobQueue } from '../subject.ts';
import { type SubjectName, subjectOf } from '../subjects.ts';
import type { Job, Link, Work } from '../work.ts';

/** Workers from a common start, each of which claims the first job that is open, and completes it, until none is left. */
export const claim: Work<'claim'> = {
  trial: async (task) => {
    const { workers, jobs } = task.settings;
    await new Child({ ...task, role: 'filler', seed: 1 }).answer();
    const race = await startTogether(
      Array.from({ length: workers }, (_, i) => new Child({ ...task, role: 'worker', seed: i + 1 })),
    );
    const completed = (await new Child({ ...task, role: 'reader', seed: 0 }).answer()) as number;
    const counts = race.runs.map(({ samples }) => samples.length);
    const claimed = counts.reduce((sum, count) => sum + count, 0);
    if (claimed !== jobs || completed !== jobs)
      throw new Error(`${task.subject} had ${claimed} claims and has ${completed} completed of ${jobs} jobs`);
    return { ...figuresOf(race), share: Math.min(...counts) / Math.max(...counts) };
  },
  roles: { filler, worker, reader },
};

function openJobs(subject: SubjectName, directory: string): JobQueue | Promise<JobQueue> {
  const { openJobs } = subjectOf(subject);
  if (openJobs === undefined) throw new Error(`${subject} keeps no jobs`);
  return openJobs(directory);
}

async function filler({ subject, directory, seed, settings }: Job<'claim'>): Promise<void> {
  const queue = await openJobs(subject, directory);
  const entries = makeEntries(settings.jobs, seed);
  await queue.fill(entries.map((entry, i) => ({ ...entry, op: 'add', id: `job-${i}` })));
  await queue.close();
}

async function worker({ subject, directory, seed }: Job<'claim'>, link: Link): Promise<Run> {
  const queue = await openJobs(subject, directory);
  let isEmpty = false;
  const untilEmpty = function* () {
    while (!isEmpty) yield;
  };
  const run = await runTogether(link, untilEmpty(), async () => {
    const job = await queue.claim(`worker-${seed}`);
    if (job === undefined) isEmpty = true;
    else await queue.complete(job);
  });
  await queue.close();
  // The last time there was none.
  return { ...run, samples: run.samples.slice(0, -1) };
}

async function reader({ subject, directory }: Job<'claim'>): Promise<number> {
  const queue = await openJobs(subject, directory);
  const completed = queue.completed();
  await queue.close();
  return completed;
}
