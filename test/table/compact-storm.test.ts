import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Wal } from '../../src/index.ts';
import { Child } from '../../src/lab/child.ts';
import { chooseSeed, seeded } from '../../src/lab/seeded.ts';
import { underFire } from '../support/chaos.ts';
import type { CompactJob, CompactNews } from '../support/compact-process.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';

const LONGER = process.env.RUN_STRESS_TESTS === '1' ? 20 : 1;

async function storm(t: TestContext, lock: 'kernel' | 'none', directory: string): Promise<void> {
  const seed = chooseSeed();
  t.diagnostic(`TEST_SEED=${seed}`);
  const options = { lock, segmentBytes: 4096, lockTimeoutMs: 100 };
  await (await Wal.open(directory, options)).close();
  const compactors = [1, 2].map(
    (retain) =>
      new Child<CompactNews>(ownScript('compact-process'), {
        directory,
        options,
        retain,
        pauseMs: 5,
      } satisfies CompactJob),
  );
  const said = () => compactors.flatMap(({ messages }) => messages);
  const made = () => said().filter(({ kind }) => kind === 'compacted').length;
  const burn = async () => {
    await Promise.all(compactors.map((child) => child.told(({ kind }) => kind === 'ready')));
    const report = await underFire({
      directory,
      options,
      writers: 5,
      ms: 700 * LONGER,
      pauseMs: 30,
      stopMs: 150,
      lingerMs: 1,
      dice: seeded(seed),
      until: () => made() > 3,
    });
    for (const child of compactors) child.send('stop');
    await Promise.all(compactors.map((child) => child.ended));
    return report;
  };
  const { news, kills, stops } = await burn().finally(() => {
    for (const child of compactors) child.signal('SIGKILL');
  });
  const acks = news.filter((item) => item.kind === 'ack');
  t.diagnostic(`${acks.length} acknowledged, ${made()} compactions, ${kills} killed, ${stops} stopped`);
  assert.deepEqual(
    [...news, ...said()].filter(({ kind }) => kind === 'failed'),
    [],
  );
  const wal = await Wal.open(directory, { readOnly: true });
  const table = await wal.table();
  const items = new Map(table.list().map((item) => [item.id, item]));
  const lost = acks.filter(({ id, seq }) => items.get(id)?.rev !== seq);
  const doubled = [...items.values()].filter(({ version }) => version !== 1);
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
  assert.equal((await wal.verify()).error, undefined);
  await wal.close();
}

for (const lock of ['kernel', 'none'] as const) {
  test(`five writers (lock: ${lock}) in segments of a few lines, stopped and killed at random, while two processes compact all the time: the state has every acknowledged append once`, async (t) => {
    await inScratch('compact-storm', (directory) => storm(t, lock, directory));
  });
}
