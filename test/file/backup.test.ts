import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { lastData, Wal, WalError } from '../../src/index.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096 } as const;
const LOG_FILE = /^([0-9]{20}|snapshot-[0-9]{20})\.jsonl$/;
const entry = (n: number) => ({ op: 'update', id: `bd-${n % 10}`, data: { n, text: 'x'.repeat(200) } });

async function fill(wal: Wal, count: number, from = 1): Promise<void> {
  for (let n = from; n < from + count; n++) await wal.append(entry(n));
}

const logFiles = (directory: string) =>
  readdirSync(directory)
    .filter((name) => LOG_FILE.test(name))
    .sort();
const segments = (directory: string) => logFiles(directory).filter((name) => !name.startsWith('snapshot'));

/** What a new reader finds: the seqs that can be read, and the state. */
async function contentsOf(directory: string) {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const { error } = await wal.verify();
    assert.equal(error, undefined);
    const seqs = [];
    for await (const { seq } of wal.read({ from: await wal.oldest() })) seqs.push(seq);
    return { seqs, items: new Map((await wal.table()).list().map((item) => [item.id, item])) };
  } finally {
    await wal.close();
  }
}

/** Gives `body` a log of 100 entries in several segments, in a directory `log` of its own. */
function inLog(
  name: string,
  body: (wal: Wal, log: string, scratch: string) => Promise<void>,
  storage: Storage = nodeStorage,
): Promise<void> {
  return inScratch(name, async (scratch) => {
    const log = join(scratch, 'log');
    const wal = await Wal.openIn(changedEnvironment({ storage }), log, SMALL);
    try {
      await fill(wal, 100);
      await body(wal, log, scratch);
    } finally {
      await wal.close();
    }
  });
}

test('a backup has all entries; sealed segments and snapshots are hard links, and the last segment is a copy', () =>
  inLog('backup', async (wal, log, scratch) => {
    await wal.compact({ fold: lastData, retain: 10 });
    await fill(wal, 50, 101);
    const copy = join(scratch, 'copies', 'first');
    const report = await wal.backup(copy);
    const names = logFiles(log);
    assert.deepEqual(readdirSync(copy).sort(), [...names, 'wal.json'].sort());
    const shared = names.filter((name) => statSync(join(log, name)).ino === statSync(join(copy, name)).ino);
    const last = segments(log).at(-1);
    assert.deepEqual(
      shared,
      names.filter((name) => name !== last),
    );
    const bytes = readdirSync(copy).reduce((sum, name) => sum + statSync(join(copy, name)).size, 0);
    const { length } = names;
    const expected = {
      directory: copy,
      seq: 150,
      bytes,
      files: length + 1,
      linked: length - 1,
      reflinked: 0,
      copied: 2,
      whole: true,
      damage: [],
      error: undefined,
    };
    assert.deepEqual(report, expected);
    assert.deepEqual(readdirSync(scratch).sort(), ['copies', 'log']);
    assert.deepEqual(await contentsOf(copy), await contentsOf(log));
  }));

test('what is appended, compacted and deleted later changes no backup', () =>
  inLog('backup', async (wal, log, scratch) => {
    const copy = join(scratch, 'copy');
    await wal.backup(copy);
    const before = readdirSync(copy).map((name) => [name, readFileSync(join(copy, name), 'utf8')]);
    await fill(wal, 50, 101);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal(segments(log).length, 0);
    assert.deepEqual(
      readdirSync(copy).map((name) => [name, readFileSync(join(copy, name), 'utf8')]),
      before,
    );
    assert.equal((await contentsOf(copy)).seqs.length, 100);
  }));

test('link: false makes files of their own', () =>
  inLog('backup', async (wal, log, scratch) => {
    const { linked, reflinked, copied } = await wal.backup(join(scratch, 'copy'), { link: false });
    assert.deepEqual([linked, reflinked, copied], [0, 0, logFiles(log).length + 1]);
    for (const name of logFiles(log)) {
      assert.notEqual(statSync(join(log, name)).ino, statSync(join(scratch, 'copy', name)).ino);
    }
  }));

test('where files cannot be linked they share their blocks, and where that cannot be either they are copied, mode and all', () => {
  const link = () => {
    throw systemError('EXDEV');
  };
  return inLog('backup', async (wal, log, scratch) => {
    const reflink = (existing: string, path: string) => {
      if (existing.endsWith(first)) throw systemError('EOPNOTSUPP');
      copyFileSync(existing, path);
    };
    const [first, ...others] = segments(log) as [string, ...string[]];
    chmodSync(join(log, first), 0o640);
    const storage = changedStorage({ link, reflink });
    await wal.close();
    const other = await Wal.openIn(changedEnvironment({ storage }), log, { readOnly: true });
    const { linked, reflinked, copied, seq } = await other.backup(join(scratch, 'copy'));
    assert.deepEqual([linked, reflinked, copied, seq], [0, others.length - 1, 3, 100]);
    assert.equal(statSync(join(scratch, 'copy', first)).mode, statSync(join(log, first)).mode);
    assert.deepEqual(await contentsOf(join(scratch, 'copy')), await contentsOf(log));
    await other.close();
  });
});

test(
  'a pipe in the place of a segment is refused by its name, and neither linked nor reflinked, which would wait for it',
  { skip: process.platform === 'win32' && 'no pipes in directories there' },
  () =>
    inLog('backup', async (wal, log, scratch) => {
      await wal.close();
      const path = join(log, segments(log)[0] as string);
      rmSync(path);
      execFileSync('mkfifo', [path]);
      const asked: string[] = [];
      const refuse = (existing: string) => {
        asked.push(existing);
        throw systemError('EXDEV');
      };
      const storage = changedStorage({ link: refuse, reflink: refuse });
      const other = await Wal.openIn(changedEnvironment({ storage }), log, { readOnly: true });
      await assert.rejects(other.backup(join(scratch, 'copy')), (error) => {
        assert.ok(error instanceof WalError, String(error));
        assert.equal(error.code, 'ERR_WAL_FORMAT');
        assert.ok(error.message.includes(`${log}: ${path} is a pipe, a socket or a device`), error.message);
        return true;
      });
      assert.deepEqual(asked, []);
      await other.close();
    }),
);

test('the last segment is cut after its last accepted line: a torn tail and lines passed over stay behind', () =>
  inLog('backup', async (wal, log, scratch) => {
    const last = segments(log).at(-1) as string;
    const whole = readFileSync(join(log, last));
    const [first] = whole.toString().split('\n');
    appendFileSync(join(log, last), `${first}\n{"crc":"0000`);
    await wal.backup(join(scratch, 'copy'));
    assert.deepEqual(readFileSync(join(scratch, 'copy', last)), whole);
  }));

test('a log without an entry, and one that a snapshot alone stands for, are backed up too', () =>
  inScratch('backup', async (scratch) => {
    const wal = await Wal.open(join(scratch, 'log'));
    assert.equal((await wal.backup(join(scratch, 'empty'))).seq, 0);
    await fill(wal, 10);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal((await wal.backup(join(scratch, 'compacted'))).seq, 10);
    await wal.close();
    assert.equal((await contentsOf(join(scratch, 'empty'))).items.size, 0);
    assert.equal((await contentsOf(join(scratch, 'compacted'))).items.size, 10);
  }));

test('an empty directory is taken, its mode kept; one with something in it, a file, and the log itself are refused', () =>
  inLog('backup', async (wal, log, scratch) => {
    mkdirSync(join(scratch, 'empty'), { mode: 0o700 });
    await wal.backup(join(scratch, 'empty'));
    assert.equal(statSync(join(scratch, 'empty')).mode & 0o777, 0o700);
    writeFileSync(join(scratch, 'file'), '');
    const refused: [string, string][] = [
      [join(scratch, 'empty'), 'ERR_WAL_EXISTS'],
      [join(scratch, 'file'), 'ERR_WAL_NOT_A_DIRECTORY'],
      [join(scratch, 'file', 'below'), 'ERR_WAL_NOT_A_DIRECTORY'],
      [log, 'ERR_WAL_ARGUMENT'],
      [join(log, 'copy'), 'ERR_WAL_ARGUMENT'],
      [join(log, 'backups'), 'ERR_WAL_ARGUMENT'],
      ['', 'ERR_WAL_ARGUMENT'],
      ['a\0b', 'ERR_WAL_ARGUMENT'],
    ];
    for (const [destination, code] of refused) {
      const all = readdirSync(scratch, { recursive: true });
      await assert.rejects(wal.backup(destination), { code }, destination);
      assert.deepEqual(readdirSync(scratch, { recursive: true }), all);
    }
  }));

test("a backup in the log's own backups is no part of the log, nor of the next backup", () =>
  inLog('backup', async (wal, log) => {
    await wal.backup(join(log, 'backups', 'one'));
    await wal.backup(join(log, 'backups', 'two'));
    assert.deepEqual(readdirSync(join(log, 'backups')), ['one', 'two']);
    assert.equal(existsSync(join(log, 'backups', 'two', 'backups')), false);
    await wal.compact({ fold: lastData, retain: 1 });
    assert.equal((await contentsOf(join(log, 'backups', 'one'))).seqs.length, 100);
    assert.equal((await contentsOf(log)).items.size, 10);
  }));

for (const [code, expected] of [
  ['ENOSPC', 'ERR_WAL_NO_SPACE'],
  ['EACCES', 'ERR_WAL_PERMISSION'],
  ['EIO', 'ERR_WAL_IO'],
] as const) {
  test(`a backup that fails with ${code} leaves nothing behind, nor the directories made for it`, () =>
    inLog('backup', async (wal, log, scratch) => {
      await wal.close();
      let made = 0;
      const storage = changedStorage({
        link: () => {
          throw systemError('EXDEV');
        },
        open: (path, access, mode) => {
          if (access === 'create' && ++made === 3) throw systemError(code);
          return nodeStorage.open(path, access, mode);
        },
      });
      const reader = await Wal.openIn(changedEnvironment({ storage }), log, { readOnly: true });
      await assert.rejects(reader.backup(join(scratch, 'a', 'b', 'copy')), { code: expected });
      assert.deepEqual(readdirSync(scratch), ['log']);
      await reader.close();
    }));
}

test('an aborted backup leaves nothing behind', () =>
  inLog('backup', async (wal, _log, scratch) => {
    await assert.rejects(wal.backup(join(scratch, 'copy'), { signal: AbortSignal.abort() }), {
      code: 'ERR_WAL_ABORTED',
    });
    assert.deepEqual(readdirSync(scratch), ['log']);
  }));

test('segments that a compaction deletes while they are being linked cost another try', () => {
  let compact: (() => void) | undefined;
  const storage = changedStorage({
    link: (existing, path) => {
      if (path.includes('.tmp')) compact?.();
      nodeStorage.link(existing, path);
    },
  });
  return inLog(
    'backup',
    async (wal, log, scratch) => {
      await wal.compact({ fold: lastData, retain: 10 });
      await fill(wal, 100, 101);
      const [first, second] = segments(log) as [string, string];
      const snapshot = logFiles(log).at(-1) as string;
      let links = 0;
      // The first segment is linked already when the older half of the log goes.
      compact = () => {
        if (++links !== 2) return;
        for (const name of segments(log))
          if (name.slice(0, 20) <= snapshot.slice(9, 29)) nodeStorage.remove(join(log, name));
      };
      await wal.backup(join(scratch, 'copy'));
      assert.ok(links > 2);
      assert.deepEqual(
        [existsSync(join(scratch, 'copy', first)), existsSync(join(log, second))],
        [false, false],
      );
      const { seqs, items } = await contentsOf(join(scratch, 'copy'));
      assert.deepEqual([seqs.at(0), seqs.at(-1), items.size], [101, 200, 10]);
    },
    storage,
  );
});

test('a segment that was the last at the first try, and is sealed at the second, is taken again whole', () => {
  let meanwhile: (() => void) | undefined;
  const storage = changedStorage({
    open: (path, access, mode) => {
      const file = nodeStorage.open(path, access, mode);
      if (access === 'create' && path.includes('copy') && path.endsWith('.jsonl')) meanwhile?.();
      return file;
    },
  });
  return inLog(
    'backup',
    async (wal, log, scratch) => {
      await wal.compact({ fold: lastData, retain: 10 });
      await fill(wal, 10, 101);
      const before = segments(log);
      let times = 0;
      meanwhile = () => {
        if (++times > 1) return;
        for (let n = 111; n <= 150; n++) wal.appendSync(entry(n));
        // As a compaction does: the first of what the snapshot stands for.
        nodeStorage.remove(join(log, before[0] as string));
      };
      const { seq } = await wal.backup(join(scratch, 'copy'));
      assert.deepEqual([times, seq], [2, 150]);
      assert.ok(segments(log).length > before.length);
      assert.deepEqual((await contentsOf(join(scratch, 'copy'))).seqs.at(-1), 150);
    },
    storage,
  );
});

test('all that a backup is made of is synced before it gets its name, and its name before it is acknowledged', () => {
  const events: string[] = [];
  const storage: Storage = {
    ...nodeStorage,
    open: (path, access, mode) => {
      const file = nodeStorage.open(path, access, mode);
      const sync = file.sync.bind(file);
      return Object.assign(file, {
        sync: async () => {
          await sync();
          if (path.includes('copy')) events.push(`sync ${basename(path)}`);
        },
      });
    },
    rename: (from, to) => {
      nodeStorage.rename(from, to);
      if (to.includes('copy')) events.push('rename');
    },
    syncDirectory: (path) => {
      nodeStorage.syncDirectory(path);
      events.push(`directory ${path.replace(/\.[0-9a-f]{8}-[0-9]+\.[0-9a-f]{12}\.tmp$/, '')}`);
    },
  };
  return inLog(
    'backup',
    async (wal, log, scratch) => {
      events.length = 0;
      const copy = join(scratch, 'new', 'copy');
      await wal.backup(copy);
      const files = [...logFiles(log), 'wal.json'].map((name) => `sync ${name}`);
      const told = events.splice(0, files.length).sort();
      assert.deepEqual(told, files.sort());
      assert.deepEqual(events, [
        `directory ${copy}`,
        'rename',
        `directory ${dirname(copy)}`,
        `directory ${scratch}`,
      ]);
    },
    storage,
  );
});

test('a segment in doubt after a failed sync is copied from the cache, never linked', () =>
  inLog('backup', async (wal, log, scratch) => {
    const names = segments(log);
    const doubtful = names.at(-2) as string;
    writeFileSync(
      join(log, 'wal.failed-sync'),
      JSON.stringify({ segment: doubtful, seq: Number(doubtful.slice(0, 20)) }),
    );
    const { linked } = await wal.backup(join(scratch, 'copy'));
    assert.equal(linked, names.length - 2);
    assert.notEqual(statSync(join(log, doubtful)).ino, statSync(join(scratch, 'copy', doubtful)).ino);
    assert.equal(existsSync(join(scratch, 'copy', 'wal.failed-sync')), false);
  }));

/** What is done to a file of the log, and the error that a backup of it ends in. */
const DAMAGES: readonly [what: string, code: string, damage: (log: string, all: string[]) => void][] = [
  ['its first segment is missing', 'ERR_WAL_DIVERGED', (log, all) => rmSync(join(log, all[0] as string))],
  [
    'a segment in the middle is missing',
    'ERR_WAL_DIVERGED',
    (log, all) => rmSync(join(log, all[2] as string)),
  ],
  [
    'a line of an early segment is damaged',
    'ERR_WAL_CORRUPT',
    (log, all) => flip(join(log, all[1] as string)),
  ],
  [
    'it ends in damage',
    'ERR_WAL_CORRUPT',
    (log, all) => appendFileSync(join(log, all.at(-1) as string), '<<<<<<< HEAD\n'),
  ],
  [
    'an early segment is a link that leads nowhere',
    'ERR_WAL_DIVERGED',
    (log, all) => {
      rmSync(join(log, all[1] as string));
      symlinkSync('nowhere', join(log, all[1] as string));
    },
  ],
];

function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  // A new file: the one that backups link is as it was.
  rmSync(path);
  writeFileSync(path, bytes);
}

for (const [what, code, damage] of DAMAGES) {
  test(`a log is not backed up where ${what}; onDamage: 'keep' keeps the copy, and says so`, () =>
    inLog('backup', async (wal, log, scratch) => {
      damage(log, segments(log));
      await assert.rejects(wal.backup(join(scratch, 'copy')), (error) => {
        assert.ok(error instanceof WalError && error.damage !== undefined, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, /is damaged, so a backup of it would not be whole, and none was made\. /);
        assert.ok(!error.message.includes('.tmp'), error.message);
        return true;
      });
      assert.deepEqual(readdirSync(scratch), ['log']);

      const report = await wal.backup(join(scratch, 'copy'), { onDamage: 'keep' });
      assert.deepEqual([report.whole, report.error?.code, report.damage.length], [false, code, 1]);
      assert.ok(!report.error?.message.includes('.tmp'), report.error?.message);
      const there = segments(log).filter((name) => existsSync(join(log, name)));
      assert.deepEqual(segments(join(scratch, 'copy')), there);
      for (const name of there)
        assert.deepEqual(readFileSync(join(scratch, 'copy', name)), readFileSync(join(log, name)));
      const copy = await Wal.open(join(scratch, 'copy'), { readOnly: true });
      const { ok, head } = await copy.verify();
      await copy.close();
      assert.deepEqual([ok, head.seq], [false, report.seq]);
    }));
}

test('a damaged snapshot that nothing stands in for is told by a backup, too', () =>
  inLog('backup', async (wal, log, scratch) => {
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 1, 101);
    flip(join(log, logFiles(log).at(-1) as string));
    await assert.rejects(wal.backup(join(scratch, 'copy')), { code: 'ERR_WAL_CORRUPT' });
    const { whole, seq } = await wal.backup(join(scratch, 'copy'), { onDamage: 'keep' });
    assert.deepEqual([whole, seq], [false, 101]);
  }));

test('a log that is damaged is backed up as it is by link: false, too, and onDamage takes no other word', () =>
  inLog('backup', async (wal, log, scratch) => {
    flip(join(log, segments(log)[0] as string));
    const { linked, whole } = await wal.backup(join(scratch, 'copy'), { onDamage: 'keep', link: false });
    assert.deepEqual([linked, whole], [0, false]);
    const onDamage = 'cut' as 'keep';
    await assert.rejects(wal.backup(join(scratch, 'other'), { onDamage }), { code: 'ERR_WAL_ARGUMENT' });
  }));

test('what a disk reads wrong while a backup is copied is found before the copy gets its name', () => {
  let isTurned = false;
  const storage = changedStorage({
    open: (path, access, mode) => {
      const file = nodeStorage.open(path, access, mode);
      if (!isTurned || access !== 'create') return file;
      const append = file.append.bind(file);
      return Object.assign(file, {
        append: ([piece]: readonly Buffer[]) => {
          const bytes = Buffer.from(piece as Buffer);
          bytes.write('#', bytes.length >> 1);
          return append([bytes]);
        },
      });
    },
  });
  return inLog(
    'backup',
    async (wal, _log, scratch) => {
      isTurned = true;
      await assert.rejects(wal.backup(join(scratch, 'copy'), { link: false }));
      assert.deepEqual(readdirSync(scratch), ['log']);
    },
    storage,
  );
});

/** Moves a file, and leaves a link to it in its place. */
function moveAway(path: string, to: string, leadsTo = to): void {
  renameSync(path, to);
  symlinkSync(leadsTo, path);
}

test(
  'of a file that is a symbolic link, absolute or relative, a backup has the bytes; the others are hard links still',
  { skip: process.platform === 'win32' && 'links need rights there' },
  () =>
    inLog('backup', async (wal, log, scratch) => {
      await wal.compact({ fold: lastData, retain: 10 });
      await fill(wal, 20, 101);
      const [first, second] = segments(log) as [string, string];
      const snapshot = logFiles(log).at(-1) as string;
      const last = segments(log).at(-1) as string;
      mkdirSync(join(scratch, 'else'));
      moveAway(join(log, first), join(scratch, 'else', first));
      for (const name of [second, snapshot, last, 'wal.json'])
        moveAway(join(log, name), join(scratch, 'else', name), join('../else', name));
      const copy = join(scratch, 'deep/er/copy');
      const { linked, copied, whole, seq } = await wal.backup(copy);
      assert.deepEqual([linked, copied, whole, seq], [logFiles(log).length - 4, 5, true, 120]);
      assert.ok(readdirSync(copy).every((name) => !lstatSync(join(copy, name)).isSymbolicLink()));
      rmSync(join(scratch, 'else'), { recursive: true });
      assert.equal((await contentsOf(copy)).seqs.length, 120);
    }),
);

test(
  'a log whose whole directory is a symbolic link is backed up with hard links, also into its own backups',
  { skip: process.platform === 'win32' && 'links need rights there' },
  () =>
    inLog('backup', async (wal, log, scratch) => {
      await wal.close();
      moveAway(log, join(scratch, 'real'), 'real');
      const other = await Wal.open(log);
      const copies = [join(scratch, 'copy'), join(log, 'backups/one')];
      for (const copy of copies) {
        const { linked } = await other.backup(copy);
        assert.equal(linked, segments(log).length - 1);
        assert.equal((await contentsOf(copy)).seqs.length, 100);
      }
      await other.close();
    }),
);

test(
  'a log with symbolic links for segments and snapshots is compacted; the files they led to stay',
  { skip: process.platform === 'win32' && 'links need rights there' },
  () =>
    inLog('backup', async (wal, log, scratch) => {
      const before = segments(log);
      for (const name of before.slice(0, 3)) moveAway(join(log, name), join(scratch, name), join('..', name));
      await wal.compact({ fold: lastData, retain: 1 });
      assert.deepEqual([segments(log), (await contentsOf(log)).items.size], [[], 10]);
      const snapshot = logFiles(log)[0] as string;
      moveAway(join(log, snapshot), join(scratch, snapshot), join('..', snapshot));
      await fill(wal, 10, 101);
      await wal.compact({ fold: lastData, retain: 1 });
      assert.equal((await contentsOf(log)).items.get('bd-0')?.rev, 110);
      assert.ok([...before.slice(0, 3), snapshot].every((name) => existsSync(join(scratch, name))));
    }),
);

test(
  'a damaged log with a symbolic link for a segment is salvaged; what is kept of it is whole, and the file it led to stays',
  { skip: process.platform === 'win32' && 'links need rights there' },
  () =>
    inLog('backup', async (wal, log, scratch) => {
      await wal.close();
      const [first, second] = segments(log) as [string, string];
      const path = join(scratch, first);
      moveAway(join(log, first), path, join('..', first));
      rmSync(join(log, second));
      const before = segments(log);
      const { kept, lost } = await Wal.repair(log, { mode: 'salvage' });
      assert.equal(lost.length, 1);
      assert.deepEqual(segments(kept as string), before);
      assert.deepEqual(readFileSync(join(kept as string, first)), readFileSync(path));
      assert.equal((await contentsOf(log)).seqs.length, 100);
    }),
);

test('a backup is refused where its name is a symbolic link, before anything is copied', () =>
  inLog('backup', async (wal, _log, scratch) => {
    mkdirSync(join(scratch, 'empty'));
    for (const target of ['empty', 'nowhere']) {
      symlinkSync(target, join(scratch, 'copy'));
      await assert.rejects(wal.backup(join(scratch, 'copy')), (error) => {
        assert.ok(error instanceof WalError && error.code === 'ERR_WAL_NOT_A_DIRECTORY');
        assert.match(error.message, /copy is a symbolic link, .*: name the directory that it leads to/);
        return true;
      });
      rmSync(join(scratch, 'copy'));
    }
    assert.deepEqual(readdirSync(scratch).sort(), ['empty', 'log']);
  }));

test('a backup tells how much of the copy it has verified', () =>
  inLog('backup', async (wal, _log, scratch) => {
    const told: number[] = [];
    await wal.backup(join(scratch, 'copy'), { onProgress: (bytes) => told.push(bytes) });
    assert.ok(told.length > 1 && (told.at(-1) as number) > 20_000, String(told));
    await assert.rejects(wal.backup(join(scratch, 'b'), { onProgress: 1 as never }), {
      code: 'ERR_WAL_ARGUMENT',
    });
    const stop = new AbortController();
    const abort = wal.backup(join(scratch, 'b'), { signal: stop.signal, onProgress: () => stop.abort() });
    await assert.rejects(abort, { code: 'ERR_WAL_ABORTED' });
    assert.deepEqual(readdirSync(scratch).sort(), ['copy', 'log']);
  }));

test('backups made while four Wals append and a fifth compacts hold what was acknowledged before each', () =>
  inScratch('backup', async (scratch) => {
    const log = join(scratch, 'log');
    const wals = await Promise.all(Array.from({ length: 5 }, () => Wal.open(log, SMALL)));
    const acknowledged = new Map<string, number>();
    let stopped = false;
    const append = async (wal: Wal, w: number) => {
      for (let n = 0; !stopped; n++) {
        const id = `w${w}-${n % 50}`;
        const { seq } = await wal.append({ op: 'update', id, data: { n, text: 'x'.repeat(100) } });
        acknowledged.set(id, seq);
        // With segments of a few lines, compaction must be able to keep up.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const [compactor, ...writers] = wals as [Wal, ...Wal[]];
    const compacting = (async () => {
      while (!stopped) {
        await compactor.compact({ fold: lastData, retain: 1 });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const appending = writers.map(append);
    const snapshots = new Set<string>();
    try {
      for (let n = 0; n < 12; n++) {
        const before = new Map(acknowledged);
        const copy = join(scratch, `copy-${n}`);
        const { seq } = await (writers[n % 4] as Wal).backup(copy);
        const { items } = await contentsOf(copy);
        const lost = [...before].filter(([id, rev]) => (items.get(id)?.rev ?? 0) < rev);
        assert.deepEqual(lost, []);
        assert.ok([...items.values()].every(({ rev }) => rev <= seq));
        snapshots.add(logFiles(copy).at(-1) as string);
      }
    } finally {
      stopped = true;
      await Promise.all([compacting, ...appending]);
      await Promise.all(wals.map((wal) => wal.close()));
    }
    assert.ok(snapshots.size > 3, `only ${snapshots.size} compactions came between`);
  }));
