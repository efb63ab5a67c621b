import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { createLock, type LockKind, lastData, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';
import { entry, files, SMALL, SNAPSHOT } from '../support/small-log.ts';

const THEN = 1_000_000;

/** Does all that waits, or turns the event loop, and answers the dates of what it wrote. */
async function useAll(directory: string, kind: LockKind): Promise<Set<number>> {
  const log = join(directory, 'log');
  const wal = await Wal.open(log, { ...SMALL, lock: kind, lockTimeoutMs: 30 });
  const follows = Array.from({ length: 2 }, async (_, i) => {
    for await (const { seq } of wal.follow({ durable: i === 0 })) if (seq === 60) return;
  });
  const table = await wal.table();
  const watch = (async () => {
    for await (const { id } of table.watch()) if (id === 'held') return;
  })();
  for (let n = 1; n < 60; n++) await wal.append(entry(`bd-${n}`, n));
  // The wait for who holds the lock runs out.
  const held = createLock(kind, log);
  assert.ok(held.tryAcquire());
  await wal.append(entry('held', 60));
  held.release();
  held.close();
  await Promise.all([...follows, watch]);
  await table.update('bd-1', () => 1);
  await wal.compact({ fold: lastData });
  await wal.backup(join(directory, 'backup'));
  await wal.verify();
  await wal.stateAt(60);
  await Promise.all(Array.from({ length: 500 }, (_, n) => wal.append(entry(`many-${n}`, n))));
  const dates = new Set<number>();
  for await (const { ts } of wal.read()) dates.add(ts);
  const endless = (async () => {
    for await (const { ts } of wal.follow({ from: 61 })) dates.add(ts);
  })();
  await wal.close();
  await endless;
  return dates;
}

const never = () => ({ unref: () => {}, ref: () => {}, [Symbol.toPrimitive]: () => 0 });

/** What stands in for a property of an object; returns how to take it away. */
function fake(target: object, name: string, value: unknown): () => void {
  const own = Object.getOwnPropertyDescriptor(target, name) as PropertyDescriptor;
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
  return () => Object.defineProperty(target, name, own);
}

/** Puts in the places of all timers others that never run, and a date that stands still, as jest, vitest and sinon do. */
function fakeAll(): () => void {
  class FakeDate extends Date {
    constructor(ms = THEN) {
      super(ms);
    }
    static override now = () => THEN;
  }
  const names = [
    'setTimeout',
    'setImmediate',
    'setInterval',
    'clearTimeout',
    'clearImmediate',
    'clearInterval',
  ];
  const restore = [
    ...names.flatMap((name) => [fake(globalThis, name, never), fake(timers, name, never)]),
    ...['setTimeout', 'setImmediate'].map((name) => fake(timersPromises, name, () => new Promise(() => {}))),
    fake(globalThis, 'Date', FakeDate),
    fake(globalThis, 'performance', { now: () => 0, timeOrigin: THEN }),
    fake(globalThis, 'queueMicrotask', never),
    fake(process, 'hrtime', () => [0, 0]),
  ];
  return () => {
    for (const each of restore) each();
  };
}

for (const kind of ['kernel', 'lockfile'] as const) {
  test(
    `with the fake timers of node:test all goes on as without, at their date (${kind})`,
    { timeout: 60_000 },
    () =>
      inScratch('fake', async (directory) => {
        mock.timers.enable();
        try {
          mock.timers.tick(THEN);
          assert.deepEqual(await useAll(directory, kind), new Set([THEN]));
        } finally {
          mock.timers.reset();
        }
      }),
  );

  test(
    `with timers that never run all goes on as without, at their date (${kind})`,
    { timeout: 60_000 },
    () =>
      inScratch('fake', async (directory) => {
        const restore = fakeAll();
        try {
          assert.deepEqual(await useAll(directory, kind), new Set([THEN]));
        } finally {
          restore();
        }
      }),
  );
}

test('a clock that is loaded when timers are faked already waits by the machine’s', {
  timeout: 60_000,
}, async () => {
  const restore = fakeAll();
  try {
    const late: string = '../../src/clock/clock.js?late';
    const { systemClock } = (await import(late)) as typeof import('../../src/clock/clock.ts');
    const start = systemClock.elapsed();
    await systemClock.yield();
    await systemClock.sleep(1);
    assert.ok(systemClock.elapsed() > start);
  } finally {
    restore();
  }
});

test('the option clock dates entries, snapshots and a new log, and nothing waits by it', () =>
  inScratch('fake', async (directory) => {
    const log = join(directory, 'log');
    let ms = 1.5;
    const clock = { start: THEN, now: () => clock.start + ms };
    const wal = await Wal.open(log, { ...SMALL, clock, lockTimeoutMs: 30 });
    assert.equal(wal.info().created, new Date(THEN + 1).toISOString());
    const table = await wal.table();
    ms = 2;
    const held = createLock('kernel', log);
    assert.ok(held.tryAcquire());
    const { ts } = await wal.append({ op: 'add', id: 'a' });
    held.release();
    held.close();
    ms = 3;
    const dates = [ts, (await wal.appendBatch([{ op: 'add', id: 'b' }])).ts];
    ms = 4;
    dates.push(wal.appendSync({ op: 'add', id: 'c' }).ts, (await table.update('d', () => 1))?.ts as number);
    dates.push((await wal.append({ op: 'add', id: 'e', ts: 5 })).ts);
    assert.deepEqual(dates, [THEN + 2, THEN + 3, THEN + 4, THEN + 4, 5]);
    ms = -THEN;
    await wal.compact({ fold: lastData });
    await wal.close();
    const [snapshot] = files(log, SNAPSHOT);
    assert.match(readFileSync(join(log, snapshot as string), 'utf8'), /"created":0,/);
  }));

test('a clock that tells no date, or throws, leaves the machine’s', () =>
  inScratch('fake', async (directory) => {
    const before = Date.now();
    const tell: (() => unknown)[] = [
      () => Number.NaN,
      () => {
        throw new Error('no time');
      },
    ];
    const clock = { now: () => tell.at(-1)?.() as number };
    const wal = await Wal.open(directory, { clock });
    const first = await wal.append({ op: 'add', id: 'a' });
    tell.pop();
    const second = await wal.append({ op: 'add', id: 'b' });
    await wal.close();
    assert.ok(first.ts >= before && second.ts >= first.ts && second.ts <= Date.now());
  }));

const TOLD: Record<string, () => unknown> = {
  nothing: () => undefined,
  'a date that no file can have': () => 1e20,
  'a date long ago': () => THEN,
  'an error': () => {
    throw new Error('no time');
  },
};

for (const [name, tell] of Object.entries(TOLD))
  test(`where Date.now tells ${name}, the lockfile lock is taken, from a dead holder too`, () =>
    inScratch('fake', async (directory) => {
      const held = join(directory, 'wal.lock.held');
      mkdirSync(held);
      utimesSync(held, THEN, THEN);
      const restore = fake(Date, 'now', tell);
      try {
        const wal = await Wal.open(directory, { lock: 'lockfile', strictLock: true, lockTimeoutMs: 50 });
        for (const id of ['a', 'b']) await wal.append({ op: 'add', id });
        await wal.close();
      } finally {
        assert.equal(Date.now, tell);
        restore();
      }
      assert.ok(!existsSync(held));
    }));
