import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { latencyOf } from '../latency.ts';
import { openWal } from '../open-wal.ts';
import { fillByAppending } from '../subject.ts';
import type { Figures, Job, Link, Work } from '../work.ts';

const ENTRIES = 4096;

/** A table is refreshed: where nothing changed, and where another process appended one record. */
export const refresh: Work<'refresh'> = {
  trial: async (task) => {
    const writing = new Child({ ...task, role: 'writer', seed: 1 });
    await writing.hear();
    const reading = new Child({ ...task, role: 'reader', seed: 2 });
    for (let i = 0; i < task.settings.times; i++) {
      await reading.hear();
      writing.say('append');
      await writing.hear();
      reading.say('appended');
    }
    const figures = (await reading.answer()) as Figures;
    await writing.kill();
    return figures;
  },
  roles: { writer, reader },
};

async function writer(job: Job<'refresh'>, link: Link): Promise<void> {
  const entries = makeEntries(ENTRIES, job.seed);
  const wal = await openWal(job);
  await fillByAppending(wal, entries);
  for (let i = 0; ; i++) {
    link.say('ready');
    await link.hear();
    await wal.append(entries[i % ENTRIES] as (typeof entries)[number]);
  }
}

async function reader(job: Job<'refresh'>, link: Link): Promise<Figures> {
  const wal = await openWal(job);
  const table = await wal.table();
  const timed = async (): Promise<number> => {
    const before = performance.now();
    await table.refresh();
    return performance.now() - before;
  };
  const unchanged: number[] = [];
  const changed: number[] = [];
  for (let i = 0; i < job.settings.times; i++) {
    const { seq } = table;
    unchanged.push(await timed());
    link.say('next');
    await link.hear();
    changed.push(await timed());
    if (table.seq !== seq + 1) throw new Error(`A refresh went from entry ${seq} to ${table.seq}`);
  }
  await wal.close();
  const same = latencyOf(unchanged);
  const one = latencyOf(changed);
  return {
    unchanged: same.p50 as number,
    unchangedSlowest: same.slowest as number,
    changed: one.p50 as number,
    changedSlowest: one.slowest as number,
  };
}
