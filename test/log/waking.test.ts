import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/clock/clock.ts';
import { Watching } from '../../src/file/watching.ts';
import { lastData, Wal } from '../../src/index.ts';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';

const add = (n: number) => ({ op: 'add', id: `bd-${n}` });
const live = new AbortController().signal;
/** Where the system does not tell of every change, followers look by the clock in any case. */
const linux = { skip: process.platform === 'linux' ? false : 'the system tells of writes late here' };

/** A clock on which a second never passes: what sleeps for so long sleeps until it is woken. */
function endlessClock(): Clock & { readonly sleeps: number[] } {
  const sleeps: number[] = [];
  return {
    ...systemClock,
    sleeps,
    sleep: (ms, signal) => {
      sleeps.push(ms);
      return systemClock.sleep(ms < 1000 ? ms : 2 ** 30, signal);
    },
  };
}

/** The real disk, of whose watches it is counted how many are open, and were. */
function countingStorage(watch: Storage['watch'] = nodeStorage.watch) {
  const count = { open: 0, begun: 0 };
  const storage = changedStorage({
    watch: (...args) => {
      const watched = watch(...args);
      count.open++;
      count.begun++;
      let isOpen = true;
      const close = () => {
        watched.close();
        if (isOpen) count.open--;
        isOpen = false;
      };
      return { ...watched, close };
    },
  });
  return { count, storage };
}

/** Appends in another process, and waits for that to end. */
async function appendElsewhere(directory: string, client: string): Promise<void> {
  const job: AppendJob = { directory, client, count: 1, options: { durability: 'os' } };
  const child = new Child<AppendNews>('append-process', job);
  await child.told(({ kind }) => kind === 'ready');
  child.send('go');
  assert.equal(await child.ended, 0);
}

async function inLog(
  { storage, clock = systemClock }: { storage: Storage; clock?: Clock },
  body: (reader: Wal, directory: string) => Promise<void>,
): Promise<void> {
  await inScratch('waking', async (scratch) => {
    const directory = join(scratch, 'log');
    const wal = await Wal.open(directory, { durability: 'os' });
    await wal.append(add(1));
    await wal.close();
    const reader = await Wal.openIn(changedEnvironment({ storage, clock }), directory, { readOnly: true });
    try {
      await body(reader, directory);
    } finally {
      await reader.close();
    }
  });
}

/** Waits until the follower does. */
async function sleeps(clock: { readonly sleeps: number[] }): Promise<void> {
  while (!clock.sleeps.includes(1000)) await turn();
  clock.sleeps.length = 0;
}

test('a follower whose poll never comes hears an append of another process', linux, () => {
  const clock = endlessClock();
  const { storage, count } = countingStorage();
  return inLog({ storage, clock }, async (reader, directory) => {
    for (const durable of [false, true]) {
      const records = reader.follow({ from: durable ? 2 : 1, durable });
      const { value } = await records.next();
      const next = records.next();
      await sleeps(clock);
      await appendElsewhere(directory, `durable-${durable}-`);
      assert.equal((await next).value?.seq, (value?.seq as number) + 1);
      assert.equal(count.open, 1);
      await records.return();
      while (count.open > 0) await turn();
    }
  });
});

test('a watch of a table whose poll never comes hears an append of another process', linux, () => {
  const clock = endlessClock();
  return inLog({ ...countingStorage(), clock }, async (reader, directory) => {
    const table = await reader.table({ fold: lastData });
    const changes = table.watch();
    const next = changes.next();
    await sleeps(clock);
    await appendElsewhere(directory, 'seen-');
    assert.equal((await next).value?.id, 'seen-n0');
    await changes.return();
  });
});

test('a follower in a directory that a link leads to hears without its poll', linux, () =>
  inScratch('waking', async (scratch) => {
    const clock = endlessClock();
    const [directory, link] = [join(scratch, 'log'), join(scratch, 'link')];
    const wal = await Wal.open(directory, { durability: 'os' });
    symlinkSync(directory, link);
    const reader = await Wal.openIn(changedEnvironment({ clock }), link, { readOnly: true });
    const next = reader.follow().next();
    await sleeps(clock);
    await wal.append(add(1));
    assert.equal((await next).value?.seq, 1);
    await reader.close();
    await wal.close();
  }),
);

for (const code of ['EMFILE', 'ENOSPC', 'ENOENT', 'ENOSYS'])
  test(`where watching fails with ${code}, the poll brings an append of another process`, () => {
    const watch = () => {
      throw systemError(code);
    };
    return inLog(countingStorage(watch), async (reader, directory) => {
      const records = reader.follow();
      assert.equal((await records.next()).value?.seq, 1);
      const next = records.next();
      await appendElsewhere(directory, 'polled-');
      assert.equal((await next).value?.seq, 2);
    });
  });

test('where the system stops telling, the poll goes on at once, and it is asked again', () => {
  const ends: (() => void)[] = [];
  const clock = endlessClock();
  const { storage, count } = countingStorage((_directory, _changed, ended) => {
    ends.push(ended);
    return { tellsAll: true, close: () => {} };
  });
  return inLog({ storage, clock }, async (reader, directory) => {
    const records = reader.follow();
    await records.next();
    const next = records.next();
    await sleeps(clock);
    ends[0]?.();
    assert.equal(count.open, 0);
    await appendElsewhere(directory, 'polled-');
    assert.equal((await next).value?.seq, 2);
    const last = records.next();
    while (count.begun < 2) await turn();
    await reader.close();
    assert.equal((await last).done, true);
    assert.equal(count.open, 0);
  });
});

test('followers and watches of a Wal share one watch, which ends with the last of them', () => {
  const { storage, count } = countingStorage();
  return inLog({ storage }, async (reader) => {
    for (const round of [1, 2]) {
      const stop = new AbortController();
      const { signal } = stop;
      const table = await reader.table({ fold: lastData });
      const waiting = [
        ...Array.from({ length: 5 }, () => reader.follow({ from: 2, signal })),
        ...Array.from({ length: 5 }, () => reader.follow({ from: 2, signal, durable: true })),
        // These wait by themselves, for what is far ahead.
        ...Array.from({ length: 5 }, () => reader.follow({ from: 100, signal })),
        ...Array.from({ length: 5 }, () => table.watch({ signal })),
      ].map((each) => each.next());
      while (count.begun < round) await turn();
      for (let i = 0; i < 20; i++) await turn();
      assert.deepEqual(count, { open: 1, begun: round });
      stop.abort();
      for (const each of waiting) assert.equal((await each).done, true);
      while (count.open > 0) await turn();
    }
  });
});

test('a directory that is put in the place of the one followed is watched from then on', linux, () => {
  const clock = endlessClock();
  const { storage, count } = countingStorage();
  return inLog({ storage, clock }, async (reader, directory) => {
    cpSync(directory, `${directory}-copy`, { recursive: true });
    const records = reader.follow();
    await records.next();
    const next = records.next();
    await sleeps(clock);
    renameSync(directory, `${directory}-away`);
    renameSync(`${directory}-copy`, directory);
    while (count.begun < 2) await turn();
    await sleeps(clock);
    await appendElsewhere(directory, 'in-the-copy-');
    assert.equal((await next).value?.id, 'in-the-copy-n0');
    assert.equal(count.open, 1);
  });
});

test('a directory that is deleted under a follower and put back is watched again', linux, () =>
  inScratch('waking', async (scratch) => {
    const directory = join(scratch, 'log');
    mkdirSync(directory);
    const { storage, count } = countingStorage();
    const watch = new Watching(storage, systemClock, directory).watch();
    await watch.changed(live);
    rmdirSync(directory);
    while (count.open > 0) await watch.changed(live);
    mkdirSync(directory);
    while (count.open === 0) await watch.changed(live);
    watch.close();
    assert.deepEqual(count, { open: 0, begun: 2 });
  }),
);

/** A Watching whose system is the test. */
function told(tellsAll: boolean, clock: Clock) {
  let tell: (name?: string) => void = () => {};
  const storage = changedStorage({
    look: () => undefined,
    watch: (_directory, changed) => {
      tell = changed;
      return { tellsAll, close: () => {} };
    },
  });
  return { watching: new Watching(storage, clock, '/log'), tell: (name?: string) => tell(name) };
}

const SEGMENT = '00000000000000000001.jsonl';

test('what changes between a reading and the waiting for more is told at once, a burst once', async () => {
  const clock = endlessClock();
  const { watching, tell } = told(true, clock);
  const [watch, other] = [watching.watch(), watching.watch()];
  for (const each of [watch, other]) await each.changed(live);
  for (let i = 0; i < 100; i++) tell(SEGMENT);
  for (const each of [watch, other]) await each.changed(live);
  assert.deepEqual(clock.sleeps, []);
  // The burst is over for both.
  let woken = 0;
  const waiting = [watch, other].map((each) => each.changed(live).then(() => woken++));
  await turn();
  assert.equal(woken, 0);
  assert.deepEqual(clock.sleeps, [1000, 1000]);
  tell(SEGMENT);
  await Promise.all(waiting);
  assert.equal(woken, 2);
});

test('a write to the lock or the mark wakes no follower; one to a segment or snapshot does', async () => {
  const { watching, tell } = told(true, endlessClock());
  const watch = watching.watch();
  await watch.changed(live);
  for (const name of [SEGMENT, `snapshot-${SEGMENT}`, 'log', undefined]) {
    let isWoken = false;
    const waiting = watch.changed(live).then(() => {
      isWoken = true;
    });
    for (const other of ['wal.lock', 'wal.mark', 'wal.lock.held', 'notes.txt']) tell(other);
    await turn();
    assert.equal(isWoken, false);
    tell(name);
    await waiting;
  }
});

test('where the system need not tell of all, the poll is quick; where it does, slow', async () => {
  for (const [tellsAll, ms] of [
    [true, 1000],
    [false, 50],
  ] as const) {
    const clock = endlessClock();
    const stop = new AbortController();
    const watch = told(tellsAll, clock).watching.watch();
    await watch.changed(stop.signal);
    const waiting = watch.changed(stop.signal);
    assert.deepEqual(clock.sleeps, [ms]);
    stop.abort();
    await waiting;
  }
});

test('a Watching that was closed watches no more', async () => {
  const { storage, count } = countingStorage();
  await inScratch('waking', async (directory) => {
    const watching = new Watching(storage, systemClock, directory);
    const watch = watching.watch();
    assert.equal(count.open, 1);
    watching.close();
    watching.watch();
    watch.close();
    assert.deepEqual(count, { open: 0, begun: 1 });
  });
});

test('a process that watches a directory, and has nothing else to do, ends', () =>
  inScratch('waking', async (directory) => {
    assert.equal(await new Child(ownScript('watch-process'), directory).ended, 0);
  }));
