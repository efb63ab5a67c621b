import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../src/index.ts';
import { entry, files, fill, inLog, SEGMENT, SMALL, SNAPSHOT, stateOf } from '../src/lab/small-log.ts';

test('a damaged snapshot is passed over: the state is made of the one before it and of what leads on from there', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact();
    await fill(wal, 40, 41);
    await wal.compact();
    await fill(wal, 3, 81);
    const before = await stateOf(directory);
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    for (const at of [bytes.length - 30, 20]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      writeFileSync(newest, damaged);
      assert.deepEqual(await stateOf(directory), before);
      const next = await Wal.open(directory, SMALL);
      assert.equal((await next.head()).seq, 83);
      await next.close();
    }
  }));

test('a compaction with nothing new does not take a damaged snapshot for whole: it makes it anew before it deletes what that could be made of', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact();
    await fill(wal, 40, 41);
    await wal.compact();
    const before = await stateOf(directory);
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    const at = bytes.indexOf('"text":"x') + 10;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(newest, bytes);
    assert.equal((await wal.compact({ retain: 1 })).made, true);
    assert.deepEqual(await stateOf(directory), before);
    assert.equal(files(directory, SNAPSHOT).length, 1);
    assert.equal((await wal.compact({ retain: 1 })).made, false);
  }));

test('a compaction that cannot go on from a damaged snapshot is refused, and nothing is deleted', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact({ retain: 1 });
    const [newest] = files(directory, SNAPSHOT) as [string];
    const bytes = readFileSync(join(directory, newest));
    const at = bytes.indexOf('"text":"x') + 10;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(join(directory, newest), bytes);
    await fill(wal, 40, 41);
    const before = files(directory, SEGMENT);
    for (let n = 0; n < 2; n++) {
      await assert.rejects(wal.compact({ retain: 1 }), { code: 'ERR_WAL_CORRUPT' });
      assert.deepEqual(files(directory, SNAPSHOT), [newest]);
      assert.deepEqual(files(directory, SEGMENT).slice(0, before.length), before);
    }
  }));

test('keys that a damaged snapshot held are known from the one before it and from what leads on from there, and the log can be compacted again', () =>
  inLog('compact', async (wal, directory) => {
    for (let n = 1; n <= 20; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact();
    for (let n = 21; n <= 40; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact();
    await wal.append(entry('bd-1', 41), { key: 'key-41' });
    const newest = join(directory, files(directory, SNAPSHOT).at(-1) as string);
    const bytes = readFileSync(newest);
    const at = bytes.indexOf('"key":"key-7"') + 8;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(newest, bytes);
    const next = await Wal.open(directory, SMALL);
    try {
      for (const n of [1, 7, 20, 21, 40, 41]) {
        const { seq, duplicate } = await next.append(entry('bd-1', 99), { key: `key-${n}` });
        assert.deepEqual([seq, duplicate], [n, true]);
      }
      assert.equal((await next.append(entry('bd-1', 42), { key: 'key-42' })).seq, 42);
      assert.equal((await next.compact()).made, true);
    } finally {
      await next.close();
    }
  }));
