import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lastData, Wal } from '../../src/index.ts';
import { Child } from '../../src/lab/child.ts';
import {
  changedEnvironment,
  changedStorage,
  type FileChanges,
  systemError,
} from '../../src/lab/wrapped-storage.ts';
import { recordsIn } from '../support/audit.ts';
import type { FewFilesNews } from '../support/few-files-process.ts';
import type { FullDiskNews } from '../support/full-disk-process.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';
import { openChanged } from '../support/small-log.ts';

const add = (id: string) => ({ op: 'add', id });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const SEGMENT = '00000000000000000001.jsonl';

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
      const child = new Child<FullDiskNews>(ownScript('full-disk-process'), [directory], { fileBlocks });
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
      const child = new Child<FullDiskNews>(ownScript('full-disk-process'), [directory]);
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
  test(`a group cut short ${name}: what counts is acknowledged, or may be in the log; the rest never is`, async () => {
    await inScratch('faults', async (directory) => {
      const wal = await openChanged(directory, shortWrite(cut));
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
      const there = group.filter((_, i) => outcomes[i] !== 'not-written');
      assert.deepEqual(await idsIn(directory), ['bd-first', ...there, 'bd-after']);
    });
  });
}

test('a write cut short after a torn tail, even within what ends it, does no harm', async () => {
  for (const cut of [-1, -2, -3, 1]) {
    await inScratch('faults', async (directory) => {
      await (await Wal.open(directory)).append(add('bd-0'));
      const other = await openChanged(directory, {
        append: (file, [bytes]) => file.append([(bytes as Buffer).subarray(0, -2)]),
      });
      await assert.rejects(other.append(add('bd-torn')), { code: 'ERR_WAL_NO_SPACE' });
      await other.close();
      let first = true;
      const wal = await openChanged(directory, {
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
      // All but its newline is there: its outcome was unknown.
      const cutLine = cut === 1 ? ['bd-1'] : [];
      assert.deepEqual(await idsIn(directory), ['bd-0', ...cutLine, 'bd-2']);
    });
  }
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
      const wal = await openChanged(directory, changes);
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
    const child = new Child<FewFilesNews>(ownScript('few-files-process'), [directory], { openFiles: 64 });
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
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
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

for (const code of ['EROFS', 'EACCES', 'EPERM']) {
  test(`a write that the system refuses with ${code} is not written, and the Wal goes on once it may`, () =>
    inScratch('faults', async (directory) => {
      let refuses = false;
      const wal = await openChanged(directory, {
        append: (file, pieces) => {
          if (refuses) throw systemError(code);
          return file.append(pieces);
        },
      });
      await wal.append(add('bd-0'));
      refuses = true;
      const refused = { code: 'ERR_WAL_PERMISSION', outcome: 'not-written' };
      await assert.rejects(wal.append(add('bd-1')), refused);
      refuses = false;
      await wal.append(add('bd-2'));
      await wal.close();
      assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-2']);
    }));
}

test('segments that may only be appended to: a compaction is refused for what it is, no permission', (t) =>
  inScratch('faults', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    for (let n = 0; n < 40; n++) await wal.append({ ...add(`bd-${n % 3}`), data: 'x'.repeat(300) });
    const path = join(directory, SEGMENT);
    const marked = spawnSync('chattr', ['+a', path]);
    if (marked.status !== 0) {
      await wal.close();
      return t.skip('no chattr here');
    }
    try {
      const refused = { code: 'ERR_WAL_PERMISSION', message: /no permission/ };
      await assert.rejects(wal.compact({ fold: lastData, retain: 1 }), refused);
      await wal.append(add('bd-after'));
    } finally {
      spawnSync('chattr', ['-a', path]);
      await wal.close();
    }
  }));

test('a directory whose name is no UTF-8 is refused: the log would be made in another', async (t) => {
  if (process.platform !== 'linux') return t.skip('names are text here');
  await inScratch('faults', async (directory) => {
    const child = Buffer.concat([Buffer.from(`${directory}/x`), Buffer.from([0xff])]);
    mkdirSync(child);
    const before = readdirSync(directory, 'buffer');
    const refused = { code: 'ERR_WAL_ARGUMENT', message: /UTF-8/ };
    await assert.rejects(Wal.open(child.toString()), refused);
    await assert.rejects(Wal.open(join(child.toString(), 'log')), refused);
    assert.deepEqual(readdirSync(directory, 'buffer'), before);
  });
});
