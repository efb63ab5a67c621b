import { setTimeout as sleep } from 'node:timers/promises';
import { createLock, type Lock, Wal } from '../../src/index.ts';
import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { latencyOf } from '../latency.ts';
import { subjectOf } from '../subjects.ts';
import type { Job, Link, Work } from '../work.ts';

/** How long all write before the holder stops, and after it goes on. */
const CALM_MS = 200;

/** One process is stopped in its write turn, lock in hand, while others go on appending. */
export const stoppedHolder: Work<'stopped-holder'> = {
  trial: async (task) => {
    const { others, stoppedMs } = task.settings;
    const holder = new Child({ ...task, role: 'holder', seed: 0 });
    await holder.hear();
    const crew = Array.from({ length: others }, (_, i) => new Child({ ...task, role: 'other', seed: i + 1 }));
    await Promise.all(crew.map((child) => child.hear()));
    for (const child of crew) child.say('go');
    await sleep(CALM_MS);
    holder.say('go');
    await holder.hear();
    await sleep(stoppedMs);
    holder.process.kill('SIGCONT');
    await holder.answer();
    await sleep(CALM_MS);
    for (const child of crew) child.say('stop');
    const samples = ((await Promise.all(crew.map((child) => child.answer()))) as number[][]).flat();
    return { appends: samples.length, ...latencyOf(samples) };
  },
  roles: { holder, other },
};

function lockOf(job: Job<'stopped-holder'>): 'kernel' | 'lockfile' {
  const { lock } = subjectOf(job.subject);
  if (lock === undefined) throw new Error(`${job.subject} has no lock to hold`);
  return lock;
}

async function holder(job: Job<'stopped-holder'>, link: Link): Promise<void> {
  const { directory, seed } = job;
  const lock = createLock(lockOf(job), directory);
  let stopped = false;
  const stopping: Lock = {
    kind: lock.kind,
    tryAcquire: () => {
      if (!lock.tryAcquire()) return false;
      // Overtaken while it was stopped, it takes the lock once more.
      if (stopped) return true;
      stopped = true;
      link.say('stopping');
      process.kill(process.pid, 'SIGSTOP');
      return true;
    },
    release: () => lock.release(),
    close: () => lock.close(),
  };
  const wal = await Wal.open(directory, { lock: stopping });
  link.say('ready');
  await link.hear();
  for (const entry of makeEntries(1, seed)) await wal.append(entry);
  await wal.close();
}

async function other(job: Job<'stopped-holder'>, link: Link): Promise<number[]> {
  const { directory, seed, settings } = job;
  const entries = makeEntries(1024, seed);
  const wal = await Wal.open(directory, { lock: lockOf(job), lockTimeoutMs: settings.lockTimeoutMs });
  link.say('ready');
  await link.hear();
  let stopped = false;
  void link.hear().then(() => {
    stopped = true;
  });
  const samples: number[] = [];
  for (let i = 0; !stopped; i++) {
    const before = performance.now();
    await wal.append(entries[i % entries.length] as (typeof entries)[number]);
    samples.push(performance.now() - before);
  }
  await wal.close();
  return samples;
}
