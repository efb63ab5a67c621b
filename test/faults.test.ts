import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { healSuspect, markSuspect } from '../src/file/suspect.ts';
import { Wal } from '../src/index.ts';
import { recordsIn } from '../src/lab/audit.ts';
import { Child } from '../src/lab/child.ts';
import type { FewFilesNews } from '../src/lab/few-files-process.ts';
import type { FullDiskNews } from '../src/lab/full-disk-process.ts';
import { inScratch } from '../src/lab/scratch.ts';
import {
  changedStorage,
  changedSurroundings,
  type FileChanges,
  systemError,
} from '../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../src/storage/node.ts';
import type { StorageFile } from '../src/storage/storage.ts';

const add = (id: string) => ({ op: 'add', id });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const SEGMENT = '00000000000000000001.jsonl';

/** Opens a log on the real disk, but for what is changed in its segments' files. */
const openWith = (directory: string, changes: FileChanges, options = {}) =>
  Wal.openIn(changedSurroundings({ storage: changedStorage({}, changes) }), directory, options);

async function assertGoesOnAfter(directory: string, { acked, failed }: FullDiskNews): Promise<void> {
  assert.ok(acked.length > 0 && failed.length > 0, 'the disk did not fill');
  for (const { code } of failed) assert.equal(code, 'ERR_WAL_NO_SPACE');
  const there = await idsIn(directory);
  const sure = failed.filter(({ outcome }) => outcome === 'not-written').map(({ id }) => id);
  assert.ok(sure.length > 0);
  assert.deepEqual(
    there.filter((id) => acked.includes(id)),
    acked,
  );
  assert.deepEqual(
    there.filter((id) => sure.includes(id)),
    [],
    'what was reported as not written is there',
  );
  const wal = await Wal.open(directory);
  await wal.append(add('bd-after'));
  const report = await wal.verify();
  await wal.close();
  assert.equal(report.error, undefined);
  assert.deepEqual(
    report.odd.filter(({ verdict }) => verdict !== 'torn'),
    [],
  );
  assert.equal((await idsIn(directory)).at(-1), 'bd-after');
}

// 1,024-byte blocks that do not end where a line does, so that a write is cut short.
for (const fileBlocks of [8, 21]) {
  test(`at a file-size limit of ${fileBlocks} KiB appends are refused as not written, nothing acknowledged is lost, and the log goes on`, async (t) => {
    if (process.platform === 'win32') return t.skip('no ulimit');
    await inScratch('faults', async (directory) => {
      const child = new Child<FullDiskNews>('full-disk-process', [directory], { fileBlocks });
      const news = await child.told(() => true);
      assert.equal(await child.ended, 0);
      await assertGoesOnAfter(directory, news);
    });
  });
}

test('on a full disk appends are refused as not written, nothing acknowledged is lost, and the log goes on', async (t) => {
  await inScratch('faults', async (directory) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', directory]);
    if (mounted.status !== 0) return t.skip(`no tmpfs can be mounted: ${mounted.stderr ?? mounted.error}`);
    try {
      const child = new Child<FullDiskNews>('full-disk-process', [directory]);
      const news = await child.told(() => true);
      assert.equal(await child.ended, 0);
      assert.equal(spawnSync('mount', ['-o', 'remount,size=1m', directory]).status, 0);
      await assertGoesOnAfter(directory, news);
    } finally {
      spawnSync('umount', [directory]);
    }
  });
});

/** Cuts the write after next short, `cut` bytes before its end (or after its beginning, where negative). */
function shortWrite(cut: number): FileChanges {
  let writes = 0;
  return {
    append: (file, pieces) => {
      const all = Buffer.concat(pieces);
      return file.append([++writes === 2 ? all.subarray(0, cut > 0 ? all.length - cut : -cut) : all]);
    },
  };
}

const CUTS = [
  { name: 'before its newline', cut: 1, outcomes: [undefined, undefined, 'unknown'] },
  { name: 'within its last line', cut: 10, outcomes: [undefined, undefined, 'not-written'] },
  { name: 'within its first line', cut: -20, outcomes: ['not-written', 'not-written', 'not-written'] },
] as const;

for (const { name, cut, outcomes } of CUTS) {
  test(`a group cut short ${name}: the whole lines are acknowledged, the rest is refused and never in the log`, async () => {
    await inScratch('faults', async (directory) => {
      const wal = await openWith(directory, shortWrite(cut));
      await wal.append(add('bd-first'));
      const group = ['bd-0', 'bd-1', 'bd-2'];
      const results = await Promise.allSettled(group.map((id) => wal.append(add(id))));
      assert.deepEqual(
        results.map((each) => (each.status === 'rejected' ? each.reason.outcome : undefined)),
        outcomes,
      );
      await wal.append(add('bd-after'));
      const report = await wal.verify();
      await wal.close();
      assert.equal(report.error, undefined);
      const there = group.filter((_, i) => outcomes[i] === undefined);
      assert.deepEqual(await idsIn(directory), ['bd-first', ...there, 'bd-after']);
    });
  });
}

test('a write cut short after a torn tail, even within what ends the tail, leaves nothing that counts', async () => {
  for (const cut of [-1, -2, -3, 1]) {
    await inScratch('faults', async (directory) => {
      await (await Wal.open(directory)).append(add('bd-0'));
      // A whole line that lacks its newline alone: ended by one, it would count.
      const other = await openWith(directory, {
        append: (file, [bytes]) => file.append([(bytes as Buffer).subarray(0, -1)]),
      });
      await assert.rejects(other.append(add('bd-torn')), { code: 'ERR_WAL_NO_SPACE', outcome: 'unknown' });
      await other.close();
      let first = true;
      const wal = await openWith(directory, {
        append: (file, pieces) => {
          const all = Buffer.concat(pieces);
          const bytes = first ? all.subarray(0, cut > 0 ? all.length - cut : -cut) : all;
          first = false;
          return file.append([bytes]);
        },
      });
      await assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_NO_SPACE' });
      await wal.append(add('bd-2'));
      assert.equal((await wal.verify()).error, undefined);
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-2']);
    });
  }
});

for (const blocking of [false, true]) {
  test(`a failed sync (${blocking ? 'appendSync' : 'append'}): outcome unknown, the Wal latches, and the next opener writes the segment over before it builds on it`, async () => {
    await inScratch('faults', async (directory) => {
      let failing = false;
      const fail = () => {
        if (failing) throw systemError('EIO');
      };
      const wal = await openWith(directory, {
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
      assert.deepEqual(JSON.parse(readFileSync(join(directory, 'wal.suspect'), 'utf8')), {
        segment: SEGMENT,
        seq: 1,
      });
      await (await Wal.open(directory, { readOnly: true })).close();
      assert.equal(existsSync(join(directory, 'wal.suspect')), true, 'a reader has nothing to heal');

      const next = await Wal.open(directory);
      assert.equal(statSync(path).ino, before.inode);
      assert.deepEqual(readFileSync(path), before.bytes);
      assert.equal(existsSync(join(directory, 'wal.suspect')), false);
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
  ['of the seal of a compaction', (wal: Wal) => wal.compact()],
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
      const wal = await openWith(directory, { sync }, { durability: 'os' });
      await wal.append(add('bd-0'));
      failing = true;
      await assert.rejects(work(wal), { code: 'ERR_WAL_SYNC' });
      assert.equal(existsSync(join(directory, 'wal.suspect')), true);
      await wal.close();
    });
  });
}

test('after a failed sync of its seal a Wal appends nothing more', async () => {
  await inScratch('faults', async (directory) => {
    const sync = async () => {
      throw systemError('EIO');
    };
    const wal = await openWith(directory, { sync }, { durability: 'os' });
    await wal.append(add('bd-0'));
    await assert.rejects(wal.compact(), { code: 'ERR_WAL_SYNC' });
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
      const marker = join(directory, 'wal.suspect');
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
    const wal = await openWith(directory, { sync }, { segmentBytes: 4096 });
    failing();
    const two = Promise.all(['bd-0', 'bd-1'].map((id) => wal.append(add(id))));
    await begun;
    wal.appendSync({ ...add('bd-2'), data: 'x'.repeat(5000) });
    assert.equal(wal.appendSync(add('bd-3')).seq, 4);
    fail();
    await two;
    await wal.close();
    const { seq } = JSON.parse(readFileSync(join(directory, 'wal.suspect'), 'utf8'));
    assert.equal(seq, 1);
  });
});

test('nothing is appended behind a seal while its sync is under way', async () => {
  await inScratch('faults', async (directory) => {
    const { sync, failing, begun, fail } = heldSync();
    const wal = await openWith(directory, { sync });
    await wal.append(add('bd-0'));
    failing();
    const compacting = assert.rejects(wal.compact(), { code: 'ERR_WAL_SYNC' });
    await begun;
    const behind = assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_LATCHED' });
    // What could go on does so in turns of the event loop.
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
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
      healSuspect(storage, directory);
      assert.equal(existsSync(join(directory, 'wal.suspect')), false);
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
    for (const seq of [2, 1]) markSuspect(nodeStorage, directory, seq, 0o600);
    assert.deepEqual(healed().slice(0, 2), [SEGMENT, SECOND_SEGMENT]);
  }));

test('a sync that fails while segments are made safe after another has them made safe once more', () =>
  withTwoSegments(async (directory, healed, meanwhile) => {
    markSuspect(nodeStorage, directory, 2, 0o600);
    meanwhile(() => markSuspect(nodeStorage, directory, 1, 0o600));
    assert.deepEqual(healed().slice(0, 3), [SECOND_SEGMENT, SEGMENT, SECOND_SEGMENT]);
  }));

test('a segment that a compaction deletes while it is made safe is passed over', () =>
  withTwoSegments(async (directory, healed, meanwhile) => {
    markSuspect(nodeStorage, directory, 1, 0o600);
    meanwhile(() => rmSync(join(directory, SEGMENT)));
    assert.deepEqual(healed().slice(0, 2), [SEGMENT, SECOND_SEGMENT]);
  }));

for (const readOnly of [false, true]) {
  const outcome = readOnly ? 'is refused by a Wal that cannot make it safe' : 'makes it safe first';
  test(`who follows as durable what a sync had failed of before ${outcome}`, async () => {
    await inScratch('faults', async (directory) => {
      const writer = await Wal.open(directory, { durability: 'os' });
      await writer.append(add('bd-0'));
      const wal = readOnly ? await Wal.open(directory, { readOnly }) : writer;
      const marker = join(directory, 'wal.suspect');
      markSuspect(nodeStorage, directory, 1, 0o600);
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
    const wal = await openWith(directory, { sync });
    failing();
    const two = Promise.allSettled(['bd-0', 'bd-1'].map((id) => wal.append(add(id))));
    await begun;
    const size = statSync(join(directory, SEGMENT)).size;
    const compacting = assert.rejects(wal.compact(), { code: 'ERR_WAL_SYNC' });
    fail();
    await Promise.all([two, compacting]);
    assert.equal(statSync(join(directory, SEGMENT)).size, size);
    await wal.close();
  });
});

for (const [what, changes] of [
  [
    'write',
    {
      append: () => {
        throw systemError('EIO');
      },
    },
  ],
  ['look after a write', lookThatFails()],
] as const satisfies readonly (readonly [string, FileChanges])[]) {
  test(`a failed ${what}: outcome unknown, and the Wal latches`, async () => {
    await inScratch('faults', async (directory) => {
      const wal = await openWith(directory, changes);
      const abort = new AbortController();
      await assert.rejects(wal.append(add('bd-0'), { signal: abort.signal }), {
        code: 'ERR_WAL_IO',
        outcome: 'unknown',
      });
      await assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_LATCHED', outcome: 'not-written' });
      await wal.close();
      const next = await Wal.open(directory);
      await next.append(add('bd-2'));
      await next.close();
      assert.equal((await idsIn(directory)).at(-1), 'bd-2');
    });
  });
}

function lookThatFails(): FileChanges {
  let written = false;
  return {
    append: (file, pieces) => {
      written = true;
      return file.append(pieces);
    },
    look: (file) => {
      if (written) throw systemError('EIO');
      return file.look();
    },
  };
}

test('while no file can be opened, appends are refused with the reason and nothing is latched; they go through after', async (t) => {
  if (process.platform === 'win32') return t.skip('no ulimit');
  await inScratch('faults', async (directory) => {
    const child = new Child<FewFilesNews>('few-files-process', [directory], { openFiles: 64 });
    const { during, read, after } = await child.told(() => true);
    assert.equal(await child.ended, 0);
    for (const result of during) assert.match(result, /^(\d|ERR_WAL_IO unknown)$/);
    assert.equal(read, 'ERR_WAL_IO');
    assert.equal(after, 4);
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-1', 'bd-2', 'bd-3']);
  });
});

test('a file that was replaced is synced, and its name, before anything in it is acknowledged', async () => {
  await inScratch('faults', async (directory) => {
    const done: string[] = [];
    const storage = changedStorage(
      {
        syncDirectory: (path) => path === directory && done.push('name'),
      },
      {
        sync: async () => void done.push('bytes'),
        syncNow: () => void done.push('bytes'),
      },
    );
    const wal = await Wal.openIn(changedSurroundings({ storage }), directory);
    await wal.append({ ...add('bd-0'), key: 'k' });
    await wal.append(add('bd-1'));
    // A copy says of its entries, too, that they were synced: that was in another file.
    const path = join(directory, SEGMENT);
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    done.length = 0;
    const { duplicate, seq } = await wal.append({ ...add('bd-0'), key: 'k' });
    assert.deepEqual([duplicate, seq], [true, 1]);
    assert.deepEqual(done, ['bytes', 'name']);
    await wal.close();
  });
});
