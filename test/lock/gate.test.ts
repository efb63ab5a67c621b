import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { YieldBudget } from '../../src/clock/yield-budget.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { Gate } from '../../src/lock/gate.ts';
import { noLock } from '../../src/lock/lock.ts';
import { inScratch } from '../support/scratch.ts';

/** How a gate sleeps until its time-out where the lock is never free. */
async function sleepsAmong(others: number, timeoutMs = 30): Promise<number[]> {
  const sleeps: number[] = [];
  let now = 0;
  const sleep = (ms: number) => {
    sleeps.push(ms);
    now += ms;
  };
  const clock = {
    ...systemClock,
    elapsed: () => now,
    block: sleep,
    sleep: async (ms: number) => sleep(ms),
    yield: async () => {},
  };
  const gate = new Gate({
    lock: { ...noLock(), tryAcquire: () => false },
    clock,
    random: () => 0.5,
    timeoutMs,
    strict: false,
    pollMs: [0.05, 0.5],
    budget: new YieldBudget(clock),
    holder: () => undefined,
  });
  await gate.wait(
    () => true,
    () => gate.leave(),
    others,
  );
  return sleeps;
}

test('among a few others, the sleeps at a taken lock begin short and grow up to a bound', async () => {
  const sleeps = await sleepsAmong(5);
  assert.equal(sleeps[0], 0.05);
  for (const [i, ms] of sleeps.slice(0, 20).entries()) assert.ok(i === 0 || ms >= (sleeps[i - 1] as number));
  assert.equal(Math.max(...sleeps), 0.5);
});

test('in a crowd, the first sleep at a taken lock is long for each of the others, and the next are shorter', async () => {
  assert.equal((await sleepsAmong(10, 1000))[0], 15);
  const sleeps = await sleepsAmong(32, 1000);
  assert.equal(sleeps[0], 30);
  for (const [i, ms] of sleeps.slice(0, -1).entries())
    assert.ok(i === 0 || ms < (sleeps[i - 1] as number) || ms === sleeps.at(-2), `${ms} is sleep ${i}`);
});

test('no sleep at a taken lock is longer than what is left of the time-out', async () => {
  const sleeps = await sleepsAmong(20, 5);
  assert.equal(
    sleeps.reduce((sum, ms) => sum + ms),
    5,
  );
});

test('in a crowd, the first sleep takes no more than a fifth of the time-out', async () => {
  const sleeps = await sleepsAmong(20, 5);
  assert.equal(sleeps[0], 1);
  assert.ok(sleeps.length > 5, `it tries ${sleeps.length} times`);
});

/** A Wal's first sleep at a taken lock, after it has appended in turns with another one that appends `times` between. */
async function firstSleepAfter(
  times: number,
  { bytes = 100, pauseMs = 0 } = {},
): Promise<number | undefined> {
  let first: number | undefined;
  await inScratch('gate', async (directory) => {
    let isTaken = false;
    let passed = 0;
    const block = (ms: number) => {
      first ??= ms;
      isTaken = false;
    };
    const environment = changedEnvironment({
      random: () => 0.5,
      clock: { ...systemClock, elapsed: () => passed, block, sleep: async (ms) => block(ms) },
    });
    const lock = { ...noLock(), tryAcquire: () => !isTaken };
    const wal = await Wal.openIn(environment, directory, { lock });
    const other = await Wal.open(directory, { lock: 'none' });
    for (let i = 0; i < 30; i++) {
      await wal.append({ op: 'add', id: 'bd-1', data: 'x'.repeat(100) });
      for (let j = 0; j < times; j++) await other.append({ op: 'add', id: 'bd-2', data: 'x'.repeat(bytes) });
    }
    passed += pauseMs;
    isTaken = true;
    await wal.append({ op: 'add', id: 'bd-1', data: 'x' });
    await wal.close();
    await other.close();
  });
  return first;
}

test('a writer learns from what was written between its turns how many others there are', async () => {
  assert.equal(await firstSleepAfter(2), 0.05);
  const first = (await firstSleepAfter(12)) as number;
  assert.ok(first > 15 && first < 20, `it sleeps ${first} ms`);
});

test('a writer that wrote nothing for a while knows of no crowd', async () => {
  assert.equal(await firstSleepAfter(12, { pauseMs: 200 }), 0.05);
});
