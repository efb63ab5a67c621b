import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastData, Wal, type WalError, type WalOptions } from '../../src/index.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import { noLock } from '../../src/lock/lock.ts';
import type { Storage, StorageFile } from '../../src/storage/storage.ts';
import { imageAfter, unsynced } from '../crash/crash-states.ts';
import { COPY, environmentOn, LOG } from '../crash/workload.ts';
import { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';

function newDisk(): SimDisk {
  const disk = new SimDisk();
  disk.makeDirectory('/disk');
  disk.syncDirectory('/');
  return disk;
}

let seeds = 0;

function open(storage: Storage, options: WalOptions = {}): Promise<Wal> {
  return Wal.openIn(environmentOn(storage, ++seeds), LOG, {
    lock: noLock(),
    segmentBytes: 4096,
    ...options,
  });
}

/** The disk, but for some of what its files do. */
function withFiles(
  storage: Storage,
  change: (file: StorageFile, path: string) => Partial<StorageFile>,
): Storage {
  const open: Storage['open'] = (path, access, mode) => {
    const file = storage.open(path, access, mode);
    return { ...file, ...change(file, path) };
  };
  return {
    maker: storage.maker,
    isGone: (pid) => storage.isGone(pid),
    makeDirectory: (path, mode) => storage.makeDirectory(path, mode),
    list: (path) => storage.list(path),
    open,
    look: (path) => storage.look(path),
    isLink: (path) => storage.isLink(path),
    link: (existing, path) => storage.link(existing, path),
    reflink: (existing, path) => storage.reflink(existing, path),
    rename: (from, to) => storage.rename(from, to),
    remove: (path) => storage.remove(path),
    removeDirectory: (path) => storage.removeDirectory(path),
    syncDirectory: (path) => storage.syncDirectory(path),
    fileSystem: (path) => storage.fileSystem(path),
    watch: (directory, changed, ended) => storage.watch(directory, changed, ended),
  };
}

const entry = (id: string) => ({ op: 'add', id, data: 'x'.repeat(300) });

async function idsIn(wal: Wal): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of wal.read({ from: await wal.oldest() })) ids.push(id);
  return ids;
}

for (const most of [50, 1000])
  test(`a disk that gives ${most} bytes of each read at most: nothing is taken for the end, or for damage`, () =>
    readInParts(most));

test('a million zeros that a crash left are read over, and the log goes on behind them', async () => {
  const disk = newDisk();
  const wal = await open(disk);
  await wal.append(entry('before'));
  const file = disk.open(`${LOG}/00000000000000000001.jsonl`, 'append-existing');
  file.append([Buffer.alloc(1_000_000)]);
  file.close();
  await wal.append(entry('after'));
  await wal.close();
  const again = await open(disk);
  assert.deepEqual(await idsIn(again), ['before', 'after']);
  await again.append(entry('last'));
  assert.deepEqual(await idsIn(again), ['before', 'after', 'last']);
  await again.close();
});

test('a read is given in parts while others append, one part with zeros for a line on its way: that line is read again before anything is written', async () => {
  const disk = newDisk();
  const other = await open(disk);
  const nexts: ((read: () => number, target: Buffer) => number)[] = [];
  const wal = await open(
    withFiles(disk, (file) => ({
      read: (target, position) => {
        const read = () => file.read(target, position);
        return nexts.shift()?.(read, target) ?? read();
      },
    })),
  );
  await wal.append(entry('mine-1'));
  nexts.push(
    (read) => Math.min(10, read()),
    (read) => Math.min(10, read()),
    (read) => read(),
    (read, target) => {
      const before = read();
      other.appendSync(entry('theirs-1'));
      const count = read();
      target.fill(0, Math.ceil((before + count) / 2), count);
      return count;
    },
    (read) => {
      for (const id of ['theirs-2', 'theirs-3']) other.appendSync(entry(id));
      return read();
    },
  );
  await wal.append(entry('mine-2'));
  assert.equal(nexts.length, 0);
  await wal.append(entry('mine-3'));
  other.appendSync(entry('theirs-4'));
  const reader = await open(disk, { readOnly: true });
  const ids = ['mine-1', 'theirs-1', 'theirs-2', 'theirs-3', 'mine-2', 'mine-3', 'theirs-4'];
  assert.deepEqual(await idsIn(reader), ids);
  for (const each of [wal, other, reader]) await each.close();
});

test('a part of a read that ends in zeros for a line on its way is read again before reading goes on', async () => {
  const disk = newDisk();
  const other = await open(disk);
  let line: { from: number; to: number } | undefined;
  let looks = 0;
  const wal = await open(
    withFiles(disk, (file) => ({
      read: (target, position) => {
        const count = file.read(target, position);
        if (line === undefined || position > line.from || position + count <= line.to) return count;
        const [from, to] = [line.from - position, line.to - position];
        // Once where all that came is looked at in one read, and once where it is read on from there.
        if (++looks === 2) line = undefined;
        target.fill(0, Math.floor((from + to) / 2), to - 1);
        return to;
      },
    })),
  );
  await wal.append(entry('mine-1'));
  const segment = `${LOG}/00000000000000000001.jsonl`;
  const size = () => disk.open(segment, 'read').size();
  const from = size();
  other.appendSync(entry('theirs-1'));
  line = { from, to: size() };
  other.appendSync(entry('theirs-2'));
  assert.equal((await wal.append(entry('mine-2'))).seq, 4);
  assert.equal(line, undefined);
  assert.deepEqual(await idsIn(wal), ['mine-1', 'theirs-1', 'theirs-2', 'mine-2']);
  for (const each of [wal, other]) await each.close();
});

async function readInParts(most: number): Promise<void> {
  const disk = newDisk();
  const storage = withFiles(disk, (file) => ({
    read: (target, position) => file.read(target.subarray(0, most), position),
  }));
  const wal = await open(storage);
  const ids = Array.from({ length: 40 }, (_, i) => `bd-${i}`);
  for (const id of ids.slice(0, 30)) await wal.append(entry(id), { key: id });
  await wal.compact({ fold: lastData, retain: 2 });
  for (const id of ids.slice(30)) await wal.append(entry(id), { key: id });
  await wal.close();
  const again = await open(storage);
  assert.deepEqual(await idsIn(again), ids);
  assert.equal((await again.table()).size, ids.length);
  assert.equal((await again.append(entry('bd-3'), { key: 'bd-3' })).seq, 4);
  const { ok, lines } = await again.verify();
  assert.deepEqual([ok, lines.torn, lines.damaged, lines.superseded], [true, 0, 0, 0]);
  await again.close();
}

test("an append after which the log cannot be read, where another came before it: rejected as unknown, and it is the Wal's last", async () => {
  const disk = newDisk();
  const other = await open(disk);
  let fails = false;
  const storage = withFiles(disk, (file) => ({
    append: (pieces) => {
      other.appendSync(entry('other'));
      fails = true;
      return file.append(pieces);
    },
  }));
  const wal = await open({
    ...storage,
    look: (path) => {
      if (fails) throw systemError('EIO');
      return disk.look(path);
    },
  });
  await assert.rejects(wal.append(entry('mine')), { code: 'ERR_WAL_IO', outcome: 'unknown' });
  await assert.rejects(wal.append(entry('next')), { code: 'ERR_WAL_LATCHED', outcome: 'not-written' });
  await wal.close();
  await other.close();
});

test('a line that another is just writing, read as zeros: who appends after it does not take their own for landed', async () => {
  const disk = newDisk();
  const other = await open(disk);
  let armed = false;
  const storage = withFiles(disk, (file, path) => ({
    read: (target, position) => {
      if (!armed || !path.endsWith('.jsonl')) return file.read(target, position);
      armed = false;
      const size = file.size();
      other.appendSync(entry('other'));
      const count = file.read(target, position);
      target.fill(0, size - position + 100, count);
      return count;
    },
  }));
  const wal = await open(storage);
  await wal.append(entry('first'));
  armed = true;
  await wal.append(entry('mine'));
  assert.deepEqual(await idsIn(wal), ['first', 'other', 'mine']);
  await wal.close();
  await other.close();
});

test('a backup whose disk was full for a moment, while the log changed under it: what was copied in part is copied again', async () => {
  const disk = newDisk();
  const wal = await open(disk);
  const ids = Array.from({ length: 30 }, (_, i) => `bd-${i}`);
  for (const id of ids) await wal.append(entry(id));
  await wal.close();
  let failed = false;
  const storage = withFiles(disk, (file, path) => ({
    append: (pieces) => {
      if (failed || !path.startsWith(COPY) || !path.endsWith('.jsonl')) return file.append(pieces);
      failed = true;
      file.append([Buffer.concat(pieces).subarray(0, 1000)]);
      // Somebody's sync has failed: the log is not what it was at the first look.
      disk.open(`${LOG}/wal.failed-sync`, 'append').append([Buffer.from('{"seq":1}\n')]);
      throw systemError('ENOSPC');
    },
  }));
  const again = await open(storage);
  await again.backup(COPY, { link: false });
  await again.close();
  const copy = await Wal.openIn(environmentOn(disk, 0), COPY, { readOnly: true });
  assert.deepEqual(await idsIn(copy), ids);
  await copy.close();
  assert.ok(failed);
});

test('what was delivered as durable is there after a crash, also in a log whose writers never sync', async () => {
  const disk = newDisk();
  const wal = await open(disk, { durability: 'os' });
  await wal.append(entry('bd-1'));
  for await (const { seq } of wal.follow({ durable: true })) {
    assert.equal(seq, 1);
    break;
  }
  await wal.close();
  const { effects } = disk;
  const lost = new Set(unsynced(effects, effects.length));
  const left = new SimDisk(imageAfter(new Image(), effects, effects.length, { lost }));
  const after = await Wal.openIn(environmentOn(left, 0), LOG, { readOnly: true });
  assert.deepEqual(await idsIn(after), ['bd-1']);
  await after.close();
});

test('a compaction that cannot clean up after itself has compacted; one that cannot list the log says so as a WalError', async () => {
  const disk = newDisk();
  const plain = withFiles(disk, () => ({}));
  const wal = await open({
    ...plain,
    remove: (path) => {
      if (path.endsWith('.tmp')) throw systemError('EIO');
      disk.remove(path);
    },
  });
  await wal.append(entry('bd-1'));
  assert.equal((await wal.compact({ fold: lastData, retain: 1 })).made, true);
  await wal.close();
  let renamed = false;
  const again = await open({
    ...plain,
    rename: (from, to) => {
      disk.rename(from, to);
      renamed = true;
    },
    list: (path) => {
      if (renamed) throw systemError('EIO');
      return disk.list(path);
    },
  });
  await again.append(entry('bd-2'));
  await assert.rejects(
    again.compact({ fold: lastData, retain: 1 }),
    (error: WalError) => error.code === 'ERR_WAL_IO' && error.message.startsWith('Cannot '),
  );
  await again.close();
});

test('an append that lands behind one that its key answers is synced before it is acknowledged', async () => {
  const disk = newDisk();
  const wal = await open(disk);
  await wal.append({ ...entry('first'), key: 'k' });
  const before = disk.effects.length;
  const [answered, added] = await Promise.all([
    wal.append({ ...entry('first'), key: 'k' }),
    wal.append(entry('second')),
  ]);
  assert.equal(answered.duplicate, true);
  assert.equal(added.seq, 2);
  assert.deepEqual(
    disk.effects.slice(before).map(({ kind }) => kind),
    ['write', 'synced'],
  );
  await wal.close();
});
