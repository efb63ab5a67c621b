import { setTimeout as sleep } from 'node:timers/promises';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { Child } from '../child.ts';
import { latencyOf } from '../latency.ts';
import { openWal } from '../open-wal.ts';
import type { Figures, Job, Link, Work } from '../work.ts';

/** A process follows a log to which nobody appends; then another appends now and then: woken by the system, and by the poll alone. */
export const idleFollower: Work<'idle-follower'> = {
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

/** Of a clock that the processes of a machine share. */
const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

async function writer(job: Job<'idle-follower'>, link: Link): Promise<void> {
  const wal = await openWal(job, 'os');
  link.say('ready');
  for (;;) {
    await link.hear();
    await wal.append({ op: 'add', id: 'bd-1', data: nowMs() });
  }
}

async function follower({ directory, settings }: Job<'idle-follower'>, link: Link): Promise<Figures> {
  const told = await follow(await Wal.open(directory, { readOnly: true }));
  const storage = changedStorage({ watch: () => ({ tellsAll: false, close: () => {} }) });
  const polled = await follow(
    await Wal.openIn(changedEnvironment({ storage }), directory, { readOnly: true }),
  );
  return {
    told: told.idle,
    polled: polled.idle,
    toldLag: told.lag,
    polledLag: polled.lag,
  };

  async function follow(wal: Wal): Promise<{ idle: number; lag: number }> {
    const { seq } = await wal.head();
    const stop = new AbortController();
    const lags: number[] = [];
    let seen = () => {};
    const following = (async () => {
      for await (const { data } of wal.follow({ from: seq + 1, signal: stop.signal })) {
        lags.push(nowMs() - (data as number));
        seen();
      }
    })();
    // It is at the end of the log by then.
    await sleep(500);
    const before = process.cpuUsage();
    const start = performance.now();
    await sleep(settings.ms);
    const { user, system } = process.cpuUsage(before);
    const idle = (user + system) / 10 / (performance.now() - start);
    for (let i = 0; i < settings.appends; i++) {
      const heard = new Promise<void>((resolve) => {
        seen = resolve;
      });
      link.say('next');
      await heard;
    }
    stop.abort();
    await following;
    await wal.close();
    return { idle, lag: latencyOf(lags).p50 as number };
  }
}
