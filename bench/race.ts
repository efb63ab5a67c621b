import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.ts';
import { eachInFlight } from './in-flight.ts';
import { latencyOf } from './latency.ts';
import type { Spent } from './subject.ts';
import type { Figures, Link } from './work.ts';

/** From the word to go until all begin, so that the last to hear it is in time. */
const HEAD_START_MS = 50;

/** What one process did of what all do at once. */
export interface Run {
  readonly samples: number[];
  /** When the last one was acknowledged, by the clock that all processes share. */
  readonly end: number;
  /** Processor time used, in microseconds. */
  readonly cpu: NodeJS.CpuUsage;
  /** Where the time went, where that is counted. */
  readonly spent?: Spent;
}

/** Processes that do the same at once. */
export interface Race {
  readonly start: number;
  readonly runs: readonly Run[];
}

/** Lets processes that play a role with `runTogether` begin at the same moment, once all are ready. */
export async function startTogether(crew: readonly Child[]): Promise<Race> {
  await Promise.all(crew.map((child) => child.hear()));
  const start = clock() + HEAD_START_MS;
  for (const child of crew) child.say(start);
  return { start, runs: (await Promise.all(crew.map((child) => child.answer()))) as Run[] };
}

/** Does something with each, from the common start, so many at a time: one that is done is followed by the next. */
export async function runTogether<T>(
  link: Link,
  items: Iterable<T>,
  act: (item: T) => unknown,
  inFlight = 1,
): Promise<Run> {
  link.say('ready');
  const start = (await link.hear()) as number;
  await sleep(start - clock() - 2);
  while (clock() < start);
  const idle = process.cpuUsage();
  const samples = await eachInFlight(items, inFlight, act);
  const end = clock();
  return { samples, end, cpu: process.cpuUsage(idle) };
}

export function figuresOf({ start, runs }: Race): Figures {
  const samples = runs.flatMap((run) => run.samples);
  const elapsed = Math.max(...runs.map(({ end }) => end)) - start;
  const each = (all: number) => all / samples.length;
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const user = each(sum(({ cpu }) => cpu.user));
  const system = each(sum(({ cpu }) => cpu.system));
  const spent = runs.flatMap((run) => run.spent ?? []);
  const spentOn = (what: keyof Spent) => each(1000 * spent.reduce((total, each) => total + each[what], 0));
  return {
    elapsed,
    rate: (1000 * samples.length) / elapsed,
    cpu: user + system,
    ...(spent.length > 0 && {
      ...{ user, system, whole: each(1000 * elapsed * runs.length) },
      ...{ waiting: spentOn('waiting'), turn: spentOn('turn'), syncing: spentOn('syncing') },
    }),
    ...latencyOf(samples),
  };
}

/** Milliseconds, by the clock that all processes share. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}
