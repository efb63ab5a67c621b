import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../src/clock/clock.ts';
import { segmentName, segmentSeq } from '../src/format/names.ts';
import { Wal } from '../src/index.ts';
import { inScratch } from '../src/lab/scratch.ts';
import { changedFile, changedStorage, changedSurroundings } from '../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../src/storage/node.ts';
import type { StorageFile } from '../src/storage/storage.ts';

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
    const wal = await Wal.openIn(changedSurroundings({ clock }), directory, {});
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
    const wal = await Wal.openIn(changedSurroundings({ storage }), directory, {});
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
    const wal = await Wal.openIn(changedSurroundings({ storage }), directory);
    isDue = true;
    const answers = [wal.append(first, { key: 'once' }), wal.append({ op: 'add', id: 'bd-4' })];
    const [again, next] = await Promise.all(answers);
    assert.equal(isDue, false);
    assert.deepEqual([again?.seq, again?.duplicate, next?.seq], [1, true, 4]);
    assert.equal(wal.stats().replacements, 1);
    await wal.close();
  }));
