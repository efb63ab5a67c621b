import assert from 'node:assert/strict';
import { appendFileSync, cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { decodeHeader, encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import { SnapshotBodyMaker } from '../../src/format/snapshot-body.ts';
import { type Lock, lastData, Wal } from '../../src/index.ts';
import {
  changedEnvironment,
  changedFile,
  changedStorage,
  type FileChanges,
} from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';
import { files, fill, SEGMENT, SMALL, SNAPSHOT, stateOf } from '../support/small-log.ts';

const OPTIONS = { ...SMALL, durability: 'os' } as const;

/** The real disk, but for what is changed: of the storage itself, or of files that must not exist when they are opened. */
function storageMaking(changes: Partial<Storage>, ofMade: FileChanges): Storage {
  const open: Storage['open'] = (path, access, mode) => {
    const file = nodeStorage.open(path, access, mode);
    return access === 'create' ? changedFile(file, ofMade) : file;
  };
  return changedStorage({ open, ...changes });
}

test("another's snapshot is found: its name is synced before anything is deleted for it", () =>
  inScratch('compact-steps', async (directory) => {
    const first = await Wal.open(directory, OPTIONS);
    await fill(first, 60);
    // It keeps what it covers: as another process would have left it that is about to sync the name.
    const { made } = await first.compact({ fold: lastData, retain: 2 });
    await first.close();
    const done: string[] = [];
    const storage = changedStorage({
      remove: (path) => {
        nodeStorage.remove(path);
        if (basename(path).endsWith('.jsonl')) done.push('delete');
      },
      syncDirectory: (path) => {
        nodeStorage.syncDirectory(path);
        done.push('sync the names');
      },
      list: (path) => {
        done.push('list');
        return nodeStorage.list(path);
      },
    });
    const second = await Wal.openIn(changedEnvironment({ storage }), directory, OPTIONS);
    const report = await second.compact({ fold: lastData, retain: 1 });
    await second.close();
    assert.deepEqual([made, report.made], [true, false]);
    assert.ok(done.includes('delete'));
    // What is to be deleted was listed last, after the snapshot was found.
    assert.equal(done[done.indexOf('delete') - 1], 'sync the names');
  }));

test('a snapshot gets its name once it was written, synced and read back, and only when that name is kept is anything deleted, oldest first', () =>
  inScratch('compact-steps', async (directory) => {
    const done: string[] = [];
    const note = (what: string) => {
      if (done.at(-1) !== what) done.push(what);
    };
    let temporary = '';
    const making = storageMaking(
      {
        rename: (from, to) => {
          nodeStorage.rename(from, to);
          note(`name ${basename(to)}`);
        },
        remove: (path) => {
          const there = nodeStorage.look(path) !== undefined;
          nodeStorage.remove(path);
          if (there) note(`delete ${basename(path)}`);
        },
        syncDirectory: (path) => {
          nodeStorage.syncDirectory(path);
          note('keep the names');
        },
      },
      {
        append: (file, pieces) => {
          note('write');
          return file.append(pieces);
        },
        sync: async (file) => {
          await file.sync();
          note('sync');
        },
      },
    );
    const open: Storage['open'] = (path, access, mode) => {
      const file = making.open(path, access, mode);
      if (access === 'create') temporary = path;
      else if (path === temporary) note('read back');
      return file;
    };
    const wal = await Wal.openIn(changedEnvironment({ storage: { ...making, open } }), directory, OPTIONS);
    await fill(wal, 60);
    await wal.compact({ fold: lastData });
    await fill(wal, 5);
    const segments = files(directory, SEGMENT);
    const [older] = files(directory, SNAPSHOT) as [string];
    await wal.compact({ fold: lastData, retain: 1 });
    const [newer] = files(directory, SNAPSHOT) as [string];
    assert.ok(segments.length > 3, `${segments.length} segments`);
    assert.deepEqual(done.slice(done.lastIndexOf('write')), [
      'write',
      'sync',
      'read back',
      `name ${newer}`,
      'keep the names',
      ...[...segments, older].map((name) => `delete ${name}`),
      'keep the names',
    ]);
    await wal.close();
  }));

test('a snapshot that the disk holds otherwise than it was written gets no name, and nothing is deleted for it', () =>
  inScratch('compact-steps', async (directory) => {
    let lying = false;
    const append = (file: StorageFile, pieces: readonly Buffer[]) => {
      const bytes = Buffer.concat(pieces);
      const at = bytes.indexOf('"text":"x') + 10;
      if (lying && at > 10) bytes[at] = (bytes[at] as number) ^ 1;
      return file.append([bytes]);
    };
    const storage = storageMaking({}, { append });
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, OPTIONS);
    await fill(wal, 60);
    const before = files(directory, SEGMENT);
    lying = true;
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), { code: 'ERR_WAL_CORRUPT' });
    assert.deepEqual(files(directory, /snapshot/), []);
    assert.deepEqual(files(directory, SEGMENT).slice(0, before.length), before);
    lying = false;
    assert.equal((await wal.compact({ fold: lastData, retain: 1 })).made, true);
    await wal.close();
  }));

test('a temporary file that somebody else is writing is not written to', () =>
  inScratch('compact-steps', async (directory) => {
    const accesses = new Set<string>();
    const open: Storage['open'] = (path, access, mode) => {
      if (path.endsWith('.tmp')) accesses.add(access);
      return nodeStorage.open(path, access, mode);
    };
    const wal = await Wal.openIn(
      changedEnvironment({ storage: changedStorage({ open }) }),
      directory,
      OPTIONS,
    );
    await fill(wal, 3);
    accesses.clear();
    await wal.compact({ fold: lastData });
    assert.deepEqual([...accesses], ['create', 'read']);
    await wal.close();
  }));

test('a compaction holds the lock for the seal alone', () =>
  inScratch('compact-steps', async (directory) => {
    let held = false;
    const lock: Lock = {
      kind: 'mine',
      tryAcquire: () => {
        held = true;
        return true;
      },
      release: () => {
        held = false;
      },
      close: () => {},
    };
    const steps: [name: string, held: boolean][] = [];
    const note = (name: string) => {
      if (name.startsWith('snapshot') || SEGMENT.test(name)) steps.push([name, held]);
    };
    const storage = storageMaking(
      {
        rename: (from, to) => {
          note(basename(to));
          nodeStorage.rename(from, to);
        },
        remove: (path) => {
          note(basename(path));
          nodeStorage.remove(path);
        },
      },
      {
        append: (file, pieces) => {
          note('snapshot, a piece');
          return file.append(pieces);
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...OPTIONS, lock });
    await fill(wal, 60);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.ok(steps.length > 5, `${steps.length} steps`);
    assert.deepEqual(
      steps.filter(([, inside]) => inside),
      [],
    );
    await wal.close();
  }));

for (const retain of [1, 2, 3]) {
  test(`with retain: ${retain} so many snapshots stay, and all that was appended after the oldest of them`, () =>
    inScratch('compact-steps', async (directory) => {
      const wal = await Wal.open(directory, OPTIONS);
      for (let n = 1; n <= 5; n++) {
        await fill(wal, 10);
        await wal.compact({ fold: lastData, retain });
        assert.equal(files(directory, SNAPSHOT).length, Math.min(n, retain));
        assert.equal(await wal.oldest(), n < retain ? 1 : 10 * (n - retain + 1) + 1);
      }
      await wal.close();
    }));
}

/** What a table holds whose state nothing else uses: it is loaded from the files. */
async function listOf(wal: Wal): Promise<unknown[]> {
  const table = await wal.table();
  try {
    return table.list();
  } finally {
    table.close();
  }
}

test('a snapshot that is another log’s, or longer than it says, is not gone on from', () =>
  inScratch('compact-steps', async (directory) => {
    const wal = await Wal.open(directory, OPTIONS);
    await fill(wal, 20);
    await wal.compact({ fold: lastData });
    const table = await wal.table();
    const items = table.list();
    const path = join(directory, files(directory, SNAPSHOT)[0] as string);
    const bytes = readFileSync(path);
    const header = decodeHeader(bytes.subarray(0, bytes.indexOf('\n')), path) as SnapshotHeader;
    const empty = new SnapshotBodyMaker();
    const body = empty.end(false);
    const other = encodeHeader({ ...header, log: '0123456789abcdef', body });
    writeFileSync(path, Buffer.concat([Buffer.from(other), ...empty.pieces]));
    // Tables of one fold share a state. One that found damage is loaded again when the next table is opened.
    assert.throws(() => table.list(), { code: 'ERR_WAL_CORRUPT' });
    const loaded = await wal.table();
    assert.deepEqual([loaded.list(), table.list()], [items, items]);
    for (const each of [table, loaded]) each.close();
    assert.deepEqual(await listOf(wal), items);
    assert.equal((await wal.compact({ fold: lastData })).made, true);
    assert.deepEqual(await listOf(wal), items);
    assert.equal((await wal.compact({ fold: lastData })).made, false);
    appendFileSync(path, '{}\n');
    assert.equal((await wal.compact({ fold: lastData })).made, true);
    await wal.close();
  }));

test('where a segment has no entries there is nothing to seal, and it stays as it is', () =>
  inScratch('compact-steps', async (directory) => {
    const bytesOf = (name: string) => readFileSync(join(directory, name)).length;
    const wal = await Wal.open(directory, OPTIONS);
    assert.equal((await wal.compact({ fold: lastData })).made, false);
    assert.deepEqual(files(directory, SEGMENT).map(bytesOf), [0]);
    await fill(wal, 1);
    await wal.compact({ fold: lastData });
    const sizes = files(directory, SEGMENT).map(bytesOf);
    const next = await Wal.open(directory, OPTIONS);
    for (const each of [wal, next]) await each.compact({ fold: lastData });
    assert.deepEqual(files(directory, SEGMENT).map(bytesOf), [...sizes, 0]);
    await Promise.all([wal.close(), next.close()]);
  }));

/**
 * Runs `body` with a log of twenty entries, as it is before a compaction, and with what does what that compaction, by
 * another process, would: its snapshot is there, and its segments are not.
 */
async function beforeCompaction(
  body: (directory: string, compacted: () => void) => Promise<void>,
): Promise<void> {
  await inScratch('compact-steps', async (scratch) => {
    const [directory, after] = [join(scratch, 'log'), join(scratch, 'after')];
    const wal = await Wal.open(directory, OPTIONS);
    await fill(wal, 20);
    await wal.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
    await wal.close();
    cpSync(directory, after, { recursive: true });
    const [snapshot] = files(directory, SNAPSHOT) as [string];
    rmSync(join(directory, snapshot));
    await body(directory, () => {
      renameSync(join(after, snapshot), join(directory, snapshot));
      for (const name of files(directory, SEGMENT)) rmSync(join(directory, name));
    });
  });
}

/** Opens a log whose segments are compacted away at the moment when the first is opened to be read, once that is wanted. */
async function compactedUnder(directory: string, compacted: () => void, readOnly: boolean) {
  let wanted = false;
  const open: Storage['open'] = (path, access, mode) => {
    if (wanted && access === 'read' && SEGMENT.test(basename(path))) {
      wanted = false;
      compacted();
    }
    return nodeStorage.open(path, access, mode);
  };
  const environment = changedEnvironment({ storage: changedStorage({ open }) });
  const wal = await Wal.openIn(environment, directory, { ...OPTIONS, readOnly });
  return {
    wal,
    want: () => {
      wanted = true;
    },
    isDone: () => !wanted,
  };
}

test('a segment that is compacted away between the listing and its opening: records of it are refused', () =>
  beforeCompaction(async (directory, compacted) => {
    const { wal, want, isDone } = await compactedUnder(directory, compacted, true);
    want();
    await assert.rejects(wal.read().next(), { code: 'ERR_WAL_COMPACTED', seq: 20 });
    assert.ok(isDone());
    await wal.close();
  }));

test('a table whose segments are compacted away while it reads them loads the snapshot', () =>
  beforeCompaction(async (directory, compacted) => {
    const { wal, want, isDone } = await compactedUnder(directory, compacted, true);
    await wal.head();
    want();
    const table = await wal.table<{ n: number }>();
    assert.ok(isDone());
    assert.deepEqual(
      table.list().map(({ value }) => value.n),
      [20, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    );
    await wal.close();
  }));

test('a compaction whose segments another takes away while it reads them lists anew, and gives way to the newer snapshot', () =>
  beforeCompaction(async (directory, compacted) => {
    const { wal, want, isDone } = await compactedUnder(directory, compacted, false);
    want();
    const { seq, made, ids } = await wal.compact({ fold: lastData });
    assert.ok(isDone());
    assert.deepEqual([seq, made, ids], [20, false, 10]);
    await wal.close();
  }));

test('a compaction does not fold across a segment that is missing, and deletes nothing', () =>
  inScratch('compact-steps', async (directory) => {
    const wal = await Wal.open(directory, OPTIONS);
    await fill(wal, 60);
    const [, second] = files(directory, SEGMENT) as [string, string];
    rmSync(join(directory, second));
    const before = files(directory, SEGMENT);
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), { code: 'ERR_WAL_DIVERGED' });
    assert.deepEqual(files(directory, SNAPSHOT), []);
    assert.deepEqual(files(directory, SEGMENT).slice(0, before.length), before);
    await wal.close();
  }));

for (const { name, length } of [
  { name: 'an entry: another seal follows that entry', length: 1 },
  { name: 'another Wal’s seal: it is dropped', length: 5000 },
]) {
  test(`a seal that comes second to ${name}`, () =>
    inScratch('compact-steps', async (directory) => {
      const other = await Wal.open(directory, { ...OPTIONS, lock: 'none', fold: lastData });
      await fill(other, 3);
      let overtaken = false;
      const append = (file: StorageFile, pieces: readonly Buffer[]) => {
        const data = 'x'.repeat(length);
        if (!overtaken) other.appendSync({ op: 'update', id: 'bd-first', data });
        overtaken = true;
        return file.append(pieces);
      };
      const environment = changedEnvironment({ storage: changedStorage({}, { append }) });
      const wal = await Wal.openIn(environment, directory, { ...OPTIONS, lock: 'none' });
      const { seq, made } = await wal.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
      assert.deepEqual([overtaken, seq, made], [true, 4, true]);
      await wal.append({ op: 'update', id: 'bd-next' });
      const sealsIn = (segment: string) =>
        readFileSync(join(directory, segment), 'utf8').split('"entries":[]').length - 1;
      assert.deepEqual(files(directory, SEGMENT).map(sealsIn), [2, 0]);
      const { ok, head } = await wal.verify();
      assert.deepEqual([ok, head.seq], [true, 5]);
      await Promise.all([wal.close(), other.close()]);
    }));
}

test('a writer that sleeps before it makes the next segment, until that was made, filled and compacted away, writes behind the snapshot', () =>
  inScratch('compact-steps', async (scratch) => {
    const [directory, after] = [join(scratch, 'log'), join(scratch, 'after')];
    let next: string | undefined;
    const open: Storage['open'] = (path, access, mode) => {
      if (next !== undefined && basename(path) === next && access === 'append') {
        next = undefined;
        const lines = /[0-9]{20}\.jsonl$/;
        for (const name of files(directory, lines)) rmSync(join(directory, name));
        for (const name of files(after, lines)) cpSync(join(after, name), join(directory, name));
      }
      return nodeStorage.open(path, access, mode);
    };
    const environment = changedEnvironment({ storage: changedStorage({ open }) });
    const wal = await Wal.openIn(environment, directory, { ...OPTIONS, lock: 'none' });
    await fill(wal, 20);
    await wal.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
    cpSync(directory, after, { recursive: true });
    const others = await Wal.open(after, OPTIONS);
    await fill(others, 20);
    await others.compact({ fold: lastData, retain: 1 });
    await fill(others, 2);
    await others.close();
    next = '00000000000000000021.jsonl';
    assert.equal((await wal.append({ op: 'update', id: 'bd-late' })).seq, 43);
    assert.equal(next, undefined);
    assert.equal(wal.stats().replacements, 0);
    assert.deepEqual(
      files(directory, SEGMENT).map((name) => readFileSync(join(directory, name)).length > 0),
      [false, true],
    );
    await wal.close();
    const reader = await Wal.open(directory, { readOnly: true });
    assert.deepEqual((await reader.table()).item('bd-late')?.rev, 43);
    await reader.close();
  }));

test('a writer begins behind the snapshot, though a sleeper’s segment lies beside it', () =>
  inScratch('compact-steps', async (directory) => {
    const wal = await Wal.open(directory, OPTIONS);
    await fill(wal, 5);
    await wal.compact({ fold: lastData, retain: 1 });
    await wal.close();
    writeFileSync(join(directory, '00000000000000000001.jsonl'), '');
    const other = await Wal.open(directory, OPTIONS);
    assert.equal((await other.append({ op: 'add', id: 'bd-6' })).seq, 6);
    await other.close();
  }));

test('a snapshot of a log that was replaced while it was written gets no name', () =>
  inScratch('compact-steps', async (scratch) => {
    const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')] as [string, string];
    let replace: (() => void) | undefined;
    const storage = storageMaking(
      {},
      {
        sync: async (file) => {
          await file.sync();
          replace?.();
          replace = undefined;
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, OPTIONS);
    await fill(wal, 5);
    cpSync(directory, copy, { recursive: true });
    const there = await Wal.open(copy, OPTIONS);
    await fill(there, 30);
    await there.close();
    await fill(wal, 2);
    replace = () => {
      for (const name of files(directory, SEGMENT)) rmSync(join(directory, name));
      for (const name of files(copy, SEGMENT)) cpSync(join(copy, name), join(directory, name));
    };
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), { code: 'ERR_WAL_DIVERGED' });
    assert.equal(replace, undefined);
    assert.deepEqual(files(directory, SNAPSHOT), []);
    assert.deepEqual(await stateOf(directory), await stateOf(copy));
    await wal.close();
  }));

test('a snapshot gets no name where the log gave way to one that is sealed at the same number', () =>
  inScratch('compact-steps', async (scratch) => {
    const [directory, copy] = [join(scratch, 'log'), join(scratch, 'copy')] as [string, string];
    let replace: (() => void) | undefined;
    const sync = async (file: StorageFile) => {
      await file.sync();
      replace?.();
      replace = undefined;
    };
    const environment = changedEnvironment({ storage: storageMaking({}, { sync }) });
    const wal = await Wal.openIn(environment, directory, OPTIONS);
    await fill(wal, 5);
    cpSync(directory, copy, { recursive: true });
    const there = await Wal.open(copy, OPTIONS);
    await fill(there, 2, 8);
    await there.compact({ fold: lastData, retain: Number.POSITIVE_INFINITY });
    await there.close();
    await fill(wal, 2, 6);
    replace = () => {
      for (const name of files(directory, SEGMENT)) rmSync(join(directory, name));
      for (const name of files(copy, SEGMENT)) cpSync(join(copy, name), join(directory, name));
    };
    await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), { code: 'ERR_WAL_DIVERGED' });
    assert.equal(replace, undefined);
    assert.deepEqual(files(directory, SNAPSHOT), []);
    await wal.close();
    assert.deepEqual(await stateOf(directory), await stateOf(copy));
  }));
