import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { segmentName, segmentSeq } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { changedEnvironment, changedFile, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';

/** More than is read at once. */
const LONG = 150_000;

/** Makes a log of one entry, and a copy that has four more. Answers the copy. */
async function copyThatGoesOn(directory: string): Promise<string> {
  const copy = `${directory}-copy`;
  await appendTo(directory, 'a');
  cpSync(directory, copy, { recursive: true });
  await appendTo(copy, ...Array.from({ length: 4 }, () => 'b'.repeat(LONG)));
  return copy;
}

async function appendTo(directory: string, ...data: string[]): Promise<void> {
  const wal = await Wal.open(directory);
  for (const each of data) await wal.append({ op: 'add', id: `bd-${each.length}`, data: each });
  await wal.close();
}

/** Puts the segments of another log in place of those of a log, as a checkout does it. */
function checkOut(other: string, directory: string): void {
  for (const name of readdirSync(other))
    if (segmentSeq(name) !== undefined) renameSync(join(other, name), join(directory, name));
}

test('who reads on after other code found the log replaced reads what lies there now', () =>
  inScratch('replaced-meanwhile', async (scratch) => {
    const directory = join(scratch, 'log');
    const copy = await copyThatGoesOn(directory);
    let isDue = false;
    const clock = {
      ...systemClock,
      yield: async () => {
        if (isDue) {
          isDue = false;
          checkOut(copy, directory);
          await wal.head();
        }
        return systemClock.yield();
      },
    };
    const wal = await Wal.openIn(changedEnvironment({ clock }), directory, {});
    await wal.head();
    await appendTo(directory, ...Array.from({ length: 3 }, () => 'c'.repeat(LONG)));
    isDue = true;
    const { seq } = await wal.head();
    assert.deepEqual([isDue, seq], [false, 5]);
    assert.equal((await wal.append({ op: 'add', id: 'bd-1' })).seq, 6);
    assert.equal(wal.stats().replacements, 1);
    await wal.close();
  }));

test('two that find a log replaced at the same time take it for one replacement', () =>
  inScratch('replaced-meanwhile', async (scratch) => {
    const directory = join(scratch, 'log');
    const copy = await copyThatGoesOn(directory);
    const wal = await Wal.open(directory);
    checkOut(copy, directory);
    const heads = await Promise.all([wal.head(), wal.head()]);
    assert.deepEqual([heads.map(({ seq }) => seq), wal.stats().replacements], [[5, 5], 1]);
    await wal.close();
  }));

test('a table that was loaded from an older file, which was there for a moment, is loaded again', () =>
  inScratch('replaced-meanwhile', async (directory) => {
    await appendTo(directory, 'a', 'aa', 'aaa', 'aaaa');
    const path = join(directory, segmentName(1));
    const [kept, older] = [`${path}.kept`, `${path}.older`];
    const half = readFileSync(path).subarray(0, readFileSync(path).indexOf('"id":"bd-3"'));
    writeFileSync(older, half.subarray(0, half.lastIndexOf('\n') + 1));
    let times = 0;
    const storage = {
      ...nodeStorage,
      open: (name: string, ...how: [Parameters<typeof nodeStorage.open>[1]]) => {
        if (basename(name) !== segmentName(1) || how[0] !== 'read' || times++ > 0)
          return nodeStorage.open(name, ...how);
        renameSync(path, kept);
        renameSync(older, path);
        const close = (file: { close(): void }) => {
          file.close();
          renameSync(kept, path);
        };
        return changedFile(nodeStorage.open(name, ...how), { close });
      },
    };
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, {});
    const table = await wal.table();
    assert.deepEqual([times > 1, table.size], [true, 4]);
    await wal.close();
  }));

test('an append that its key answers is answered again where the log is replaced before that, and is not unknown', () =>
  inScratch('replaced-meanwhile', async (directory) => {
    const first = { op: 'add', id: 'bd-1' };
    const old = await Wal.open(directory, { segmentBytes: 4096 });
    await old.append(first, { key: 'once' });
    await old.append({ op: 'add', id: 'bd-2', data: 'x'.repeat(4096) });
    await old.append({ op: 'add', id: 'bd-3' });
    await old.close();
    const path = join(directory, segmentName(3));
    let isDue = false;
    const sync = async (file: StorageFile) => {
      await file.sync();
      if (isDue) {
        writeFileSync(`${path}.copy`, readFileSync(path));
        renameSync(`${path}.copy`, path);
      }
      isDue = false;
    };
    const storage = changedStorage({}, { sync });
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    isDue = true;
    const answers = [wal.append(first, { key: 'once' }), wal.append({ op: 'add', id: 'bd-4' })];
    const [again, next] = await Promise.all(answers);
    assert.equal(isDue, false);
    assert.deepEqual([again?.seq, again?.duplicate, next?.seq], [1, true, 4]);
    assert.equal(wal.stats().replacements, 1);
    await wal.close();
  }));

test('a transaction that waits for its table while the log is replaced by one that may hold it: unknown, and not doubled', () =>
  inScratch('replaced-meanwhile', async (scratch) => {
    const [directory, without, rotated] = ['log', 'without', 'rotated'].map((name) =>
      join(scratch, name),
    ) as [string, string, string];
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let isHeld = false;
    let onList: (() => void) | undefined;
    const list = (path: string) => {
      const work = path === directory ? onList : undefined;
      if (work !== undefined) onList = undefined;
      work?.();
      return nodeStorage.list(path);
    };
    const sync = async (file: StorageFile) => {
      if (isHeld) await held;
      await file.sync();
    };
    const environment = changedEnvironment({ storage: changedStorage({ list }, { sync }) });
    const wal = await Wal.openIn(environment, directory, { lock: 'none' });
    await wal.append({ op: 'add', id: 'bd-1' });
    const table = await wal.table();
    cpSync(directory, without, { recursive: true });
    isHeld = true;
    // Two, so that they are not synced on this thread.
    const appends = Promise.allSettled([
      table.transaction((tx) => tx.append({ op: 'add', id: 'bd-once' })),
      wal.append({ op: 'add', id: 'bd-beside' }),
    ]);
    const path = join(directory, segmentName(1));
    while (!readFileSync(path, 'utf8').includes('bd-beside')) await systemClock.sleep(1);
    cpSync(directory, rotated, { recursive: true });
    const other = await Wal.open(rotated, { segmentBytes: 4096 });
    for (let n = 1; n <= 12; n++) await other.append({ op: 'add', id: `bd-c${n}`, data: 'x'.repeat(900) });
    await other.close();
    await appendTo(without, 'b', 'bb', 'bbb');
    checkOut(without, directory);
    await wal.head();
    onList = () => checkOut(rotated, directory);
    isHeld = false;
    letGo();
    const outcomes = (await appends).map((each) => each.status === 'rejected' && each.reason.outcome);
    const ids: string[] = [];
    for await (const { id } of wal.read()) ids.push(id);
    assert.deepEqual([outcomes, ids.filter((id) => id === 'bd-once').length], [['unknown', 'unknown'], 1]);
    await wal.close();
  }));

test('a log replaced by a shorter one that is still being read: what the old one ended with is not said to be synced', () =>
  inScratch('replaced-meanwhile', async (scratch) => {
    const [directory, shorter] = [join(scratch, 'log'), join(scratch, 'shorter')];
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let [isHeld, lockFails] = [false, false];
    const sync = async (file: StorageFile) => {
      if (isHeld) await held;
      await file.sync();
    };
    const tryAcquire = () => {
      if (lockFails) throw new Error('made for a test');
      return true;
    };
    const lock = { kind: 'own', tryAcquire, release: () => {}, close: () => {} };
    const environment = changedEnvironment({ storage: changedStorage({}, { sync }) });
    const wal = await Wal.openIn(environment, directory, { lock });
    await wal.append({ op: 'add', id: 'bd-1' });
    isHeld = true;
    const own = [wal.append({ op: 'add', id: 'bd-2' }), wal.append({ op: 'add', id: 'bd-3' })];
    while (!readFileSync(join(directory, segmentName(1)), 'utf8').includes('bd-3'))
      await systemClock.sleep(1);
    cpSync(directory, shorter, { recursive: true });
    await appendTo(directory, ...Array.from({ length: 50 }, () => 'a'));
    const long = await Wal.open(shorter, { segmentBytes: 2 ** 26 });
    for (let n = 4; n <= 7; n++) await long.append({ op: 'add', id: `bd-${n}`, data: 'b'.repeat(LONG) });
    await long.close();
    await wal.head();
    checkOut(shorter, directory);
    const reading = wal.head();
    while (wal.stats().replacements === 0) await systemClock.yield();
    lockFails = true;
    assert.throws(() => wal.appendSync({ op: 'add', id: 'bd-now' }), { code: 'ERR_WAL_LOCK_UNAVAILABLE' });
    lockFails = false;
    assert.equal((await reading).seq, 7);
    isHeld = false;
    letGo();
    assert.deepEqual(
      (await Promise.all(own)).map(({ seq }) => seq),
      [2, 3],
    );
    assert.equal((await wal.append({ op: 'add', id: 'bd-4' })).seq, 8);
    await wal.close();
  }));
