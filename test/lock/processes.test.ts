import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.ts';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { chooseSeed, seeded } from '../../src/lab/seeded.ts';
import { type Audit, audit, recordsIn } from '../support/audit.ts';
import { type Chaos, underFire } from '../support/chaos.ts';
import type { FollowJob, FollowNews } from '../support/follow-process.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';

/** RUN_STRESS_TESTS=1 makes the fire last this many times as long. */
const LONGER = process.env.RUN_STRESS_TESTS === '1' ? 20 : 1;

function assertClean({ lost, doubled, strange, disordered, report }: Audit): void {
  assert.deepEqual(
    { lost, doubled, strange, disordered },
    { lost: [], doubled: [], strange: [], disordered: [] },
  );
  assert.equal(report.error, undefined);
  assert.deepEqual(report.missing, []);
  assert.deepEqual(
    report.odd.filter(
      ({ verdict }) => verdict !== 'superseded' && verdict !== 'torn' && verdict !== 'pending',
    ),
    [],
  );
}

for (const lock of ['lockfile', 'kernel'] as const) {
  test(`five processes append twenty entries each (lock: ${lock}) from a common start: all hundred are there, in each one's order`, async () => {
    await inScratch('processes', async (directory) => {
      const clients = Array.from({ length: 5 }, (_, i) => `bd-p${i}`);
      const children = clients.map(
        (client) =>
          new Child<AppendNews>('append-process', {
            directory,
            client,
            count: 20,
            options: { lock },
          } satisfies AppendJob),
      );
      await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'ready')));
      for (const child of children) child.send('go');
      assert.deepEqual(await Promise.all(children.map(({ ended }) => ended)), [0, 0, 0, 0, 0]);
      const result = await audit(
        directory,
        children.flatMap(({ messages }) => messages),
        clients,
      );
      assert.equal(result.acknowledged, 100);
      assert.equal(result.records, 100);
      assertClean(result);
    });
  });
}

const FIRE = [
  {
    name: 'ten processes without any lock',
    options: { lock: 'none' },
    ...{ writers: 10, ms: 600, pauseMs: 30, stopMs: 200, lingerMs: 0.3 },
  },
  {
    name: 'five processes with the kernel lock',
    options: { lock: 'kernel', lockTimeoutMs: 100 },
    ...{ writers: 5, ms: 700, pauseMs: 30, stopMs: 200, lingerMs: 3 },
  },
  {
    name: 'four processes with the lockfile lock, longer than it takes to go stale',
    options: { lock: 'lockfile' },
    ...{ writers: 4, ms: 1800, pauseMs: 100, stopMs: 3000, lingerMs: 3 },
  },
  {
    name: 'five processes with segments of a few lines and no lock',
    options: { lock: 'none', segmentBytes: 4096 },
    ...{ writers: 5, ms: 500, pauseMs: 30, stopMs: 200, lingerMs: 0.3 },
  },
] as const;

for (const { name, ms, ...fire } of FIRE) {
  test(`${name}, stopped, continued and killed at random: every acknowledged append is there once, and every reader agrees`, async (t) => {
    await inScratch('fire', (directory) => burn(t, { ...fire, ms: ms * LONGER, directory }));
  });
}

for (const lock of ['kernel', 'lockfile'] as const) {
  test(`a writer is stopped inside the ${lock} lock, between its look at the log and its write: the others go on, and it comes second`, async () => {
    await inScratch('processes', async (directory) => {
      const wal = await Wal.open(directory, { lock });
      const child = new Child<AppendNews>('append-process', {
        directory,
        client: 'bd-s',
        count: 3,
        inFlight: 3,
        stopsItself: true,
      } satisfies AppendJob);
      child.send('go');
      try {
        await child.stopped();
        const seqs = [];
        for (let i = 0; i < 5; i++) seqs.push((await wal.append({ op: 'add', id: `bd-on${i}` })).seq);
        assert.deepEqual(seqs, [1, 2, 3, 4, 5]);
        child.signal('SIGCONT');
        assert.equal(await child.ended, 0);
      } finally {
        child.signal('SIGKILL');
      }
      await wal.append({ op: 'add', id: 'bd-on5' });
      await wal.close();
      const result = await audit(directory, child.messages, ['bd-s', 'bd-o']);
      assertClean(result);
      assert.deepEqual([result.acknowledged, result.records], [3, 9]);
      assert.equal(result.report.lines.superseded, 3);
    });
  });
}

async function burn(t: TestContext, fire: Omit<Chaos, 'dice'>): Promise<void> {
  const { directory } = fire;
  const seed = chooseSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const warming = new Child('append-process', { directory, client: 'warm', count: 1, options: fire.options });
  warming.send('go');
  await warming.ended;
  const followers = [false, true].map(
    (durable) =>
      new Child<FollowNews>(ownScript('follow-process'), { directory, durable } satisfies FollowJob),
  );
  try {
    await Promise.all(followers.map((child) => child.told(({ kind }) => kind === 'ready')));
    const { news, clients, kills, stops } = await underFire({ ...fire, dice: seeded(seed) });
    const result = await audit(directory, news, [...clients, 'warm']);
    const { superseded, torn } = result.report.lines;
    t.diagnostic(
      `${result.acknowledged} acknowledged, ${kills} killed, ${stops} stopped, ${superseded} superseded, ${torn} torn`,
    );
    assertClean(result);
    assert.deepEqual(
      news.filter(({ kind }) => kind === 'failed'),
      [],
    );
    const there = (await recordsIn(directory)).map(({ seq, crc }) => ({ seq, crc }));
    for (const follower of followers) {
      follower.send(String(there.length));
      const { records } = await follower.told(({ kind }) => kind === 'seen');
      assert.deepEqual(records, there, 'a follower saw another log');
      await follower.ended;
    }
  } finally {
    for (const follower of followers) follower.signal('SIGKILL');
  }
}
