import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { lastData, Wal } from '../../src/index.ts';
import {
  changedEnvironment,
  changedFile,
  changedStorage,
  systemError,
} from '../../src/lab/wrapped-storage.ts';
import { failedSyncIn, markFailedSync, repairFailedSync } from '../../src/layout/failed-sync.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';
import { openChanged } from '../support/small-log.ts';

const add = (id: string) => ({ op: 'add', id });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const SEGMENT = '00000000000000000001.jsonl';

for (const blocking of [false, true]) {
  test(`a failed sync (${blocking ? 'appendSync' : 'append'}): outcome unknown, the Wal latches, and the next opener writes the segment over before it builds on it`, async () => {
    await inScratch('faults', async (directory) => {
      let failing = false;
      const fail = () => {
        if (failing) throw systemError('EIO');
      };
      const wal = await openChanged(directory, {
        sync: async (file) => {
          fail();
          await file.sync();
        },
        syncNow: (file) => {
          fail();
          file.syncNow();
        },
      });
      await wal.append(add('bd-0'));
      failing = true;
      const unknown = { code: 'ERR_WAL_SYNC', outcome: 'unknown' };
      if (blocking) assert.throws(() => wal.appendSync(add('bd-1')), unknown);
      else await Promise.all(['bd-1', 'bd-2'].map((id) => assert.rejects(wal.append(add(id)), unknown)));
      failing = false;
      await assert.rejects(wal.append(add('bd-x')), { code: 'ERR_WAL_LATCHED', outcome: 'not-written' });
      assert.throws(() => wal.appendSync(add('bd-x')), { code: 'ERR_WAL_LATCHED' });
      await wal.close();

      const path = join(directory, SEGMENT);
      const before = { inode: statSync(path).ino, bytes: readFileSync(path) };
      assert.deepEqual(JSON.parse(readFileSync(join(directory, 'wal.failed-sync'), 'utf8')), {
        segment: SEGMENT,
        seq: 1,
      });
      await (await Wal.open(directory, { readOnly: true })).close();
      assert.equal(existsSync(join(directory, 'wal.failed-sync')), true, 'a reader has nothing to heal');

      const next = await Wal.open(directory);
      assert.equal(statSync(path).ino, before.inode);
      assert.deepEqual(readFileSync(path), before.bytes);
      assert.equal(existsSync(join(directory, 'wal.failed-sync')), false);
      await next.append(add('bd-next'));
      await next.close();
      assert.equal((await idsIn(directory)).at(-1), 'bd-next');
      assert.deepEqual(
        readdirSync(directory).filter((name) => name.endsWith('.tmp')),
        [],
      );
    });
  });
}

for (const [what, work] of [
  ['of the seal of a compaction', (wal: Wal) => wal.compact({ fold: lastData })],
  [
    'of a durable follower',
    async (wal: Wal) => {
      for await (const _ of wal.follow({ from: 1, durable: true })) break;
    },
  ],
] as const) {
  test(`a failed sync ${what} is told, and left word of`, async () => {
    await inScratch('faults', async (directory) => {
      let failing = false;
      const sync = async (file: StorageFile) => {
        if (failing) throw systemError('EIO');
        await file.sync();
      };
      const wal = await openChanged(directory, { sync }, { durability: 'os' });
      await wal.append(add('bd-0'));
      failing = true;
      await assert.rejects(work(wal), { code: 'ERR_WAL_SYNC' });
      assert.equal(existsSync(join(directory, 'wal.failed-sync')), true);
      await wal.close();
    });
  });
}

test('after a failed sync of its seal a Wal appends nothing more', async () => {
  await inScratch('faults', async (directory) => {
    const sync = async () => {
      throw systemError('EIO');
    };
    const wal = await openChanged(directory, { sync }, { durability: 'os' });
    await wal.append(add('bd-0'));
    await assert.rejects(wal.compact({ fold: lastData }), { code: 'ERR_WAL_SYNC' });
    await assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_LATCHED' });
    await wal.close();
  });
});

for (const how of ['append', 'appendSync'] as const) {
  test(`a Wal that goes on to a segment of which a sync had failed before makes it safe before it acknowledges there (${how})`, async () => {
    await inScratch('faults', async (directory) => {
      const small = { segmentBytes: 4096 };
      const [first, other] = [await Wal.open(directory, small), await Wal.open(directory, small)];
      await other.append(add('bd-0'));
      let { seq } = await first.append({ ...add('bd-1'), data: 'x'.repeat(5000) });
      ({ seq } = await first.append(add('bd-2')));
      const marker = join(directory, 'wal.failed-sync');
      const segment = `${String(seq).padStart(20, '0')}.jsonl`;
      const before = readFileSync(join(directory, segment));
      writeFileSync(marker, `${JSON.stringify({ segment, seq })}\n`);
      await other[how](add('bd-3'));
      assert.equal(existsSync(marker), false);
      assert.deepEqual(readFileSync(join(directory, segment)).subarray(0, before.length), before);
      await Promise.all([first.close(), other.close()]);
      assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2', 'bd-3']);
    });
  });
}

/** Syncs that succeed, until `failing` was called: the next begins, and fails once `fail` was called. */
function heldSync() {
  let begin = () => {};
  let fail = () => {};
  let isNext = false;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const held = new Promise<void>((resolve) => {
    fail = resolve;
  });
  const sync = async (file: StorageFile) => {
    if (!isNext) return file.sync();
    isNext = false;
    begin();
    await held;
    throw systemError('EIO');
  };
  const failing = () => {
    isNext = true;
  };
  return { sync, failing, begun, fail };
}

test('a segment of which a sync failed is left word of, also where the Wal has gone on to the next by then', async () => {
  await inScratch('faults', async (directory) => {
    const { sync, failing, begun, fail } = heldSync();
    const wal = await openChanged(directory, { sync }, { segmentBytes: 4096 });
    failing();
    const two = Promise.all(['bd-0', 'bd-1'].map((id) => wal.append(add(id))));
    await begun;
    wal.appendSync({ ...add('bd-2'), data: 'x'.repeat(5000) });
    assert.equal(wal.appendSync(add('bd-3')).seq, 4);
    fail();
    await two;
    await wal.close();
    const { seq } = JSON.parse(readFileSync(join(directory, 'wal.failed-sync'), 'utf8'));
    assert.equal(seq, 1);
  });
});

/** A disk that fails to write back, when told to, while a sync is under way in the background: as Linux does, it tells each open file once. */
function tellingOnce() {
  let failures = 0;
  let isNext = false;
  let isHeld = false;
  let end = () => {};
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const storage = changedStorage({
    open: (path, access, as) => {
      const file = nodeStorage.open(path, access, as);
      if (!path.endsWith('.jsonl')) return file;
      let told = failures;
      const tell = () => {
        if (told === failures) return;
        told = failures;
        throw systemError('EIO');
      };
      return changedFile(file, {
        sync: async () => {
          if (!isNext && !isHeld) return tell();
          const fails = isNext;
          // It has met the failure, and nobody here has heard of that yet.
          if (fails) told = ++failures;
          begin();
          await held;
          if (fails) throw systemError('EIO');
          tell();
        },
        syncNow: tell,
      });
    },
  });
  const failing = () => {
    isNext = true;
  };
  /** The sync of another process failed; the next one in the background here takes until `end`. */
  const failedElsewhere = () => {
    failures++;
    isHeld = true;
  };
  return { storage, failing, failedElsewhere, begun, end };
}

test('appendSync while a failed sync has not been heard of yet: unknown, as what that was for', () =>
  inScratch('faults', async (directory) => {
    const { storage, failing, begun, end } = tellingOnce();
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    await wal.append(add('bd-0'));
    failing();
    const unknown = { code: 'ERR_WAL_SYNC', outcome: 'unknown' };
    const two = ['bd-1', 'bd-2'].map((id) => assert.rejects(wal.append(add(id)), unknown));
    await begun;
    assert.throws(() => wal.appendSync(add('bd-3')), unknown);
    end();
    await Promise.all(two);
    await wal.close();
    assert.equal(failedSyncIn(nodeStorage, directory), 1);
  }));

test("appendSync beside a sync that is yet to hear of another process's failed one: unknown", () =>
  inScratch('faults', async (directory) => {
    const { storage, failedElsewhere, begun, end } = tellingOnce();
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { segmentBytes: 4096 });
    // A new segment, of which no sync was made in the background yet.
    wal.appendSync({ ...add('bd-0'), data: 'x'.repeat(5000) });
    wal.appendSync(add('bd-0'));
    failedElsewhere();
    const unknown = { code: 'ERR_WAL_SYNC', outcome: 'unknown' };
    const two = ['bd-1', 'bd-2'].map((id) => assert.rejects(wal.append(add(id)), unknown));
    await begun;
    assert.throws(() => wal.appendSync(add('bd-3')), unknown);
    end();
    await Promise.all(two);
    await wal.close();
  }));

test('appendSync while a sync is under way of a file that cannot be opened twice: unknown', () =>
  inScratch('faults', async (directory) => {
    const { sync, failing, begun, fail } = heldSync();
    const tried = new Set<string>();
    const storage = changedStorage({
      open: (path, access, as) => {
        // The second of a segment's two is opened first.
        if (access === 'append-existing' && !tried.has(path)) {
          tried.add(path);
          throw systemError('EMFILE');
        }
        const file = nodeStorage.open(path, access, as);
        return path.endsWith('.jsonl') ? changedFile(file, { sync }) : file;
      },
    });
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    wal.appendSync(add('bd-1'));
    failing();
    const two = ['bd-2', 'bd-3'].map((id) => assert.rejects(wal.append(add(id)), { outcome: 'unknown' }));
    await begun;
    assert.throws(() => wal.appendSync(add('bd-4')), { code: 'ERR_WAL_IO', outcome: 'unknown' });
    fail();
    await Promise.all(two);
    await wal.close();
  }));

test('nothing is appended behind a seal while its sync is under way', async () => {
  await inScratch('faults', async (directory) => {
    const { sync, failing, begun, fail } = heldSync();
    const wal = await openChanged(directory, { sync });
    await wal.append(add('bd-0'));
    failing();
    const compacting = assert.rejects(wal.compact({ fold: lastData }), { code: 'ERR_WAL_SYNC' });
    await begun;
    const behind = assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_LATCHED' });
    // What could go on does so in turns of the event loop.
    for (let i = 0; i < 20; i++) await setImmediate();
    fail();
    await Promise.all([compacting, behind]);
    await wal.close();
    assert.deepEqual(await idsIn(directory), ['bd-0']);
  });
});

/** A log of two segments, and what becomes of them where it is healed. */
async function withTwoSegments(
  body: (directory: string, healed: () => string[], meanwhile: (work: () => void) => void) => Promise<void>,
): Promise<void> {
  await inScratch('faults', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    for (const id of ['bd-0', 'bd-1']) await wal.append({ ...add(id), data: 'x'.repeat(5000) });
    await wal.close();
    let opened: string[] = [];
    let work: (() => void) | undefined;
    const storage = changedStorage({
      open: (path, access, mode) => {
        if (access === 'update' && path.endsWith('.jsonl')) {
          opened.push(basename(path));
          work?.();
          work = undefined;
        }
        return nodeStorage.open(path, access, mode);
      },
    });
    const healed = () => {
      opened = [];
      repairFailedSync(storage, directory);
      assert.equal(existsSync(join(directory, 'wal.failed-sync')), false);
      return opened;
    };
    await body(directory, healed, (given) => {
      work = given;
    });
  });
}

const SECOND_SEGMENT = '00000000000000000002.jsonl';

test('where syncs of several segments failed, all from the first of them on are made safe', () =>
  withTwoSegments(async (directory, healed) => {
    for (const seqs of [
      [2, 1],
      [1, 2],
    ]) {
      for (const seq of seqs) markFailedSync(nodeStorage, directory, seq);
      assert.deepEqual(healed().slice(0, 2), [SEGMENT, SECOND_SEGMENT]);
    }
  }));

test('the marker of a failed sync goes only when the segments and the directory were synced', () =>
  inScratch('faults', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append(add('bd-0'));
    await wal.close();
    markFailedSync(nodeStorage, directory, 1);
    const done: string[] = [];
    const syncNow = (file: StorageFile) => {
      file.syncNow();
      done.push('sync the segment');
    };
    const syncDirectory = (path: string) => {
      nodeStorage.syncDirectory(path);
      done.push('sync the directory');
    };
    const remove = (path: string) => {
      nodeStorage.remove(path);
      done.push(`remove ${basename(path)}`);
    };
    repairFailedSync(changedStorage({ syncDirectory, remove }, { syncNow }), directory);
    assert.deepEqual(done.slice(0, 3), ['sync the segment', 'sync the directory', 'remove wal.failed-sync']);
  }));

test('a sync that fails while segments are made safe after another has them made safe once more', () =>
  withTwoSegments(async (directory, healed, meanwhile) => {
    markFailedSync(nodeStorage, directory, 2);
    meanwhile(() => markFailedSync(nodeStorage, directory, 1));
    assert.deepEqual(healed().slice(0, 3), [SECOND_SEGMENT, SEGMENT, SECOND_SEGMENT]);
  }));

test('a segment that a compaction deletes while it is made safe is passed over', () =>
  withTwoSegments(async (directory, healed, meanwhile) => {
    markFailedSync(nodeStorage, directory, 1);
    meanwhile(() => rmSync(join(directory, SEGMENT)));
    assert.deepEqual(healed().slice(0, 2), [SEGMENT, SECOND_SEGMENT]);
  }));

test('healing writes whole lines only, and their newlines: not what it read as zeros, torn or unended', () =>
  inScratch('faults', async (directory) => {
    const wal = await Wal.open(directory);
    for (const n of [1, 2, 3, 4, 5]) await wal.append(add(`bd-${n}`));
    await wal.close();
    const path = join(directory, SEGMENT);
    const lines = readFileSync(path, 'utf8').split('\n');
    const [one, two, three, four, five] = lines as [string, string, string, string, string];
    const bytes = Buffer.from(`${one}\ntorn~\n${two}\n${three}\n${four}\n${five}`);
    writeFileSync(path, bytes);
    // The fourth line is on its way.
    const zeros = bytes.indexOf(four) + 10;
    const written: (readonly [number, string])[] = [];
    const storage = changedStorage({
      open: (name, access, mode) => {
        const file = nodeStorage.open(name, access, mode);
        if (!name.endsWith(SEGMENT)) return file;
        const [reads, writes] = [file.read.bind(file), file.writeAt.bind(file)];
        const read = (target: Buffer, position: number) => {
          const count = reads(target, position);
          for (let at = Math.max(zeros, position); at < Math.min(zeros + 20, position + count); at++)
            target[at - position] = 0;
          return count;
        };
        const writeAt = (piece: Buffer, position: number) => {
          written.push([position, piece.toString()]);
          writes(piece, position);
        };
        return Object.assign(file, { read, writeAt });
      },
    });
    markFailedSync(nodeStorage, directory, 1);
    repairFailedSync(storage, directory);
    assert.deepEqual(written, [
      [0, `${one}\n`],
      [bytes.indexOf(two) - 1, `\n${two}\n${three}\n`],
    ]);
    assert.ok(readFileSync(path).equals(bytes));
  }));

for (const readOnly of [false, true]) {
  const outcome = readOnly ? 'is refused by a Wal that cannot make it safe' : 'makes it safe first';
  test(`who follows as durable what a sync had failed of before ${outcome}`, async () => {
    await inScratch('faults', async (directory) => {
      const writer = await Wal.open(directory, { durability: 'os' });
      await writer.append(add('bd-0'));
      const wal = readOnly ? await Wal.open(directory, { readOnly }) : writer;
      const marker = join(directory, 'wal.failed-sync');
      markFailedSync(nodeStorage, directory, 1);
      const first = wal.follow({ from: 1, durable: true }).next();
      if (readOnly) await assert.rejects(first, { code: 'ERR_WAL_SYNC' });
      else assert.equal((await first).value?.id, 'bd-0');
      assert.equal(existsSync(marker), readOnly);
      await Promise.all([writer.close(), wal.close()]);
    });
  });
}

test('a Wal that latches while a seal is wanted writes none', async () => {
  await inScratch('faults', async (directory) => {
    const { sync, failing, begun, fail } = heldSync();
    const wal = await openChanged(directory, { sync });
    failing();
    const two = Promise.allSettled(['bd-0', 'bd-1'].map((id) => wal.append(add(id))));
    await begun;
    const size = statSync(join(directory, SEGMENT)).size;
    const compacting = assert.rejects(wal.compact({ fold: lastData }), { code: 'ERR_WAL_SYNC' });
    // It looks at the log first, and then wants its seal.
    for (let i = 0; i < 10; i++) await setImmediate();
    fail();
    await Promise.all([two, compacting]);
    assert.equal(statSync(join(directory, SEGMENT)).size, size);
    await wal.close();
  });
});

test('a marker of any length is read, and one that is too long stands for all segments', () =>
  inScratch('faults', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append(add('bd-1'));
    await wal.close();
    const marker = join(directory, 'wal.failed-sync');
    const line = (seq: number) => `${JSON.stringify({ segment: SEGMENT, seq })}\n`;
    writeFileSync(marker, line(3).repeat(200_000) + line(2));
    assert.equal(failedSyncIn(nodeStorage, directory), 2);
    writeFileSync(
      marker,
      line(3)
        .trimEnd()
        .padEnd(63)
        .concat('\n')
        .repeat(2 ** 18) + line(2),
    );
    assert.equal(failedSyncIn(nodeStorage, directory), 0);
    truncateSync(marker, 3 * 2 ** 30);
    assert.equal(failedSyncIn(nodeStorage, directory), 0);
    const other = await Wal.open(directory);
    await other.append(add('bd-2'));
    await other.close();
    assert.deepEqual(await idsIn(directory), ['bd-1', 'bd-2']);
    assert.equal(existsSync(marker), false);
  }));

test('a marker is not written into what a link leads to', () =>
  inScratch('faults', (directory) => {
    const [marker, precious] = [join(directory, 'wal.failed-sync'), join(directory, 'precious')];
    writeFileSync(precious, 'precious');
    symlinkSync('precious', marker);
    markFailedSync(nodeStorage, directory, 1);
    assert.equal(readFileSync(precious, 'utf8'), 'precious');
    assert.equal(failedSyncIn(nodeStorage, directory), 1);
  }));
