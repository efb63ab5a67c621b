import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Wal } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { subjectOf } from '../subjects.ts';
import type { Figures, Job, Link, Work } from '../work.ts';

const NANOSECONDS = 1e6;
const BETWEEN_LOOKS_MS = 1;

/** How long a process that serves keeps its event loop from turning, while it appends one entry after the other, as others do. */
export const server: Work<'server'> = {
  trial: async (task) => {
    const others = Array.from(
      { length: task.settings.others },
      (_, i) => new Child({ ...task, role: 'other', seed: i + 1 }),
    );
    const serving = new Child({ ...task, role: 'server', seed: 0 });
    await Promise.all([...others, serving].map((child) => child.hear()));
    for (const child of [...others, serving]) child.say('go');
    const figures = (await serving.answer()) as Figures;
    await Promise.all(others.map((child) => child.kill()));
    return figures;
  },
  roles: { server: serve, other },
};

async function other({ subject, directory, seed }: Job<'server'>, link: Link): Promise<void> {
  const { lock = 'auto' } = subjectOf(subject);
  const entries = makeEntries(1024, seed);
  const wal = await Wal.open(directory, { lock });
  link.say('ready');
  await link.hear();
  for (let i = 0; ; i++) await wal.append(entries[i % entries.length] as (typeof entries)[number]);
}

async function serve(job: Job<'server'>, link: Link): Promise<Figures> {
  const { blockMs, ms } = job.settings;
  link.say('ready');
  await link.hear();
  const figures: Record<string, number> = { idle: await delayWhile(() => sleep(ms)) };
  // What follows is compiled by then.
  await append(job, {});
  for (const most of blockMs) {
    figures[`delay${most}`] = await delayWhile(async () => {
      figures[`rate${most}`] = await append(job, most === 'default' ? {} : { blockMs: Number(most) });
    });
  }
  return figures;
}

/** Appends for some time; returns how many a second. */
async function append(
  { subject, directory, settings }: Job<'server'>,
  options: { readonly blockMs?: number },
): Promise<number> {
  const { lock = 'auto' } = subjectOf(subject);
  const entries = makeEntries(1024, 0);
  const wal = await Wal.open(directory, { lock, ...options });
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < settings.ms)
    await wal.append(entries[count++ % entries.length] as (typeof entries)[number]);
  const rate = (1000 * count) / (performance.now() - start);
  await wal.close();
  return rate;
}

/** 99 of 100 looks at the event loop, one a millisecond, came no later than this after their time. */
async function delayWhile(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: BETWEEN_LOOKS_MS });
  delay.enable();
  await work();
  delay.disable();
  return Math.max(0, delay.percentile(99) / NANOSECONDS - BETWEEN_LOOKS_MS);
}
