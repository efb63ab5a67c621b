import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Clock, systemClock } from '../../src/clock/clock.ts';
import { openFileStore } from '../../src/file/open.ts';
import { segmentName, snapshotName, temporaryName } from '../../src/format/names.ts';
import { lastData, Wal } from '../../src/index.ts';
import { changedEnvironment, changedFile, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { resolveOptions } from '../../src/setup/options.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage } from '../../src/storage/storage.ts';
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

test('a writer and a table that slept through compactions go on; the table loads the snapshot silently', () =>
  inLog('compact', async (sleeper, directory) => {
    await fill(sleeper, 30);
    const table = await sleeper.table<{ n: number }>();
    const other = await Wal.open(directory, SMALL);
    for (let round = 0; round < 3; round++) {
      await fill(other, 40, 31 + 40 * round);
      await other.compact({ fold: lastData, retain: 1 });
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
    await other.compact({ fold: lastData, retain: 1 });
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

test('who slept until only a later, damaged snapshot stands for what came gives no number again', () =>
  inLog('compact', async (sleeper, directory) => {
    await fill(sleeper, 5);
    const other = await Wal.open(directory, SMALL);
    await other.compact({ fold: lastData, retain: 1 });
    await fill(other, 5, 6);
    await other.compact({ fold: lastData, retain: 1 });
    await other.close();
    const [snapshot] = files(directory, SNAPSHOT) as [string];
    writeFileSync(join(directory, snapshot), 'no snapshot');
    const refused = { code: 'ERR_WAL_CORRUPT', outcome: 'not-written' };
    await assert.rejects(sleeper.append(entry('bd-1', 11)), refused);
    assert.throws(() => sleeper.appendSync(entry('bd-1', 11)), refused);
    assert.deepEqual(files(directory, SEGMENT), []);
  }));

test('two compactions at once harm nothing, while a third process writes', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 60);
    const others = await Promise.all([1, 2].map(() => Wal.open(directory, SMALL)));
    const compacting = others.map(async (other) => {
      for (let i = 0; i < 5; i++) await other.compact({ fold: lastData, retain: 1 });
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
      const { made } = await wal.compact({ fold: lastData });
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
      const compaction = wal.compact({ fold: lastData });
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
    while (appending) if ((await wal.compact({ fold: lastData, retain: 1 })).made) made++;
    await filling;
    const state = await stateOf(directory);
    assert.deepEqual(
      state.map(({ version }) => version),
      Array(10).fill(30 * rounds),
    );
    assert.equal((await wal.verify()).ok, true);
  }));

test('a snapshot whose segments another compaction takes away between the listing and the reading of them gives way to that one', () =>
  inScratch('compact', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await fill(wal, 20);
    await wal.compact({ fold: lastData });
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
      ...changedEnvironment({ storage: changedStorage({ list }) }),
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

test('closing a Wal waits for its compactions, its backups and the tables that are being loaded', async () => {
  await inScratch('compact', async (directory) => {
    const log = join(directory, 'log');
    const wal = await Wal.open(log, { durability: 'os', fold: lastData });
    const entries = Array.from({ length: 30_000 }, (_, i) => ({
      op: 'set',
      id: `bd-${i}`,
      data: 'x'.repeat(100),
    }));
    await wal.appendBatch(entries);
    await wal.compact({ fold: lastData });
    await wal.append({ op: 'set', id: 'bd-0' });
    const works = [
      wal.compact({ fold: lastData, retain: 1 }).then(({ ids }) => ids),
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

test('verify begins anew where a compaction takes away what it was to read next', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 40);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 200, 41);
    let yields = 0;
    const clock: Clock = {
      ...systemClock,
      yield: async () => {
        if (++yields !== 3) return;
        await wal.compact({ fold: lastData, retain: 1 });
        await fill(wal, 10, 241);
      },
    };
    const reader = await Wal.openIn(changedEnvironment({ clock }), directory, { readOnly: true });
    const { ok, error, entries, head } = await reader.verify();
    assert.deepEqual([ok, error, entries, head.seq], [true, undefined, 10, 250]);
    await reader.close();
  }));

test('other work goes on between the blocks of a snapshot that is checked, or whose keys are read', () =>
  inLog('compact', async (wal, directory) => {
    const keyOf = (n: number) => `${n}${'k'.repeat(100)}`;
    const appends = Array.from({ length: 600 }, (_, n) => wal.append(entry(`bd-${n}`, n), { key: keyOf(n) }));
    await Promise.all(appends);
    await wal.compact({ fold: lastData, retain: 1 });
    let reads = 0;
    let sinceYield = 0;
    let most = 0;
    const open: Storage['open'] = (path, access, as) => {
      const file = nodeStorage.open(path, access, as);
      const read = (_: unknown, target: Buffer, position: number) => {
        reads++;
        most = Math.max(most, ++sinceYield);
        return file.read(target, position);
      };
      return path.includes('snapshot-') ? changedFile(file, { read }) : file;
    };
    const clock: Clock = {
      ...systemClock,
      yield: () => {
        sinceYield = 0;
        return systemClock.yield();
      },
    };
    const environment = changedEnvironment({ clock, storage: changedStorage({ open }) });
    const other = await Wal.openIn(environment, directory, SMALL);
    for (const work of [
      () => other.compact({ fold: lastData, retain: 1 }),
      () => other.append(entry('bd-1', 1), { key: keyOf(1) }),
    ]) {
      [reads, sinceYield, most] = [0, 0, 0];
      await work();
      // The first line, the index, and a block.
      assert.deepEqual([reads > 8, most <= 5], [true, true]);
    }
    await other.close();
  }));

/** Compacts, and runs `meanwhile` with the path of the temporary file once all is written there. */
async function compactWith(directory: string, meanwhile: (temporary: string) => Promise<void>) {
  const temporaries: string[] = [];
  const open: Storage['open'] = (path, access, mode) => {
    const file = nodeStorage.open(path, access, mode);
    if (access !== 'create' || !path.includes('snapshot-')) return file;
    temporaries.push(path);
    const sync = async () => {
      await file.sync();
      if (temporaries.length === 1) await meanwhile(path);
    };
    return changedFile(file, { sync });
  };
  const wal = await Wal.openIn(changedEnvironment({ storage: changedStorage({ open }) }), directory, SMALL);
  const report = await wal.compact({ fold: lastData, retain: 1 });
  await wal.close();
  return { report, temporaries };
}

const HOURS = 7_200_000;
const ahead: Clock = {
  ...systemClock,
  now: () => systemClock.now() + HOURS,
  machineNow: () => systemClock.machineNow() + HOURS,
};

test('a compactor whose clock is ahead leaves another’s temporary file alone, and takes away one whose maker is gone', () =>
  inLog('compact', async (first, directory) => {
    await fill(first, 50);
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const nameOf = (name: string, maker = nodeStorage.maker) =>
      temporaryName(join(directory, name), { ...maker, pid: gone }, 'abc');
    const left = [nameOf(snapshotName(1)), nameOf(segmentName(1))];
    const others = [
      nameOf(snapshotName(1), { host: 'other', pid: gone }),
      join(directory, 'snapshot-notes.tmp'),
    ];
    for (const path of [...left, ...others]) writeFileSync(path, '');
    const { report, temporaries } = await compactWith(directory, async (temporary) => {
      const other = await Wal.openIn(changedEnvironment({ clock: ahead }), directory, SMALL);
      await fill(other, 20);
      assert.equal((await other.compact({ fold: lastData, retain: 1 })).made, true);
      await other.close();
      assert.deepEqual(
        [temporary, ...others, ...left].filter((path) => existsSync(path)),
        [temporary, ...others],
      );
    });
    assert.equal(report.seq, 70);
    assert.ok(temporaries.every((path) => !existsSync(path)));
    assert.ok((await first.verify()).ok);
  }));

test('a snapshot whose temporary file was taken away is made again', () =>
  inLog('compact', async (first, directory) => {
    await fill(first, 50);
    const before = await stateOf(directory);
    const { report, temporaries } = await compactWith(directory, async (temporary) => rmSync(temporary));
    assert.deepEqual([report.seq, report.made, temporaries.length], [50, true, 2]);
    assert.deepEqual(await stateOf(directory), before);
  }));

test('a listing that shows half of a compaction is not taken for missing segments: it is made once more', () =>
  inLog('compact', async (wal, directory) => {
    await fill(wal, 20);
    await wal.compact({ fold: lastData, retain: 1 });
    const older = files(directory, SNAPSHOT);
    await fill(wal, 40, 21);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 3, 61);
    let halves = 0;
    const list = (path: string) => {
      const names = nodeStorage.list(path);
      // The segments are gone, and the snapshot that stands for them is not seen yet.
      return halves-- > 0 ? [...names.filter((name) => !SNAPSHOT.test(name)), ...older] : names;
    };
    const reader = await Wal.openIn(changedEnvironment({ storage: changedStorage({ list }) }), directory, {
      readOnly: true,
    });
    try {
      halves = 1;
      await assert.rejects(seqsFrom(reader, 21), { code: 'ERR_WAL_COMPACTED', seq: 60 });
      halves = 1;
      assert.equal((await reader.head()).seq, 63);
    } finally {
      await reader.close();
    }
  }));
