import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { bytesIn, fillOfLastSegment, requireRoom } from '../files.ts';
import { median } from '../median.ts';
import { openWal } from '../open-wal.ts';
import type { Job, Task, Work } from '../work.ts';

/** A process adds no more than this at a time, so that none takes long. */
const PIECE_BYTES = 64e6;
/** Opening reads the last segment: in both logs it is nearly full, which takes longest. */
const FILL = 0.85;
const ENTRIES = 4096;

interface Opened {
  readonly openMs: number;
  readonly appendMs: number;
}

/** A process opens a log and appends: does that take longer where the log is large? */
export const opening: Work<'opening'> = {
  prepare: async (task) => {
    const { smallBytes, largeBytes } = task.settings;
    requireRoom(task.directory, smallBytes + largeBytes);
    await make(task, 'small', smallBytes);
    await make(task, 'large', largeBytes);
  },
  trial: async (task) => {
    const logs = { small: [] as Opened[], large: [] as Opened[] };
    for (let i = 0; i < task.settings.times; i++) {
      logs.small.push(await open(task, 'small', i));
      logs.large.push(await open(task, 'large', i));
    }
    const medianOf = (opened: readonly Opened[], part: (one: Opened) => number): number =>
      median(opened.map(part));
    const whole = ({ openMs, appendMs }: Opened): number => openMs + appendMs;
    const ratios = logs.large.map((one, i) => whole(one) / whole(logs.small[i] as Opened));
    return {
      small: medianOf(logs.small, whole),
      large: medianOf(logs.large, whole),
      openLarge: medianOf(logs.large, ({ openMs }) => openMs),
      ratio: median(ratios),
    };
  },
  roles: { filler, opener },
};

const placeOf = (task: Task<'opening'>, log: string): string => join(task.directory, log);

async function make(task: Task<'opening'>, log: 'small' | 'large', bytes: number): Promise<void> {
  const directory = placeOf(task, log);
  mkdirSync(directory);
  for (let upTo = 0; upTo < bytes; ) {
    upTo = Math.min(upTo + PIECE_BYTES, bytes);
    const settings = { ...task.settings, largeBytes: upTo };
    await new Child({ ...task, settings, directory, role: 'filler', seed: 1 }).answer();
  }
}

async function open(task: Task<'opening'>, log: 'small' | 'large', seed: number): Promise<Opened> {
  const directory = placeOf(task, log);
  return (await new Child({ ...task, directory, role: 'opener', seed }).answer()) as Opened;
}

/** Appends up to that size, unsynced but for each segment's end. */
async function filler(job: Job<'opening'>): Promise<void> {
  const { directory, seed, settings } = job;
  const entries = makeEntries(ENTRIES, seed);
  const wal = await openWal(job, 'os');
  const append = async (count: number): Promise<void> => {
    await Promise.all(entries.slice(0, count).map((entry) => wal.append(entry)));
  };
  while (bytesIn(directory) < settings.largeBytes) await append(ENTRIES);
  while (fillOfLastSegment(directory) < FILL) await append(64);
  await wal.close();
}

async function opener(job: Job<'opening'>): Promise<Opened> {
  const [entry] = makeEntries(1, job.seed);
  const start = performance.now();
  const wal = await openWal(job);
  const opened = performance.now();
  await wal.append(entry as NonNullable<typeof entry>);
  const appended = performance.now();
  await wal.close();
  return { openMs: opened - start, appendMs: appended - opened };
}
