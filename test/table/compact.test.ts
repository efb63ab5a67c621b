import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFileStore } from '../../src/file/open.ts';
import { SnapshotBodyMaker } from '../../src/format/snapshot-body.ts';
import { lastData, Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { realEnvironment } from '../../src/setup/environment.ts';
import { resolveOptions } from '../../src/setup/options.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { inScratch } from '../support/scratch.ts';
import {
  entry,
  files,
  fill,
  inLog,
  SEGMENT,
  SMALL,
  SNAPSHOT,
  seqsFrom,
  stateOf,
} from '../support/small-log.ts';

const FIRST_SEGMENT = '00000000000000000001.jsonl';

function diskUse(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

test('a compaction changes no state, with versions and revs, and the log goes on', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 100);
    const before = await stateOf(directory);
    const report = await wal.compact({ fold: lastData });
    assert.deepEqual([report.seq, report.made, report.ids], [100, true, 10]);
    assert.deepEqual(await stateOf(directory), before);
    assert.equal((await wal.append(entry('bd-1', 101))).seq, 101);
    await wal.close();
    const next = await Wal.open(directory, SMALL);
    assert.equal((await next.append(entry('bd-1', 102))).seq, 102);
    const item = (await next.table<{ n: number }>()).item('bd-1');
    assert.deepEqual([item?.rev, item?.version, item?.value.n], [102, 12, 102]);
    assert.equal((await next.verify()).ok, true);
    await next.close();
  }));

test('a snapshot is JSON lines that a person can read: what it stands for, then one line an id', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 30);
    await wal.append({ op: 'delete', id: 'bd-3' });
    await wal.compact({ fold: lastData });
    const [name] = files(directory, SNAPSHOT) as [string];
    assert.equal(name, 'snapshot-00000000000000000031.jsonl');
    const [header, ...lines] = readFileSync(join(directory, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [header.head.seq, header.fold, header.body.ids],
      [31, { name: 'last-data', version: 1 }, 9],
    );
    assert.equal(header.head.crc, (await wal.head()).crc);
    const items = lines.slice(0, 9);
    assert.deepEqual(
      items.map(({ id }) => id),
      [0, 1, 2, 4, 5, 6, 7, 8, 9].map((n) => `bd-${n}`),
    );
    assert.deepEqual(Object.keys(items[0]), ['id', 'rev', 'ts', 'value', 'version']);
    const [index, ...more] = lines.slice(9);
    assert.deepEqual([Object.keys(index), more.length], [['id', 'at', 'bytes', 'crc'], 0]);
  }));

test('what was compacted away is refused as records, and what was not is read', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 100);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.deepEqual(files(directory, SEGMENT), []);
    await fill(wal, 5, 101);
    for (const from of [undefined, 1, 50, 100])
      await assert.rejects(seqsFrom(wal, from), {
        code: 'ERR_WAL_COMPACTED',
        seq: 100,
        message: /Read from 101/,
      });
    assert.deepEqual(await seqsFrom(wal, 101), [101, 102, 103, 104, 105]);
    const cursor = { seq: 50, crc: '00000000' };
    await assert.rejects(
      async () => {
        for await (const _ of wal.follow({ from: cursor }));
      },
      { code: 'ERR_WAL_COMPACTED' },
    );
    const report = await wal.verify();
    assert.deepEqual([report.ok, report.entries, report.head.seq], [true, 5, 105]);
  }));

test('the snapshot before stays, with what leads from it to the new one, until the next compaction', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 50);
    await wal.compact({ fold: lastData });
    assert.deepEqual(
      await seqsFrom(wal, 1),
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await fill(wal, 50, 51);
    await wal.compact({ fold: lastData });
    assert.deepEqual(files(directory, SNAPSHOT).length, 2);
    assert.equal((await seqsFrom(wal, 51)).length, 50);
    await assert.rejects(seqsFrom(wal, 50), { code: 'ERR_WAL_COMPACTED' });
    const again = await wal.compact({ fold: lastData });
    assert.deepEqual([again.made, again.seq], [false, 100]);
  }));

test('a thousand create-delete cycles on one id leave next to nothing', () =>
  inLog('compact', async (wal, directory) => {
    const empty = diskUse(directory);
    for (let i = 0; i < 1000; i++) {
      wal.append({ op: 'add', id: 'bd-1', data: { text: 'x'.repeat(100) } });
      await wal.append({ op: 'delete', id: 'bd-1' });
    }
    assert.ok(diskUse(directory) > 100_000);
    await wal.compact({ fold: lastData, retain: 1 });
    const left = diskUse(directory) - empty;
    assert.ok(left < 2048, `${left} bytes more than an empty log`);
    assert.deepEqual(await stateOf(directory), []);
    assert.equal((await wal.append(entry('bd-1', 1))).seq, 2001);
  }));

test('idempotency keys are still known after what they stood on was compacted away', () =>
  inLog('compact', async (wal, directory) => {
    for (let n = 1; n <= 50; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.append(entry('bd-1', 51), { key: 'key-51' });
    await wal.compact({ fold: lastData, retain: 1 });
    const next = await Wal.open(directory, SMALL);
    for (const n of [1, 50, 51]) {
      const { seq, duplicate } = await next.append(entry('bd-1', n), { key: `key-${n}` });
      assert.deepEqual([seq, duplicate], [n, true]);
    }
    assert.deepEqual((await next.appendSync(entry('bd-1', 7), { key: 'key-7' })).seq, 7);
    await next.close();
  }));

test('what a crash and a sleeper left is ignored, and the next compaction takes it away; what may be in the making stays', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 50);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 5, 51);
    const before = await stateOf(directory);
    const left = [
      ['snapshot-00000000000000000007.jsonl.old.tmp', 'old'],
      ['00000000000000000007.jsonl.old.tmp', 'old'],
      ['snapshot-00000000000000000007.jsonl.new.tmp', 'new'],
      ['00000000000000000007.jsonl', 'new'],
      ['mine.old.tmp', 'old'],
    ].map(([name = '', age]) => ({ path: join(directory, name), age }));
    for (const { path, age } of left) {
      writeFileSync(path, '');
      if (age === 'old') utimesSync(path, 0, 0);
    }
    const next = await Wal.open(directory, SMALL);
    assert.equal((await next.append(entry('bd-5', 55))).seq, 56);
    await next.close();
    assert.equal((await stateOf(directory)).length, before.length);
    assert.equal((await wal.compact({ fold: lastData, retain: 1 })).seq, 56);
    assert.deepEqual(
      left.map(({ path }) => existsSync(path)),
      [false, false, true, false, true],
    );
    assert.equal((await wal.verify()).ok, true);
  }));

test('a snapshot of a head that is no seal of the log is refused, and nothing is deleted', () =>
  inScratch('compact', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 20);
    await wal.compact({ fold: lastData });
    await fill(wal, 3, 21);
    const [header] = readFileSync(join(directory, files(directory, SNAPSHOT)[0] as string), 'utf8').split(
      '\n',
    );
    const { id: log, location } = wal.info();
    const head = await wal.head();
    const seal = head.crc;
    await wal.close();
    const store = await openFileStore({
      ...realEnvironment,
      ...resolveOptions(SMALL),
      directory: location,
      observe: {},
      warn: () => {},
    });
    const before = files(directory, /./);
    const { created, latest, fold, keys } = JSON.parse(header as string);
    const body = new SnapshotBodyMaker().end(false);
    await assert.rejects(store.putSnapshot({ log, created, latest, fold, head, seal, keys, body }, []), {
      code: 'ERR_WAL_DIVERGED',
    });
    assert.deepEqual(files(directory, /./), before);
    await store.close();
  }));

test('a compaction that dies at any of its steps leaves a log that opens, and whose state is the same', async () => {
  /** Runs a compaction whose disk fails for good at the given step; says whether it got to its end. */
  async function dyingAt(step: number, directory: string): Promise<boolean> {
    let steps = 0;
    const dying = (act: () => unknown) => {
      if (++steps >= step) throw Object.assign(new Error('died'), { code: 'EIO' });
      return act();
    };
    const storage = changedStorage({
      open: (path, access, mode) => {
        if (access !== 'create') return nodeStorage.open(path, access, mode);
        const file = dying(() => nodeStorage.open(path, access, mode)) as ReturnType<typeof nodeStorage.open>;
        return Object.assign(Object.create(file), {
          append: (pieces: readonly Buffer[]) => dying(() => file.append(pieces)),
          sync: async () => dying(() => file.syncNow()),
          close: () => file.close(),
        });
      },
      rename: (from, to) => dying(() => nodeStorage.rename(from, to)),
      remove: (path) =>
        void (path.endsWith('.tmp')
          ? steps < step
            ? nodeStorage.remove(path)
            : 0
          : dying(() => nodeStorage.remove(path))),
      syncDirectory: (path) => dying(() => nodeStorage.syncDirectory(path)),
    });
    steps = -Infinity;
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, SMALL);
    await fill(wal, 3, 200);
    steps = 0;
    const ended = await wal.compact({ fold: lastData, retain: 1 }).then(
      () => true,
      () => false,
    );
    await wal.close();
    return ended;
  }

  let step = 1;
  for (let ended = false; !ended; step++) {
    await inLog(
      'compact-crash',
      async (wal, directory) => {
        await fill(wal, 60);
        await wal.compact({ fold: lastData });
        await fill(wal, 60, 61);
        await wal.close();
        ended = await dyingAt(step, directory);
        const state = await stateOf(directory);
        assert.deepEqual(
          state.map(({ version, id }) => [id, version]),
          Array.from({ length: 10 }, (_, i) => [`bd-${i}`, i < 3 ? 13 : 12]),
          `step ${step}`,
        );
        const reader = await Wal.open(directory, { readOnly: true });
        const oldest = await reader.oldest();
        assert.deepEqual(
          await seqsFrom(reader, oldest),
          Array.from({ length: 123 - oldest + 1 }, (_, i) => oldest + i),
          `step ${step}, from entry ${oldest}`,
        );
        await reader.close();
        const next = await Wal.open(directory, SMALL);
        assert.equal((await next.append(entry('bd-9', 999))).seq, 124);
        assert.equal((await next.compact({ fold: lastData, retain: 1 })).seq, 124);
        assert.equal((await next.verify()).ok, true);
        await next.close();
      },
      { ...SMALL, fold: lastData },
    );
  }
  assert.ok(step > 8, `only ${step} steps`);
});

test('an empty log, a log kept in git and one opened read-only are not compacted', async () => {
  await inLog('compact', async (wal, directory) => {
    assert.deepEqual(await wal.compact({ fold: lastData }), { seq: 0, made: false, ids: 0, bytes: 0 });
    const reader = await Wal.open(directory, { readOnly: true });
    await assert.rejects(reader.compact(), { code: 'ERR_WAL_READ_ONLY' });
    await reader.close();
    for (const options of [{ retain: 0 }, { retain: 1.5 }, { unknown: 1 }, null])
      await assert.rejects(wal.compact(options as object), { code: 'ERR_WAL_ARGUMENT' });
  });
  await inLog(
    'compact-git',
    async (wal) => {
      await fill(wal, 3);
      await assert.rejects(wal.compact({ fold: lastData }), { code: 'ERR_WAL_UNSUPPORTED' });
    },
    { git: true },
  );
});

test('a segment that a writer made who slept through a compaction is not where the log begins', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 5, 21);
    writeFileSync(join(directory, FIRST_SEGMENT), '');
    assert.equal(await wal.oldest(), 21);
    assert.deepEqual(await seqsFrom(wal, await wal.oldest()), [21, 22, 23, 24, 25]);
    const { ok, entries } = await wal.verify();
    assert.deepEqual([ok, entries], [true, 5]);
    const { seq } = await wal.backup(`${directory}-copy`);
    const restored = await Wal.restore(`${directory}-copy`, `${directory}-restored`);
    assert.deepEqual([seq, restored.applied], [25, 5]);
    for (const copy of ['copy', 'restored']) rmSync(`${directory}-${copy}`, { recursive: true });
  }));
