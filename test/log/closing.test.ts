import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedFile, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { inScratch } from '../support/scratch.ts';
import { entry } from '../support/small-log.ts';

/** More than two of the pieces that a log is read in. */
const RECORDS = 2500;
const isClosed = { code: 'ERR_WAL_CLOSED' };

/** A disk that counts what is open of it: files, and watches of directories. */
function countingDisk() {
  const disk = { open: 0, storage: nodeStorage, syncBegins: () => {} };
  disk.storage = changedStorage({
    open: (path, access, mode) => {
      const file = nodeStorage.open(path, access, mode);
      disk.open++;
      let syncs = 0;
      let closing = false;
      const end = () => {
        if (!closing || syncs > 0) return;
        file.close();
        disk.open--;
      };
      return changedFile(file, {
        sync: async () => {
          syncs++;
          disk.syncBegins();
          await new Promise(setImmediate);
          await file.sync();
          syncs--;
          end();
        },
        close: () => {
          closing = true;
          end();
        },
      });
    },
    watch: (...args) => {
      const watch = nodeStorage.watch(...args);
      disk.open++;
      const close = () => {
        watch.close();
        disk.open--;
      };
      return { ...watch, close };
    },
  });
  return disk;
}

type Disk = ReturnType<typeof countingDisk>;

const OPTIONS = { durability: 'os', segmentBytes: 2 ** 30 } as const;

async function fill(directory: string): Promise<void> {
  const filler = await Wal.open(directory, OPTIONS);
  await Promise.all(Array.from({ length: RECORDS }, (_, n) => filler.append(entry(`bd-${n}`, n))));
  await filler.close();
}

/** Runs it with a log of some length, all of whose files are counted. */
async function inCounted(
  body: (wal: Wal, disk: Disk, directory: string) => Promise<void>,
  options: WalOptions = {},
): Promise<void> {
  await inScratch('closing', async (directory) => {
    await fill(directory);
    const disk = countingDisk();
    const wal = await Wal.openIn(changedEnvironment({ storage: disk.storage }), directory, options);
    try {
      await body(wal, disk, directory);
    } finally {
      await wal.close();
    }
  });
}

for (const readOnly of [false, true]) {
  const how = readOnly ? ', opened read-only' : '';
  test(`close lets go of the file of a follow or a read that is paused in its body${how}`, () =>
    inCounted(
      async (wal, disk) => {
        const follows = [wal.follow(), wal.follow({ durable: true, from: 100 })];
        const reads = [wal.read(), wal.read({ from: 100 })];
        for (const each of [...follows, ...reads]) assert.equal((await each.next()).done, false);
        const [late, lateRead] = [wal.follow(), wal.read()];
        await wal.close();
        assert.equal(disk.open, 0);
        for (const each of [...follows, late])
          assert.deepEqual(await each.next(), { done: true, value: undefined });
        for (const each of [...reads, lateRead])
          await assert.rejects(async () => {
            for await (const _ of each);
          }, isClosed);
        assert.equal(disk.open, 0);
      },
      { readOnly },
    ));
}

for (const [what, begin] of Object.entries({
  head: async (wal) => Array.from({ length: 5 }, () => wal.head()),
  verify: async (wal) => [wal.verify().then(({ ok }) => assert.ok(ok))],
  table: async (wal) => [wal.table()],
  stateAt: async (wal) => [wal.stateAt(RECORDS)],
  'a refresh': async (wal, directory) => {
    const table = await wal.table();
    await fill(directory);
    return [table.refresh().then((seq) => assert.equal(seq, 2 * RECORDS))];
  },
  'a watch': async (wal, directory) => {
    const table = await wal.table();
    const watch = table.watch();
    await fill(directory);
    return [watch.next()];
  },
  'a durable follow': async (wal, _directory, disk) => {
    const syncs = new Promise<void>((resolve) => {
      disk.syncBegins = resolve;
    });
    const follow = (async () => {
      for await (const _ of wal.follow({ durable: true, from: RECORDS }));
    })();
    await syncs;
    return [follow];
  },
} as Record<string, (wal: Wal, directory: string, disk: Disk) => Promise<Promise<unknown>[]>>)) {
  test(`close waits for ${what} that is at work, and no file is open after it`, () =>
    inCounted(
      async (wal, disk, directory) => {
        const calls = await begin(wal, directory, disk);
        await wal.close();
        assert.equal(disk.open, 0);
        await Promise.all(calls);
        for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
        assert.equal(disk.open, 0);
      },
      { readOnly: true },
    ));
}

test('a follow whose body closes the Wal ends', () =>
  inCounted(async (wal, disk) => {
    let seen = 0;
    for await (const _ of wal.follow()) {
      seen++;
      await wal.close();
      assert.equal(disk.open, 0);
    }
    assert.equal(seen, 1);
  }));
