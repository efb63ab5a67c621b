import { Child } from '../child.ts';
import { makeEntries } from '../entry.ts';
import { openWal } from '../open-wal.ts';
import type { Figures, Job, Link, Work } from '../work.ts';

/** One process has many followers, and another appends: each entry once all of them have the one before. */
export const followers: Work<'followers'> = {
  trial: async (task) => {
    const writing = new Child({ ...task, role: 'writer', seed: 1 });
    await writing.hear();
    const following = new Child({ ...task, role: 'follower', seed: 2 });
    for (let i = 0; i < 2 * task.settings.appends; i++) {
      await following.hear();
      writing.say('append');
    }
    const figures = (await following.answer()) as Figures;
    await writing.kill();
    return figures;
  },
  roles: { writer, follower },
};

async function writer(job: Job<'followers'>, link: Link): Promise<void> {
  const entries = makeEntries(1024, job.seed);
  const wal = await openWal(job);
  link.say('ready');
  for (let i = 0; ; i++) {
    await link.hear();
    await wal.append(entries[i % entries.length] as (typeof entries)[number]);
  }
}

async function follower(job: Job<'followers'>, link: Link): Promise<Figures> {
  const { appends, many } = job.settings;
  const wal = await openWal(job);
  const one = await cost(1);
  const all = await cost(many);
  await wal.close();
  return { one, all, each: (all - one) / (many - 1) };

  /** Processor time an append, in microseconds, where so many follow. */
  async function cost(count: number): Promise<number> {
    const stop = new AbortController();
    const { seq } = await wal.head();
    let missing = count;
    let seen = () => {};
    const follow = async () => {
      for await (const record of wal.follow({ from: seq + 1, signal: stop.signal })) {
        if (record.data === undefined) throw new Error(`Entry ${record.seq} came without its data`);
        if (--missing === 0) seen();
      }
    };
    const following = Array.from({ length: count }, follow);
    // All are at the end of the log by then.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = process.cpuUsage();
    for (let i = 0; i < appends; i++) {
      const all = new Promise<void>((resolve) => {
        seen = resolve;
      });
      missing = count;
      link.say('next');
      await all;
    }
    const { user, system } = process.cpuUsage(before);
    stop.abort();
    await Promise.all(following);
    return (user + system) / appends;
  }
}
