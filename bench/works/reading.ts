import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, lastData, type Wal } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { openWal } from '../open-wal.ts';
import { fillByAppending } from '../subject.ts';
import type { Figures, Job, Work } from '../work.ts';

const ENTRIES = 4096;
const WAYS = ['replay', 'verify', 'table', 'refresh', 'catchUp'] as const;
const FOLD = { fold: lastData };

/** What reading the same lines takes in each way, each in a process of its own. */
export const reading: Work<'reading'> = {
  prepare: async (task) => {
    await new Child({ ...task, role: 'filler', seed: 1 }).answer();
  },
  trial: async (task) => {
    const ms = new Map<string, number>();
    for (const way of WAYS)
      ms.set(way, (await new Child({ ...task, role: way, seed: 1 }).answer()) as number);
    const replay = ms.get('replay') as number;
    const ratios = Array.from(ms, ([way, of]) => [`${way}Ratio`, of / replay] as const);
    return Object.fromEntries([...ms, ...ratios]) as Figures;
  },
  roles: {
    filler: async (job) => {
      const wal = await openWal(job);
      await fill(wal, job);
      await wal.close();
    },
    replay: (job) => read(job, 'replay'),
    verify: (job) => read(job, 'verify'),
    table: (job) => read(job, 'table'),
    refresh: (job) => readOn(job, 'refresh'),
    catchUp: (job) => readOn(job, 'catchUp'),
  },
};

async function fill(wal: Wal, { seed, settings }: Job<'reading'>): Promise<void> {
  const entries = makeEntries(ENTRIES, seed);
  const all = Array.from({ length: settings.records }, (_, i) => entries[i % ENTRIES] as Entry);
  await fillByAppending(wal, all);
}

/** All at once, of the log that was filled. */
async function read(job: Job<'reading'>, way: 'replay' | 'verify' | 'table'): Promise<number> {
  const wal = await openWal(job);
  const ms = await timed(job, async () => {
    if (way === 'verify') return (await wal.verify()).entries;
    if (way === 'table') return (await wal.table(FOLD)).seq;
    let count = 0;
    for await (const record of wal.read()) if (record.id !== '') count++;
    return count;
  });
  await wal.close();
  return ms;
}

/** What another Wal appended since the log was opened. */
async function readOn(job: Job<'reading'>, way: 'refresh' | 'catchUp'): Promise<number> {
  const directory = join(job.directory, way);
  mkdirSync(directory);
  const wal = await openWal({ ...job, directory });
  const table = way === 'refresh' ? await wal.table(FOLD) : undefined;
  const other = await openWal({ ...job, directory });
  await fill(other, job);
  await other.close();
  const ms = await timed(job, async () => table?.refresh() ?? (await wal.head()).seq);
  await wal.close();
  rmSync(directory, { recursive: true });
  return ms;
}

/** Processor time of reading, which answers how many entries it read. */
async function timed({ settings }: Job<'reading'>, reads: () => Promise<number>): Promise<number> {
  const before = process.cpuUsage();
  const count = await reads();
  const { user, system } = process.cpuUsage(before);
  if (count !== settings.records) throw new Error(`${count} of ${settings.records} entries were read`);
  return (user + system) / 1000;
}
