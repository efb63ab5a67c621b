import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFileStore } from '../src/file/open.ts';
import { SnapshotBodyMaker } from '../src/format/snapshot-body.ts';
import { type Fold, Wal, type WalOptions } from '../src/index.ts';
import { inScratch } from '../src/lab/scratch.ts';
import { changedStorage, changedSurroundings } from '../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../src/storage/node.ts';
import type { StorageFile } from '../src/storage/storage.ts';
import { resolveOptions } from '../src/wal/options.ts';
import { realSurroundings } from '../src/wal/surroundings.ts';

const SMALL = { segmentBytes: 4096 } as const;
const entry = (id: string, n: number) => ({ op: 'update', id, data: { n, text: 'x'.repeat(200) } });

/** Appends `count` updates to ten ids, the numbers going on from `from`. */
async function fill(wal: Wal, count: number, from = 1): Promise<void> {
  for (let n = from; n < from + count; n++) await wal.append(entry(`bd-${n % 10}`, n));
}

const files = (directory: string, pattern: RegExp) =>
  readdirSync(directory)
    .filter((name) => pattern.test(name))
    .sort();
const SEGMENT = /^[0-9]{20}\.jsonl$/;
const FIRST_SEGMENT = '00000000000000000001.jsonl';
const SNAPSHOT = /^snapshot-[0-9]{20}\.jsonl$/;

function diskUse(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

/** The state as a new reader has it. */
async function stateOf(directory: string) {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const table = await wal.table<{ n: number }>();
    return table.list().map(({ id, rev, version, value }) => ({ id, rev, version, n: value.n }));
  } finally {
    await wal.close();
  }
}

async function seqsFrom(wal: Wal, from?: number): Promise<number[]> {
  const seqs = [];
  for await (const { seq } of wal.read(from === undefined ? {} : { from })) seqs.push(seq);
  return seqs;
}

async function inLog(
  name: string,
  body: (wal: Wal, directory: string) => Promise<void>,
  options: WalOptions = SMALL,
): Promise<void> {
  await inScratch(name, async (directory) => {
    const wal = await Wal.open(directory, options);
    try {
      await body(wal, directory);
    } finally {
      await wal.close();
    }
  });
}

test('a compaction changes no state, with versions and revs, and the log goes on', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 100);
    const before = await stateOf(directory);
    const report = await wal.compact();
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
    await wal.compact();
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
    await wal.compact({ retain: 1 });
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
    await wal.compact();
    assert.deepEqual(
      await seqsFrom(wal, 1),
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await fill(wal, 50, 51);
    await wal.compact();
    assert.deepEqual(files(directory, SNAPSHOT).length, 2);
    assert.equal((await seqsFrom(wal, 51)).length, 50);
    await assert.rejects(seqsFrom(wal, 50), { code: 'ERR_WAL_COMPACTED' });
    const again = await wal.compact();
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
    await wal.compact({ retain: 1 });
    const left = diskUse(directory) - empty;
    assert.ok(left < 2048, `${left} bytes more than an empty log`);
    assert.deepEqual(await stateOf(directory), []);
    assert.equal((await wal.append(entry('bd-1', 1))).seq, 2001);
  }));

test('idempotency keys are still known after what they stood on was compacted away', () =>
  inLog('compact', async (wal, directory) => {
    for (let n = 1; n <= 50; n++) await wal.append(entry('bd-1', n), { key: `key-${n}` });
    await wal.compact({ retain: 1 });
    await wal.append(entry('bd-1', 51), { key: 'key-51' });
    await wal.compact({ retain: 1 });
    const next = await Wal.open(directory, SMALL);
    for (const n of [1, 50, 51]) {
      const { seq, duplicate } = await next.append(entry('bd-1', 99), { key: `key-${n}` });
      assert.deepEqual([seq, duplicate], [n, true]);
    }
    assert.deepEqual((await next.appendSync(entry('bd-1', 99), { key: 'key-7' })).seq, 7);
    await next.close();
  }));

test('a writer and a table that slept through compactions go on; the table loads the snapshot silently', () =>
  inLog('compact', async (sleeper, directory) => {
    await fill(sleeper, 30);
    const table = await sleeper.table<{ n: number }>();
    const other = await Wal.open(directory, SMALL);
    for (let round = 0; round < 3; round++) {
      await fill(other, 40, 31 + 40 * round);
      await other.compact({ retain: 1 });
    }
    assert.equal(table.item('bd-1')?.rev, 21);
    assert.equal((await sleeper.append(entry('bd-1', 151))).seq, 151);
    await table.refresh();
    assert.deepEqual([table.item('bd-1')?.rev, table.item('bd-1')?.version], [151, 16]);
    assert.equal(sleeper.stats().replacements, 0);
    assert.equal((await sleeper.append(entry('bd-2', 152))).seq, 152);
    await other.close();
  }));

test('who slept through a compaction after which nobody has gone on, reads to the seal, and has nothing to load', () =>
  inLog('compact', async (sleeper, directory) => {
    await fill(sleeper, 5);
    const table = await sleeper.table<{ n: number }>();
    const changes = table.watch();
    const other = await Wal.open(directory, SMALL);
    await fill(other, 1, 6);
    await other.compact({ retain: 1 });
    assert.deepEqual(files(directory, SEGMENT), []);
    assert.equal((await sleeper.head()).seq, 6);
    assert.equal(await table.refresh(), 6);
    assert.equal((await sleeper.append(entry('bd-7', 7))).seq, 7);
    const seen = [await changes.next(), await changes.next()].map(({ value }) => value);
    assert.deepEqual(
      seen.map((change) => change && [change.seq, change.op]),
      [
        [6, 'update'],
        [7, 'update'],
      ],
    );
    assert.equal(sleeper.stats().replacements, 0);
    await other.close();
  }));

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

test('what a crash and a sleeper left is ignored, and the next compaction takes it away; what may be in the making stays', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 50);
    await wal.compact({ retain: 1 });
    await fill(wal, 5, 51);
    const before = await stateOf(directory);
    const [old, fresh, sleeper] = [
      'snapshot-1.old.tmp',
      'snapshot-1.new.tmp',
      '00000000000000000007.jsonl',
    ].map((name) => join(directory, name)) as [string, string, string];
    for (const path of [old, fresh, sleeper]) writeFileSync(path, '');
    utimesSync(old, 0, 0);
    const next = await Wal.open(directory, SMALL);
    assert.equal((await next.append(entry('bd-5', 55))).seq, 56);
    await next.close();
    assert.equal((await stateOf(directory)).length, before.length);
    assert.equal((await wal.compact({ retain: 1 })).seq, 56);
    assert.deepEqual(
      [old, fresh, sleeper].map((path) => existsSync(path)),
      [false, true, false],
    );
    assert.equal((await wal.verify()).ok, true);
  }));

test('two compactions at once harm nothing, while a third process writes', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 60);
    const others = await Promise.all([1, 2].map(() => Wal.open(directory, SMALL)));
    const compacting = others.map(async (other) => {
      for (let i = 0; i < 5; i++) await other.compact({ retain: 1 });
    });
    await Promise.all([...compacting, fill(wal, 100, 61)]);
    for (const other of others) await other.close();
    const state = await stateOf(directory);
    assert.deepEqual(
      state.map(({ version }) => version),
      Array(10).fill(16),
    );
    assert.equal((await wal.verify()).ok, true);
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

test('a compaction ends however much its own Wal appends meanwhile, in a segment that is nowhere near full', () =>
  inLog(
    'compact',
    async (wal) => {
      const MOST = 20_000;
      let appended = 0;
      let compacted = false;
      await wal.append(entry('bd-0', 0));
      const loops = Array.from({ length: 8 }, async (_, i) => {
        for (; !compacted && appended < MOST; appended++) await wal.append(entry(`bd-${i}`, appended));
      });
      const { made } = await wal.compact();
      compacted = true;
      await Promise.all(loops);
      assert.equal(made, true);
      assert.ok(appended < MOST, `the compaction waited for all ${appended} appends`);
    },
    { durability: 'os', segmentBytes: 2 ** 30 },
  ));

test('lines that are appended in one stretch while a compaction waits to seal do not get a segment each', () =>
  inLog(
    'compact',
    async (wal, directory) => {
      await wal.append(entry('bd-0', 0));
      const compaction = wal.compact();
      for (let n = 1; n <= 20; n++) wal.appendSync(entry('bd-1', n));
      await compaction;
      await wal.append(entry('bd-0', 21));
      assert.equal(files(directory, SEGMENT).length, 2);
    },
    { durability: 'os' },
  ));

test('a Wal that appends while it compacts itself loses none of what it was told is there', () =>
  inLog('compact', async (wal, directory) => {
    let appending = true;
    let made = 0;
    let rounds = 0;
    const filling = (async () => {
      for (; made <= 3 || rounds === 0; rounds++) await Promise.all([fill(wal, 150), fill(wal, 150)]);
    })().finally(() => {
      appending = false;
    });
    while (appending) if ((await wal.compact({ retain: 1 })).made) made++;
    await filling;
    const state = await stateOf(directory);
    assert.deepEqual(
      state.map(({ version }) => version),
      Array(10).fill(30 * rounds),
    );
    assert.equal((await wal.verify()).ok, true);
  }));

test('a snapshot of a head that is no seal of the log is refused, and nothing is deleted', () =>
  inScratch('compact', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 20);
    await wal.compact();
    await fill(wal, 3, 21);
    const [header] = readFileSync(join(directory, files(directory, SNAPSHOT)[0] as string), 'utf8').split(
      '\n',
    );
    const { id: log, location } = wal.info();
    const head = await wal.head();
    await wal.close();
    const store = await openFileStore({
      ...realSurroundings,
      ...resolveOptions(SMALL),
      directory: location,
      observe: {},
      warn: () => {},
    });
    const before = files(directory, /./);
    const { created, fold } = JSON.parse(header as string);
    const body = new SnapshotBodyMaker().end(false);
    await assert.rejects(store.putSnapshot({ log, created, fold, head, body }, []), {
      code: 'ERR_WAL_DIVERGED',
    });
    assert.deepEqual(files(directory, /./), before);
    await store.close();
  }));

test('a snapshot whose segments another compaction takes away between the listing and the reading of them gives way to that one', () =>
  inScratch('compact', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 20);
    await wal.compact();
    const { location } = wal.info();
    await wal.close();
    const snapshot = join(directory, files(directory, SNAPSHOT)[0] as string);
    const header = JSON.parse(readFileSync(snapshot, 'utf8').split('\n')[0] as string);
    renameSync(snapshot, `${snapshot}.away`);
    let compacted = true;
    const list = (path: string) => {
      const names = nodeStorage.list(path);
      if (!compacted) {
        compacted = true;
        renameSync(`${snapshot}.away`, snapshot);
        for (const name of files(directory, SEGMENT)) rmSync(join(directory, name));
      }
      return names;
    };
    const store = await openFileStore({
      ...changedSurroundings({ storage: changedStorage({ list }) }),
      ...resolveOptions(SMALL),
      directory: location,
      observe: {},
      warn: () => {},
    });
    compacted = false;
    await assert.rejects(store.putSnapshot(header, []), { code: 'ERR_WAL_COMPACTED', seq: 20 });
    assert.equal(compacted, true);
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
    const wal = await Wal.openIn(changedSurroundings({ storage }), directory, SMALL);
    await fill(wal, 3, 200);
    steps = 0;
    const ended = await wal.compact({ retain: 1 }).then(
      () => true,
      () => false,
    );
    await wal.close();
    return ended;
  }

  let step = 1;
  for (let ended = false; !ended; step++) {
    await inLog('compact-crash', async (wal, directory) => {
      await fill(wal, 60);
      await wal.compact();
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
      assert.equal((await next.compact({ retain: 1 })).seq, 124);
      assert.equal((await next.verify()).ok, true);
      await next.close();
    });
  }
  assert.ok(step > 8, `only ${step} steps`);
});

const summing: Fold<number> = {
  name: 'sum',
  version: 1,
  apply: (sum = 0, { data }) => sum + (data as { n: number }).n,
};

test('a log compacted with one fold is refused to another, and stays as it is', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: summing, retain: 1 });
    const before = files(directory, /./);
    await fill(wal, 1, 21);
    await assert.rejects(wal.compact(), { code: 'ERR_WAL_FOLD' });
    await assert.rejects(wal.table(), { code: 'ERR_WAL_FOLD' });
    assert.equal((await wal.table({ fold: summing })).get('bd-1'), 1 + 11 + 21);
    for (const name of before) assert.ok(readdirSync(directory).includes(name), name);
  }));

test('another fold is refused to compact a log though all its entries are there, and though nothing is new', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: { ...summing, version: 2 } });
    const before = files(directory, /./);
    for (const more of [0, 1]) {
      await fill(wal, more);
      for (const fold of [undefined, summing])
        await assert.rejects(wal.compact({ fold, retain: 1 }), { code: 'ERR_WAL_FOLD', seq: 20 });
      for (const name of before) assert.ok(readdirSync(directory).includes(name), name);
    }
  }));

test('a later version of a fold makes its own snapshot, also where nothing is new, and deletes nothing until it has another', () =>
  inLog('compact', async (wal, directory) => {
    const later = { ...summing, version: 2 };
    await fill(wal, 20);
    await wal.compact({ fold: summing });
    await fill(wal, 20, 21);
    await wal.compact({ fold: summing, retain: Number.POSITIVE_INFINITY });
    for (const made of [true, false]) {
      const report = await wal.compact({ fold: later });
      assert.deepEqual([report.seq, report.made], [40, made]);
      assert.equal((await seqsFrom(wal)).length, 40);
    }
    await fill(wal, 20, 41);
    await wal.compact({ fold: later });
    assert.equal((await wal.table({ fold: later })).get('bd-1'), 1 + 11 + 21 + 31 + 41 + 51);
    assert.deepEqual(await wal.oldest(), 41);
    assert.equal(files(directory, SNAPSHOT).length, 2);
    await assert.rejects(wal.compact({ fold: { ...later, version: 3 } }), { code: 'ERR_WAL_FOLD' });
  }));

test('a fold that throws, or makes what JSON has no form for, leaves the log as it is', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    const broken: Fold[] = [
      {
        name: 'throws',
        version: 1,
        apply: () => {
          throw new Error('no');
        },
      },
      { name: 'bigint', version: 1, apply: () => 1n },
    ];
    for (const fold of broken)
      await assert.rejects(wal.compact({ fold }), { code: 'ERR_WAL_FOLD' }, fold.name);
    assert.deepEqual(files(directory, SNAPSHOT), []);
    assert.deepEqual(files(directory, /tmp$/), []);
    assert.equal((await seqsFrom(wal)).length, 20);
  }));

test('an empty log, a log kept in git and one opened read-only are not compacted', async () => {
  await inLog('compact', async (wal, directory) => {
    assert.deepEqual(await wal.compact(), { seq: 0, made: false, ids: 0, bytes: 0 });
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
      await assert.rejects(wal.compact(), { code: 'ERR_WAL_UNSUPPORTED' });
    },
    { git: true },
  );
});

test('a segment that a writer made who slept through a compaction is not where the log begins', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ retain: 1 });
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

test('an append whose segment was compacted away before its acknowledgement, and the name made anew, is in the state once', async () => {
  await inScratch('compact', async (directory) => {
    const other = await Wal.open(directory, { ...SMALL, lock: 'none' });
    let meanwhile: (() => Promise<void>) | undefined;
    const sync = async (file: StorageFile) => {
      await file.sync();
      const work = meanwhile;
      meanwhile = undefined;
      await work?.();
    };
    const surroundings = changedSurroundings({ storage: changedStorage({}, { sync }) });
    const wal = await Wal.openIn(surroundings, directory, { ...SMALL, lock: 'none' });
    await fill(wal, 5);
    meanwhile = async () => {
      for (const n of [7, 8]) {
        await other.compact({ retain: 1 });
        await other.append(entry('bd-other', n));
      }
      assert.equal(existsSync(join(directory, FIRST_SEGMENT)), false);
      writeFileSync(join(directory, FIRST_SEGMENT), '');
    };
    // Two, so that the sync is not a blocking one.
    const both = await Promise.all([wal.append(entry('bd-6', 6)), wal.append(entry('bd-6', 6))]);
    assert.equal(meanwhile, undefined);
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
      let replace: (() => void) | undefined;
      const sync = async (file: StorageFile) => {
        await file.sync();
        replace?.();
        replace = undefined;
      };
      const surroundings = changedSurroundings({ storage: changedStorage({}, { sync }) });
      const wal = await Wal.openIn(surroundings, directory, SMALL);
      await fill(wal, 5);
      cpSync(directory, copy, { recursive: true });
      const there = await Wal.open(copy, SMALL);
      await fill(there, 30, 6);
      if (compacted) await there.compact({ retain: 1 });
      await there.close();
      // What a checkout puts there is the same log, further on, in other files.
      replace = () => {
        rmSync(join(directory, FIRST_SEGMENT));
        for (const name of files(copy, /-?[0-9]{20}.jsonl$/)) cpSync(join(copy, name), join(directory, name));
      };
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

test('an append whose log was replaced by one that was compacted at the same number is told as unknown, and the Wal goes on', async () => {
  await inScratch('compact', async (scratch) => {
    const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')];
    let meanwhile: (() => Promise<void>) | undefined;
    const sync = async (file: StorageFile) => {
      await file.sync();
      const work = meanwhile;
      meanwhile = undefined;
      await work?.();
    };
    const surroundings = changedSurroundings({ storage: changedStorage({}, { sync }) });
    const wal = await Wal.openIn(surroundings, directory, { ...SMALL, lock: 'none' });
    await fill(wal, 5);
    cpSync(directory, copy, { recursive: true });
    const there = await Wal.open(copy, SMALL);
    await fill(there, 2, 6);
    await there.compact();
    await fill(there, 1, 8);
    await there.close();
    const other = await Wal.open(directory, { ...SMALL, lock: 'none' });
    meanwhile = async () => {
      await other.compact();
      putInPlace(directory, copy);
    };
    const two = await Promise.allSettled([6, 7].map((n) => wal.append(entry('bd-mine', n))));
    for (const { status, reason } of two as PromiseRejectedResult[])
      assert.deepEqual([status, reason?.code, reason?.outcome], ['rejected', 'ERR_WAL_DIVERGED', 'unknown']);
    assert.equal((await wal.append(entry('bd-mine', 9))).seq, 9);
    await Promise.all([wal.close(), other.close()]);
  });
});

test('an append whose log is replaced, and put back once it was appended again, is told as unknown where the first is not read', async () => {
  await inScratch('compact', async (scratch) => {
    const [directory, before, after] = ['log', 'before', 'after'].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    const steps: (() => Promise<void>)[] = [];
    const sync = async (file: StorageFile) => {
      await file.sync();
      await steps.shift()?.();
    };
    const surroundings = changedSurroundings({ storage: changedStorage({}, { sync }) });
    const options = { lock: 'none' } as const;
    const wal = await Wal.openIn(surroundings, directory, options);
    await fill(wal, 5);
    cpSync(directory, after, { recursive: true });
    const there = await Wal.open(after, options);
    await fill(there, 10, 6);
    await there.close();
    const other = await Wal.open(directory, options);
    steps.push(
      async () => {
        await other.compact();
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
    await there.compact();
    await fill(there, 1, 4);
    await there.close();
    await fill(wal, 4, 4);
    const { seq } = await wal.compact();
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

test('closing a Wal waits for its compactions, its backups and the tables that are being loaded', async () => {
  await inScratch('compact', async (directory) => {
    const log = join(directory, 'log');
    const wal = await Wal.open(log, { durability: 'os' });
    const entries = Array.from({ length: 30_000 }, (_, i) => ({
      op: 'set',
      id: `bd-${i}`,
      data: 'x'.repeat(100),
    }));
    await wal.appendBatch(entries);
    await wal.compact();
    await wal.append({ op: 'set', id: 'bd-0' });
    const works = [
      wal.compact({ retain: 1 }).then(({ ids }) => ids),
      wal.backup(join(directory, 'copy')).then(({ seq }) => seq),
      wal.stateAt(30_000).then(({ items }) => items.length),
      wal.table().then(() => 'loaded'),
    ];
    let ended = 0;
    for (const work of works) void work.then(() => ended++);
    await wal.close();
    assert.equal(ended, 4);
    assert.deepEqual(await Promise.all(works), [30_000, 30_001, 30_000, 'loaded']);
  });
});

test('an append that expects a rev of a log compacted with another fold is refused, and says that it wrote nothing', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: { name: 'other', version: 1, apply: () => 1 }, retain: 1 });
    const other = await Wal.open(directory, SMALL);
    await assert.rejects(other.append(entry('bd-1', 1), { expect: { rev: 1 } }), {
      code: 'ERR_WAL_FOLD',
      outcome: 'not-written',
    });
    await other.close();
  }));
