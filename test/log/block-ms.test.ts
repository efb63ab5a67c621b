import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../src/clock/clock.ts';
import { type Lock, Wal, type WalOptions } from '../../src/index.ts';
import { seeded } from '../../src/lab/seeded.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { inScratch } from '../support/scratch.ts';
import { seedOf } from '../support/seed.ts';

const add = (n: number) => ({ op: 'add', id: `bd-${n}` });

/** A clock that stands still but while something waits, and tells how long the thread was blocked at a stretch at most. */
class Blocked {
  now = 0;
  /** Since the event loop turned last. */
  budget = 0;
  longest = 0;
  readonly clock: Clock = {
    ...systemClock,
    elapsed: () => this.now,
    block: (ms) => this.block(ms),
    yield: () => this.#turn(),
    sleep: async (ms) => {
      this.now += Math.max(1, ms);
      await this.#turn();
    },
  };

  block(ms: number): void {
    this.now += ms;
    this.budget += ms;
    this.longest = Math.max(this.longest, this.budget);
  }

  async #turn(): Promise<void> {
    await systemClock.yield();
    this.budget = 0;
  }
}

/** A lock that is free at the first try, and after that once it was tried so often. */
function busyLock(tries: () => number): Lock {
  let left = 0;
  return {
    kind: 'kernel',
    tryAcquire: () => left-- <= 0,
    release: () => {
      left = tries();
    },
    close: () => {},
  };
}

/** Opens a log whose lock is busy, on a disk that takes `syncMs` to sync; `syncs` counts those on this thread, and beside it. */
async function inLog(
  options: WalOptions,
  syncMs: () => number,
  body: (wal: Wal, blocked: Blocked, syncs: { here: number; beside: number }) => Promise<void>,
): Promise<void> {
  await inScratch('block-ms', async (directory) => {
    const blocked = new Blocked();
    const syncs = { here: 0, beside: 0 };
    const ofLines = {
      syncNow: () => {
        syncs.here++;
        blocked.block(syncMs());
      },
      sync: async () => {
        syncs.beside++;
        blocked.now += syncMs();
        await systemClock.yield();
      },
    };
    const environment = changedEnvironment({
      clock: blocked.clock,
      storage: changedStorage({}, ofLines),
    });
    const wal = await Wal.openIn(environment, directory, options);
    try {
      await body(wal, blocked, syncs);
    } finally {
      await wal.close();
    }
  });
}

for (const blockMs of [0, 0.5, 2, 10]) {
  test(`a wait for the lock keeps the thread for ${blockMs} ms at a stretch at most, where blockMs says so`, (t) => {
    const dice = seeded(seedOf(t));
    const lock = busyLock(() => 1 + Math.floor(dice() * 30));
    return inLog(
      { lock, blockMs, durability: 'os' },
      () => 0,
      async (wal, blocked) => {
        for (let n = 1; n <= 50; n++) await wal.append(add(n));
        assert.ok(blocked.longest <= blockMs, `${blocked.longest} ms`);
        assert.ok(blockMs < 1 || blocked.longest > blockMs / 2, `${blocked.longest} ms`);
        wal.appendSync(add(0));
        blocked.longest = 0;
        wal.appendSync(add(0));
        assert.ok(blocked.longest > 0);
      },
    );
  });
}

test('by default a wait and the sync after it keep the thread for 1.5 ms at a stretch', (t) => {
  const dice = seeded(seedOf(t));
  const lock = busyLock(() => Math.floor(dice() * 20));
  return inLog(
    { lock },
    () => 0.9,
    async (wal, blocked, syncs) => {
      // By then it knows how long a sync takes.
      for (let n = 1; n <= 50; n++) await wal.append(add(n));
      blocked.longest = 0;
      for (let n = 1; n <= 100; n++) await wal.append(add(n));
      assert.deepEqual(syncs, { here: 150, beside: 1 });
      assert.ok(blocked.longest < 1.501 && blocked.longest > 1, `${blocked.longest} ms`);
    },
  );
});

test('a disk whose syncs take longer than blockMs is synced beside the thread, until they take less again', () => {
  let ms = 3;
  return inLog(
    { lock: 'none', blockMs: 1 },
    () => ms,
    async (wal, _blocked, syncs) => {
      for (let n = 1; n <= 10; n++) await wal.append(add(n));
      const { beside } = syncs;
      for (let n = 1; n <= 10; n++) await wal.append(add(n));
      assert.equal(syncs.beside, beside + 10);
      ms = 0.2;
      for (let n = 1; n <= 100; n++) await wal.append(add(n));
      assert.ok(syncs.here > 50, JSON.stringify(syncs));
      // One stall is one append's, and not that of those after it.
      ms = 30;
      await wal.append(add(0));
      const { here } = syncs;
      for (let n = 1; n <= 10; n++) await wal.append(add(n));
      assert.equal(syncs.here, here);
    },
  );
});

test('a disk whose syncs take far longer than a large blockMs is synced beside the thread, too', () =>
  inLog(
    { lock: 'none', blockMs: 50 },
    () => 200,
    async (wal, _blocked, syncs) => {
      for (let n = 1; n <= 10; n++) await wal.append(add(n));
      const { here } = syncs;
      for (let n = 1; n <= 10; n++) await wal.append(add(n));
      assert.equal(syncs.here, here);
    },
  ));
