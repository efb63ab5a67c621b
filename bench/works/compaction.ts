import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, lastData } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { openWal } from '../open-wal.ts';
import { clock } from '../race.ts';
import { fillByAppending } from '../subject.ts';
import type { Job, Link, Work } from '../work.ts';

/** Until the writers' code is warm. */
const WARM_UP_MS = 500;
const COMPACTIONS = 2;
const ENTRIES = 1024;

/** An append, by the clock that all processes share. */
interface Sample {
  readonly start: number;
  readonly end: number;
}

/** Some processes append while another compacts the log, and as long again while none does. */
export const compaction: Work<'compaction'> = {
  trial: async (task) => {
    const { writers } = task.settings;
    await new Child({ ...task, role: 'filler', seed: 0 }).answer();
    const crew = Array.from(
      { length: writers },
      (_, i) => new Child({ ...task, role: 'writer', seed: i + 1 }),
    );
    const compacting = new Child({ ...task, role: 'compactor', seed: 0 });
    await Promise.all([compacting, ...crew].map((child) => child.hear()));
    for (const child of crew) child.say('go');
    await sleep(WARM_UP_MS);
    const busy: Sample[] = [];
    const calm: Sample[] = [];
    for (let i = 0; i < COMPACTIONS; i++) {
      compacting.say('go');
      const took = (await compacting.hear()) as Sample;
      const start = clock();
      await sleep(took.end - took.start);
      busy.push(took);
      calm.push({ start, end: clock() });
    }
    for (const child of crew) child.say('stop');
    const samples = ((await Promise.all(crew.map((child) => child.answer()))) as Sample[][]).flat();
    await compacting.kill();
    const during = slowestIn(samples, busy);
    const without = slowestIn(samples, calm);
    const elapsed = busy.reduce((sum, { start, end }) => sum + end - start, 0);
    return { elapsed, appends: samples.length, during, without, ratio: during / without };
  },
  roles: { filler, writer, compactor },
};

/** The longest that any append took of those that were on their way in one of these times. */
function slowestIn(samples: readonly Sample[], times: readonly Sample[]): number {
  const within = samples.filter((one) => times.some(({ start, end }) => one.end > start && one.start < end));
  if (within.length === 0) throw new Error('No append was on its way while the log was compacted, or not');
  return within.reduce((most, { start, end }) => Math.max(most, end - start), 0);
}

async function filler(job: Job<'compaction'>): Promise<void> {
  const wal = await openWal(job, 'os');
  await fillByAppending(wal, makeEntries(job.settings.records, job.seed));
  await wal.close();
}

async function writer(job: Job<'compaction'>, link: Link): Promise<Sample[]> {
  const entries = makeEntries(ENTRIES, job.seed);
  const wal = await openWal(job);
  link.say('ready');
  await link.hear();
  let stopped = false;
  void link.hear().then(() => {
    stopped = true;
  });
  const samples: Sample[] = [];
  for (let i = 0; !stopped; i++) {
    const start = clock();
    await wal.append(entries[i % ENTRIES] as Entry);
    samples.push({ start, end: clock() });
  }
  await wal.close();
  return samples;
}

async function compactor(job: Job<'compaction'>, link: Link): Promise<void> {
  const wal = await openWal(job);
  link.say('ready');
  for (;;) {
    await link.hear();
    const start = clock();
    const { made } = await wal.compact({ fold: lastData });
    if (!made) throw new Error('There was nothing to compact');
    link.say({ start, end: clock() } satisfies Sample);
  }
}
