import assert from 'node:assert/strict';
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { lastData, Wal, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';
import {
  entry,
  files,
  fill,
  openChanged,
  SEGMENT,
  SMALL,
  SNAPSHOT,
  seqsFrom,
  stateOf,
} from '../support/small-log.ts';

const FIRST_SEGMENT = '00000000000000000001.jsonl';

/** A Wal after whose next syncs `steps` are done, one after each. */
async function openWithSteps(directory: string, options: WalOptions) {
  const steps: (() => void | Promise<void>)[] = [];
  const sync = async (file: StorageFile) => {
    await file.sync();
    await steps.shift()?.();
  };
  return { wal: await openChanged(directory, { sync }, options), steps };
}

test('an append whose segment was compacted away before its acknowledgement, and the name made anew, is in the state once', async () => {
  await inScratch('compact', async (directory) => {
    const other = await Wal.open(directory, { ...SMALL, lock: 'none' });
    const { wal, steps } = await openWithSteps(directory, { ...SMALL, lock: 'none' });
    await fill(wal, 5);
    steps.push(async () => {
      for (const n of [7, 8]) {
        await other.compact({ fold: lastData, retain: 1 });
        await other.append(entry('bd-other', n));
      }
      assert.equal(existsSync(join(directory, FIRST_SEGMENT)), false);
      writeFileSync(join(directory, FIRST_SEGMENT), '');
    });
    // Two, so that the sync is not a blocking one.
    const both = await Promise.all([wal.append(entry('bd-6', 6)), wal.append(entry('bd-6', 6))]);
    assert.equal(steps.length, 0);
    assert.deepEqual(
      both.map(({ seq }) => seq),
      [6, 7],
    );
    assert.deepEqual(
      (await stateOf(directory)).find(({ id }) => id === 'bd-6'),
      { id: 'bd-6', rev: 7, version: 2, n: 6 },
    );
    assert.equal(wal.stats().replacements, 0);
    await Promise.all([wal.close(), other.close()]);
  });
});

for (const compacted of [false, true]) {
  const where = compacted ? 'behind a snapshot' : 'in a segment that is not read';
  test(`an append whose log was replaced by one that may hold it ${where} is told as unknown`, async () => {
    await inScratch('compact', async (scratch) => {
      const directory = join(scratch, 'log');
      const copy = join(scratch, 'copy');
      const { wal, steps } = await openWithSteps(directory, SMALL);
      await fill(wal, 5);
      cpSync(directory, copy, { recursive: true });
      const there = await Wal.open(copy, SMALL);
      await fill(there, 30, 6);
      if (compacted) await there.compact({ fold: lastData, retain: 1 });
      await there.close();
      // What a checkout puts there is the same log, further on, in other files.
      steps.push(() => {
        rmSync(join(directory, FIRST_SEGMENT));
        for (const name of files(copy, /-?[0-9]{20}.jsonl$/)) cpSync(join(copy, name), join(directory, name));
      });
      const two = await Promise.allSettled([6, 7].map((n) => wal.append(entry('bd-x', n))));
      for (const { status, reason } of two as PromiseRejectedResult[])
        assert.deepEqual(
          [status, reason?.code, reason?.outcome],
          ['rejected', 'ERR_WAL_DIVERGED', 'unknown'],
        );
      await wal.close();
    });
  });
}

/** Puts the segments and snapshots of one log in the place of another's. */
function putInPlace(directory: string, copy: string): void {
  for (const name of files(directory, /[0-9]{20}/)) rmSync(join(directory, name));
  for (const name of files(copy, /[0-9]{20}/)) cpSync(join(copy, name), join(directory, name));
}

for (const count of [1, 0]) {
  const after = count === 0 ? 'nobody has gone on' : 'others have gone on';
  test(`an append whose log was replaced by one that was compacted at the same number, after which ${after}, is told as unknown`, async () => {
    await inScratch('compact', async (scratch) => {
      const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')];
      const { wal, steps } = await openWithSteps(directory, { ...SMALL, lock: 'none' });
      await fill(wal, 5);
      cpSync(directory, copy, { recursive: true });
      const there = await Wal.open(copy, SMALL);
      await fill(there, 2, 6);
      await there.compact({ fold: lastData });
      await fill(there, count, 8);
      await there.close();
      const other = await Wal.open(directory, { ...SMALL, lock: 'none' });
      steps.push(async () => {
        await other.compact({ fold: lastData });
        putInPlace(directory, copy);
      });
      const two = await Promise.allSettled([6, 7].map((n) => wal.append(entry('bd-mine', n))));
      for (const { status, reason } of two as PromiseRejectedResult[])
        assert.deepEqual(
          [status, reason?.code, reason?.outcome],
          ['rejected', 'ERR_WAL_DIVERGED', 'unknown'],
        );
      assert.equal((await wal.append(entry('bd-mine', 9))).seq, 8 + count);
      await Promise.all([wal.close(), other.close()]);
    });
  });
}

test('an append whose log is replaced, and put back once it was appended again, is told as unknown where the first is not read', async () => {
  await inScratch('compact', async (scratch) => {
    const [directory, before, after] = ['log', 'before', 'after'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    const options = { lock: 'none' } as const;
    const { wal, steps } = await openWithSteps(directory, options);
    await fill(wal, 5);
    cpSync(directory, after, { recursive: true });
    const there = await Wal.open(after, options);
    await fill(there, 10, 6);
    await there.close();
    const other = await Wal.open(directory, options);
    steps.push(
      async () => {
        await other.compact({ fold: lastData });
        await fill(other, 1, 8);
        cpSync(directory, before, { recursive: true });
        putInPlace(directory, after);
      },
      async () => putInPlace(directory, before),
    );
    const two = await Promise.allSettled([6, 7].map((n) => wal.append(entry('bd-mine', n))));
    for (const { status, reason } of two as PromiseRejectedResult[])
      assert.deepEqual([status, reason?.code, reason?.outcome], ['rejected', 'ERR_WAL_DIVERGED', 'unknown']);
    assert.equal(wal.stats().replacements, 2);
    assert.deepEqual(await seqsFrom(wal), [1, 2, 3, 4, 5, 6, 7, 8]);
    await Promise.all([wal.close(), other.close()]);
  });
});

test('a follower at the end of a sealed segment is told when a shorter log that was compacted takes the place of its own', async () => {
  await inScratch('compact', async (scratch) => {
    const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')];
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 3);
    cpSync(directory, copy, { recursive: true });
    const there = await Wal.open(copy, SMALL);
    await there.compact({ fold: lastData });
    await fill(there, 1, 4);
    await there.close();
    await fill(wal, 4, 4);
    const { seq } = await wal.compact({ fold: lastData });
    await wal.close();
    for (const name of files(directory, SNAPSHOT)) rmSync(join(directory, name));
    const reader = await Wal.open(directory, { readOnly: true });
    const follow = async () => {
      for await (const record of reader.follow({ from: 1 }))
        if (record.seq === seq) putInPlace(directory, copy);
    };
    await assert.rejects(follow(), { code: 'ERR_WAL_DIVERGED' });
    await reader.close();
  });
});

/** A segment or snapshot, and none that is being made. */
const OF_LOG = /^(snapshot-)?[0-9]{20}\.jsonl$/;

const REPLACED: Readonly<Record<string, (replace: () => void) => Partial<Storage>>> = {
  'just before its snapshot gets its name': (replace) => ({
    rename: (from, to) => {
      replace();
      nodeStorage.rename(from, to);
    },
  }),
  'while it deletes what that stands for': (replace) => ({
    remove: (path) => {
      nodeStorage.remove(path);
      if (SEGMENT.test(basename(path))) replace();
    },
  }),
};

for (const [when, change] of Object.entries(REPLACED)) {
  test(`a log that takes the place of one being compacted, ${when}, loses no entry`, async () => {
    await inScratch('compact', async (scratch) => {
      const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')];
      const wal = await Wal.open(directory, SMALL);
      await fill(wal, 30);
      cpSync(directory, copy, { recursive: true });
      await wal.close();
      const there = await Wal.open(copy, SMALL);
      await fill(there, 3, 31);
      await there.close();
      let replacements = 0;
      const replace = () => {
        if (++replacements > 1) return;
        for (const name of files(directory, OF_LOG)) rmSync(join(directory, name));
        for (const name of files(copy, OF_LOG)) cpSync(join(copy, name), join(directory, name));
      };
      const storage = changedStorage(change(replace));
      const compacting = await Wal.openIn(changedEnvironment({ storage }), directory, SMALL);
      await compacting
        .compact({ fold: lastData, retain: 1 })
        .catch(({ code }) => assert.equal(code, 'ERR_WAL_DIVERGED'));
      await compacting.close();
      assert.equal(replacements > 0, true);
      assert.deepEqual(files(directory, SNAPSHOT), []);
      const after = await Wal.open(directory, SMALL);
      assert.deepEqual(
        await seqsFrom(after),
        Array.from({ length: 33 }, (_, i) => i + 1),
      );
      assert.equal((await after.append(entry('bd-x', 34))).seq, 34);
      await after.close();
    });
  });
}
