import { setTimeout as sleep } from 'node:timers/promises';
import { createLock } from '../../src/index.ts';
import { seeded } from '../../src/lab/seeded.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { latencyOf } from '../latency.ts';
import { openWal } from '../open-wal.ts';
import { subjectOf } from '../subjects.ts';
import type { Figures, Job, Link, Work } from '../work.ts';

/** The holder is killed after a time up to this, while an append waits for its lock. */
const LONGEST_HOLD_MS = 80;

/** Again and again a process takes the lock and is killed; how long until the append that waits is acknowledged? */
export const killedHolder: Work<'killed-holder'> = {
  trial: async (task) => (await new Child({ ...task, role: 'survivor', seed: 1 }).answer()) as Figures,
  roles: { survivor, victim },
};

async function survivor(job: Job<'killed-holder'>): Promise<Figures> {
  const { seed, settings } = job;
  const random = seeded(seed);
  const wal = await openWal(job);
  const samples: number[] = [];
  for (const entry of makeEntries(settings.times, seed)) {
    const victim = new Child({ ...job, role: 'victim' });
    await victim.hear();
    const append = wal.append(entry);
    await sleep(LONGEST_HOLD_MS * random());
    const killed = performance.now();
    victim.process.kill('SIGKILL');
    await append;
    samples.push(performance.now() - killed);
    await victim.kill();
  }
  const { waits } = wal.stats().lock;
  await wal.close();
  if (waits !== settings.times) throw new Error(`Only ${waits} of ${settings.times} appends had to wait`);
  return { times: samples.length, ...latencyOf(samples) };
}

async function victim({ directory, subject }: Job<'killed-holder'>, link: Link): Promise<void> {
  const lock = createLock(subjectOf(subject).lock ?? 'kernel', directory);
  while (!lock.tryAcquire()) await sleep(1);
  link.say('held');
  await link.hear();
}
