import assert from 'node:assert/strict';
import fs, {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Backup, backupsOf, pruneBehind } from '../../src/cli/backups.ts';
import { segmentsIn } from '../../src/cli/log.ts';
import { temporaryName } from '../../src/format/names.ts';
import { Wal } from '../../src/index.ts';
import { objects, runHere as run } from '../../src/lab/command-line.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';

/** Appends so many entries to the log in `.beads`, on three ids. */
async function fill(dir: string, count: number, from = 1): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    return { op: 'update', id: `bd-${n % 3}`, data: { n }, ts: n * 1000 };
  });
  await makeLog(dir, entries);
}

const only = async (dir: string, args: readonly string[]) => {
  const { code, stdout, stderr } = await run(dir, [...args, '--json']);
  assert.equal(code, 0, stderr);
  return objects(stdout);
};
const backups = (dir: string) => readdirSync(join(dir, '.beads/backups')).sort();

test('backup makes a copy in the log, or where it is told to; list tells of them, and prune keeps the newest', () =>
  inScratch('cli-backup', async (dir) => {
    await fill(dir, 3);
    for (let n = 0; n < 3; n++) {
      const [report] = await only(dir, ['backup']);
      assert.deepEqual([report.seq, report.files], [3, 2]);
      assert.match(report.directory, /\.beads\/backups\/\d{8}T\d{6}\.\d{3}Z-3$/);
    }
    const names = backups(dir);
    const told = await only(dir, ['backup', 'list']);
    assert.deepEqual(
      told.map(({ name }) => name),
      names.toReversed(),
    );
    assert.ok(
      told.every(({ seq, time, bytes }) => seq === 3 && Math.abs(Date.now() - time) < 600_000 && bytes > 300),
    );
    assert.equal((await run(dir, ['backup', 'list'])).stdout.split('\n').length, 4);

    const elsewhere = await run(dir, ['backup', 'copies/one']);
    assert.deepEqual([elsewhere.code, elsewhere.stderr], [0, '']);
    assert.match(elsewhere.stdout, /up to +entry 3\nsize +[\d,]+ bytes in 2 files \(2 copied\)\n/);
    assert.equal((await run(dir, ['verify', '-C', 'copies/one'])).code, 0);
    const again = await run(dir, ['backup', 'copies/one']);
    assert.deepEqual([again.code, again.stdout], [1, '']);
    assert.match(again.stderr, /exists and is not empty.*\[ERR_WAL_EXISTS\]/);
    assert.equal((await run(dir, ['backup', '.beads/here'])).code, 2);

    // What is not a backup is left alone; what was left of making or deleting one is not, once it is old.
    const place = join(dir, '.beads/backups');
    const [alive, old, gone] = [
      temporaryName('new', { host: hostname(), pid: process.pid }, '0123456789ab'),
      temporaryName('new', { host: hostname(), pid: 2 ** 30 }, '0123456789ab'),
      `${names[0]}.deleted.tmp`,
    ] as [string, string, string];
    const stay = ['mine', 'mine.tmp', 'mine.deleted.tmp', alive];
    for (const name of [...stay, old, gone]) mkdirSync(join(place, name));
    writeFileSync(join(place, old, 'file'), '');
    for (const name of [old, alive, 'mine.tmp', 'mine.deleted.tmp']) utimesSync(join(place, name), 0, 0);
    symlinkSync('mine', join(place, '20000101T000000.000Z-1'));
    assert.deepEqual(await only(dir, ['backup', 'prune', '--keep', '1']), []);
    const pruned = await only(dir, ['backup', 'prune', '--all', '--keep', '1']);
    assert.deepEqual(
      pruned.map(({ name }) => name),
      names.slice(0, -1).toReversed(),
    );
    assert.deepEqual(backups(dir), ['20000101T000000.000Z-1', names.at(-1), ...stay].sort());
    const none = await run(dir, ['backup', 'prune']);
    assert.deepEqual(none, { code: 0, stdout: '', stderr: 'There was nothing to delete.\n' });
    const nowhere = await run(dir, ['backup', 'list', '-C', 'nowhere']);
    assert.match(nowhere.stderr, /There is no log in nowhere/);
  }));

/** Does something just before the first call of a function of node:fs that fits. */
function before<Name extends 'lstatSync' | 'readdirSync' | 'renameSync' | 'rmSync'>(
  t: TestContext,
  name: Name,
  fits: (path: string) => boolean,
  work: () => void,
): void {
  const real = fs[name] as (...args: unknown[]) => unknown;
  let isDone = false;
  t.mock.method(fs, name, (...args: unknown[]) => {
    if (!isDone && fits(String(args[0]))) {
      isDone = true;
      work();
    }
    return real(...args);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

const META =
  '{"format":"jsonl-wal","version":1,"id":"0123456789abcdef","created":"2025-01-01T00:00:00.000Z"}';
const OTHER_META = META.replace('0123', 'ffff');

/** A directory with the backups of a log, each with a file in it. */
async function inBackups(
  body: (log: string, names: readonly string[]) => void,
  names: readonly string[] = [1, 2, 3, 4].map((n) => `before-compact-2025010${n}T000000.000Z-${n}`),
  metaOf: (name: string) => string = () => META,
): Promise<void> {
  await inScratch('cli-prune', (log) => {
    writeFileSync(join(log, 'wal.json'), META);
    for (const name of names) {
      mkdirSync(join(log, 'backups', name), { recursive: true });
      writeFileSync(join(log, 'backups', name, 'wal.json'), metaOf(name));
    }
    body(log, names);
  });
}

const prune = (log: string, keep: number, reached = 1000) =>
  pruneBehind(log, keep, ['compact'], reached).map(({ name }) => name);

test('what is kept goes by how far a backup goes, whatever the clock said that made it', () => {
  const ahead = ['before-compact-20990101T000000.000Z-3', 'before-compact-20980101T000000.000Z-9'];
  const names = [...ahead, 'before-compact-20250101T000000.000Z-10', 'before-compact-20250102T000000.000Z-9'];
  return inBackups((log) => {
    assert.deepEqual(prune(log, 2), [names[3], names[0]]);
    assert.deepEqual(prune(log, 2), []);
    assert.deepEqual(readdirSync(join(log, 'backups')).sort(), [names[2], names[1]].sort());
  }, names);
});

test('only what a compaction made of this log, and found whole, is deleted, and nothing that goes further than what stays', () => {
  const stay = [
    '20250101T000000.000Z-1',
    'before-compact-20250101T000000.000Z-2-damaged',
    'before-compact-20250101T000000.000Z-2-mine',
    'before-compact-20251301T000000.000Z-2',
    'before-compact-20250101T000000.000Z-9999999999999999',
    'before-compact-20250101T000000.000Z-5',
    'before-compact-20240101T000000.000Z-1',
    'before-compact-20250101T000000.000Z-3',
    'before-compact-20250102T000000.000Z-3',
    'before-repair-20250101T000000.000Z',
    'mine',
  ];
  const gone = 'before-compact-20250101T000000.000Z-4';
  const metaOf = (name: string) => (name.startsWith('before-compact-2024') ? OTHER_META : META);
  return inBackups(
    (log) => {
      rmSync(join(log, 'backups/mine/wal.json'));
      writeFileSync(join(log, 'backups/before-compact-20250101T000000.000Z-3/notes.md'), 'mine');
      writeFileSync(join(log, 'backups/before-compact-20250102T000000.000Z-3/wal.lock'), 'written to');
      assert.deepEqual(prune(log, 0, 4), [gone]);
      assert.deepEqual(readdirSync(join(log, 'backups')).sort(), stay.toSorted());
    },
    [...stay, gone],
    metaOf,
  );
});

test('a prune that was cut short is ended by the next, and what it had begun with is no backup', (t) =>
  inBackups((log, names) => {
    const fails = () => {
      throw systemError('EIO');
    };
    before(t, 'rmSync', (path) => path.endsWith('-1.deleted.tmp'), fails);
    assert.throws(() => prune(log, 1), { code: 'ERR_WAL_IO' });
    assert.equal(readdirSync(join(log, 'backups')).filter((name) => name.endsWith('.deleted.tmp')).length, 3);
    assert.deepEqual(
      backupsOf(log).map(({ name }) => name),
      [names[3]],
    );
    assert.deepEqual(prune(log, 1), []);
    assert.deepEqual(readdirSync(join(log, 'backups')), [names[3]]);
  }));

const MOMENTS = [
  ['lists a backup', 'readdirSync', /-2$/],
  ['looks at a file of a backup', 'lstatSync', /-2.wal\.json$/],
  ['takes a backup out', 'renameSync', /-2$/],
  ['deletes what it took out', 'rmSync', /-2\.deleted\.tmp$/],
] as const;

for (const [moment, call, path] of MOMENTS) {
  test(`two prunes at once, the second before the first ${moment}: each backup is deleted by one of them, and nothing fails`, (t) =>
    inBackups((log, names) => {
      let others: string[] | undefined;
      before(
        t,
        call,
        (each) => path.test(each),
        () => {
          others = prune(log, 1);
        },
      );
      const own = prune(log, 1);
      assert.ok(others !== undefined, 'the other prune came too late');
      assert.deepEqual([...own, ...others].sort(), names.slice(0, 3));
      assert.deepEqual(readdirSync(join(log, 'backups')), names.slice(3));
    }));
}

for (const [what, call, path] of [
  ['the place for backups', 'readdirSync', /backups$/],
  ['a file of a backup', 'lstatSync', /-2.wal\.json$/],
] as const) {
  test(`a list of backups goes on where ${what} is taken away meanwhile`, (t) =>
    inBackups((log, names) => {
      before(
        t,
        call,
        (each) => path.test(each),
        () =>
          fs.rmSync(
            what.startsWith('a file') ? join(log, 'backups', names[1] as string) : join(log, 'backups'),
            { recursive: true },
          ),
      );
      const listed = backupsOf(log).map(({ name }) => name);
      assert.deepEqual(listed, what.startsWith('a file') ? names.toReversed() : []);
    }));
}

const COMPACT = ['compact', '--fold', 'last-data', '--retain', '1'] as const;

test('compact makes a backup first and keeps five of those, and each that somebody made; with --no-backup it makes none', () =>
  inScratch('cli-backup', async (dir) => {
    await fill(dir, 5);
    const [without] = await only(dir, [...COMPACT, '--no-backup']);
    assert.deepEqual([without.backup, existsSync(join(dir, '.beads/backups'))], [null, false]);
    const [{ directory: own }] = await only(dir, ['backup']);
    for (let n = 1; n <= 7; n++) {
      await fill(dir, 1, n + 5);
      const [{ backup, made }] = await only(dir, COMPACT);
      assert.equal(made, true);
      assert.equal(backup, join(dir, '.beads/backups', backups(dir).at(-1) as string));
    }
    assert.ok(existsSync(own));
    assert.deepEqual(
      backups(dir)
        .slice(1)
        .map((name) => name.replace(/^before-compact-\d{8}T\d{6}\.\d{3}Z-/, '')),
      ['8', '9', '10', '11', '12'],
    );
    const [, oldest] = backups(dir) as [string, string];
    const restored = await only(dir, ['restore', `.beads/backups/${oldest}`, 'restored']);
    assert.deepEqual([restored[0].seq, restored[0].applied], [8, 1]);
    assert.equal((await only(dir, ['state', '-C', 'restored'])).length, 3);
    // There is nothing new: what the backup would be of is all there still.
    const [again] = await only(dir, COMPACT);
    assert.deepEqual([again.made, again.backup, backups(dir).length], [false, null, 6]);
  }));

/** A log of 60 entries in 3 segments and more. */
async function makeSegments(dir: string): Promise<string[]> {
  const wal = await Wal.open(join(dir, '.beads'), { segmentBytes: 4096 });
  for (let n = 1; n <= 60; n++) await wal.append({ op: 'update', id: `bd-${n % 3}`, data: 'x'.repeat(100) });
  await wal.close();
  const names = segmentsIn(join(dir, '.beads')).map(({ name }) => name);
  assert.ok(names.length >= 3);
  return names;
}

test('what a compaction deleted, and what of that is free, is told: what its backup links is not', () =>
  inScratch('cli-backup', async (dir) => {
    const names = await makeSegments(dir);
    const sizes = names.map((name) => statSync(join(dir, '.beads', name)).size);
    const sum = sizes.reduce((a, b) => a + b);
    const [told] = await only(dir, COMPACT);
    assert.deepEqual([told.deleted, told.freed], [sum, sizes.at(-1)]);
    await fill(dir, 1, 61);
    const { stdout } = await run(dir, [...COMPACT, '--no-backup']);
    assert.match(stdout, /deleted +\d+ bytes of segments\n/);
    const { stdout: help } = await run(dir, ['compact', '--help']);
    assert.match(help, /keeps on the disk what\nthe compaction would free/);
  }));

test('with a segment away, compact and backup exit with 4, make nothing that passes for whole, and prune nothing', () =>
  inScratch('cli-backup', async (dir) => {
    const names = await makeSegments(dir);
    await only(dir, [...COMPACT.slice(0, 3)]);
    await fill(dir, 1, 61);
    const [first] = backups(dir) as [string];
    for (const n of [2, 3, 4, 5, 6]) {
      const copy = join(dir, '.beads/backups', first.replace(/T\d{6}/, `T00000${n}`));
      cpSync(join(dir, '.beads/backups', first), copy, { recursive: true });
    }
    const all = backups(dir);
    const snapshot = readdirSync(join(dir, '.beads')).find((name) => name.startsWith('snapshot'));
    rmSync(join(dir, '.beads', snapshot as string));
    rmSync(join(dir, '.beads', names[1] as string));
    for (let n = 0; n < 2; n++) {
      const { code, stderr } = await run(dir, COMPACT);
      assert.equal(code, 4);
      assert.match(stderr, /would not be whole, and none was made/);
      assert.deepEqual(backups(dir), all);
    }
    const copy = await run(dir, ['backup']);
    assert.equal(copy.code, 4);
    assert.match(copy.stdout, /verdict +NOT WHOLE: acknowledged entries are missing, or may be\nmissing +0+/);
    assert.match(copy.stderr, /The backup \S+-61-damaged is as damaged as the log\. .*\[ERR_WAL_DIVERGED\]/);
    assert.match((await run(dir, ['backup', 'list'])).stdout, /entry 61 {2}NOT WHOLE {2}/);
    const elsewhere = await run(dir, ['backup', 'copy', '--json']);
    const [{ whole, error, damage }] = objects(elsewhere.stdout);
    assert.deepEqual([elsewhere.code, whole, error.code, damage.length], [4, false, 'ERR_WAL_DIVERGED', 1]);
    const none = await run(dir, ['backup', 'prune', '--keep', '0']);
    assert.equal(none.code, 4);
    assert.match(none.stderr, /\.beads, which would stay, is not whole: no backup was deleted\. /);
    const [furthest] = backupsOf(join(dir, '.beads')).filter(({ seq }) => seq === 60);
    rmSync(join((furthest as Backup).directory, names[1] as string));
    const rotten = await run(dir, ['backup', 'prune', '--keep', '1']);
    assert.equal(rotten.code, 4);
    assert.equal(backups(dir).length, all.length + 1);
  }));

test('with the last segment away, which no line proves, compact says what does, and exits with 4', () =>
  inScratch('cli-backup', async (dir) => {
    const names = await makeSegments(dir);
    const [{ directory }] = await only(dir, ['backup']);
    rmSync(join(dir, '.beads', names.at(-1) as string));
    const told = [
      /: this machine saw entry 60 acknowledged; .*; if that was meant: "jsonl-wal doctor --forget"\. \[ERR_WAL_CORRUPT\]/,
      /: the log ends at entry \d+, and its backup \S+-60 at entry 60 .* move that backup away\. \[ERR_WAL_CORRUPT\]/,
    ];
    for (const message of told) {
      for (const more of [[], ['--no-backup']]) {
        const { code, stderr } = await run(dir, [...COMPACT, ...more]);
        assert.equal(code, 4);
        assert.match(stderr, message);
      }
      assert.equal(backups(dir).length, 1);
      await run(dir, ['doctor', '--forget']);
    }
    // A name tells nothing if what it names does not hold it.
    renameSync(join(directory, names.at(-1) as string), join(dir, 'away'));
    const { code, stderr } = await run(dir, COMPACT);
    assert.deepEqual([code, stderr], [0, '']);
  }));

test('a backup that goes less far than another one says so', () =>
  inScratch('cli-backup', async (dir) => {
    const names = await makeSegments(dir);
    const [{ directory }] = await only(dir, ['backup']);
    rmSync(join(dir, '.beads', names.at(-1) as string));
    const { code, stderr } = await run(dir, ['backup']);
    assert.equal(code, 0);
    assert.ok(stderr.includes(`${basename(directory)}, holds entries up to 60, which the log lacks`), stderr);
  }));

test('two compactions at once both end well, and leave a log and backups that are whole', () =>
  inScratch('cli-backup', async (dir) => {
    await makeSegments(dir);
    const runs = await Promise.all([run(dir, COMPACT), run(dir, COMPACT)]);
    assert.deepEqual(
      runs.map(({ code, stderr }) => [code, stderr]),
      [
        [0, ''],
        [0, ''],
      ],
    );
    assert.equal((await run(dir, ['verify'])).code, 0);
    const made = backupsOf(join(dir, '.beads'));
    assert.ok(made.length > 0 && made.every(({ whole, seq }) => whole && seq === 60));
    assert.deepEqual(
      backups(dir).filter((name) => name.endsWith('.tmp')),
      [],
    );
  }));

test('a compaction that fails leaves no backup behind', () =>
  inScratch('cli-backup', async (dir) => {
    const wal = await Wal.open(join(dir, '.beads'));
    await wal.append({ op: 'add', id: 'bd-1' });
    await wal.compact({ fold: { name: 'other', version: 1, apply: () => 1 } });
    await wal.append({ op: 'add', id: 'bd-2' });
    await wal.close();
    const { code, stderr } = await run(dir, COMPACT);
    assert.equal(code, 1);
    assert.match(stderr, /\[ERR_WAL_FOLD\]/);
    assert.deepEqual(backups(dir), []);
  }));

test('restore says what it applied, skipped and failed, and makes a log that goes on', () =>
  inScratch('cli-restore', async (dir) => {
    await fill(dir, 9);
    const { code, stdout, stderr } = await run(dir, ['restore', '.beads', 'at six', '--to-seq', '6']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^restored +.*at six \(log [0-9a-f]{16}\)\napplied +6 entries, 1 to 6\nskipped +3 entries, after entry 6\nfailed +0 lines\n$/,
    );
    assert.equal((await run(dir, ['append', '--op', 'add', '--id', 'x', '-C', 'at six'])).stdout, '7\n');
    assert.match(readFileSync(join(dir, 'at six/.gitignore'), 'utf8'), /^backups\/$/m);
    const past = await run(dir, ['restore', '.beads', 'new', '--to-seq', '10']);
    assert.equal(past.code, 2);
    assert.match(past.stderr, /from 0 to 9/);
    assert.match(
      (await run(dir, ['restore', 'none', 'new'])).stderr,
      /There is no log in none: name a backup \("jsonl-wal backup list"\)/,
    );
    assert.match((await run(dir, ['restore', 'nats://x', 'new'])).stderr, /address/);

    const segment = join(dir, '.beads/00000000000000000001.jsonl');
    writeFileSync(segment, readFileSync(segment, 'utf8').replace('"n":5', '"n":6'));
    const damaged = await run(dir, ['restore', '.beads', 'new']);
    assert.equal(damaged.code, 4);
    assert.match(damaged.stderr, /up to any entry from 0 to 4/);
    const cut = await run(dir, ['restore', '.beads', 'new', '--on-damage', 'cut']);
    assert.equal(cut.code, 0);
    assert.match(
      cut.stdout,
      /applied +4 entries, 1 to 4\n.*failed +5 lines\n +damaged \(checksum-mismatch\) at 0+1\.jsonl byte \d+\n +stranded at/s,
    );
    const [{ entries }] = await only(dir, ['stats', '-C', 'new']);
    assert.deepEqual(entries, { all: 4, readable: 4 });
  }));

test('state --at tells the state as it was, and on stderr what it made it of', () =>
  inScratch('cli-at', async (dir) => {
    await fill(dir, 6);
    assert.equal((await run(dir, ['snapshot', '--fold', 'last-data'])).code, 0);
    await fill(dir, 3, 7);
    const at = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(dir, ['state', '--json', '--at', ...args]);
      assert.equal(code, 0, stderr);
      return [objects(stdout).map(({ value }) => value.n), objects(stderr)];
    };
    assert.deepEqual(await at('4'), [[3, 4, 2], [{ seq: 4, applied: 4, skipped: 5 }]]);
    assert.deepEqual(await at('8'), [[6, 7, 8], [{ seq: 8, applied: 2, skipped: 1 }]]);
    assert.deepEqual(await at('1970-01-01T00:00:02Z', '--id', 'bd-1', '--id', 'none'), [
      [1],
      [{ seq: 2, applied: 2, skipped: 7 }],
    ]);
    const { stderr } = await run(dir, ['state', '--at', '8']);
    assert.equal(
      stderr,
      'jsonl-wal: As of entry 8: 2 entries applied (7 to 8), onto a snapshot of entry 6, 1 skipped after it.\n',
    );
    for (const bad of ['soon', '-1', '1.5'])
      assert.equal((await run(dir, ['state', '--at', bad])).code, 2, bad);
    assert.equal((await run(dir, ['state', '--at', '10'])).code, 2);
    await run(dir, ['compact', '--fold', 'last-data', '--retain', '1']);
    const gone = await run(dir, ['state', '--at', '8']);
    assert.deepEqual([gone.code, gone.stdout], [1, '']);
    assert.match(gone.stderr, /from entry 9 on.*\[ERR_WAL_COMPACTED\]/);
  }));

test('snapshot deletes nothing; stats tells what is in the log, and what of it is dead', () =>
  inScratch('cli-stats', async (dir) => {
    await fill(dir, 30);
    const before = (await run(dir, ['read', '--json'])).stdout;
    const [made] = await only(dir, ['snapshot', '--fold', 'last-data']);
    assert.deepEqual([made.seq, made.made, made.ids], [30, true, 3]);
    assert.equal(
      (await run(dir, ['snapshot', '--fold', 'last-data'])).stdout.split('\n')[0],
      'snapshot  there already, of all up to entry 30',
    );
    // The snapshot names the fold.
    assert.equal((await run(dir, ['snapshot'])).code, 0);
    assert.equal((await run(dir, ['read', '--json'])).stdout, before);
    const [stats] = await only(dir, ['stats']);
    assert.deepEqual(
      [stats.entries, stats.ids, stats.lock, stats.snapshots.length],
      [{ all: 30, readable: 30 }, 3, 'kernel', 1],
    );
    const { segments, snapshots, live, dead } = stats.bytes;
    const snapshot = readFileSync(join(dir, '.beads', 'snapshot-00000000000000000030.jsonl'), 'utf8');
    const items = snapshot.split('\n').slice(1, 4);
    assert.equal(live, Buffer.byteLength(`${items.join('\n')}\n`));
    assert.equal(dead, segments + snapshots - live);
    assert.ok(Math.abs(Date.now() - stats.lastWrite) < 600_000);
    assert.deepEqual([stats.versions.format, stats.versions.node], [1, process.versions.node]);
    const { stdout, code } = await run(dir, ['stats']);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /entries +30\nfold +last-data version 1\nids +3\n.*snapshots +1, .*entry 30\n.*dead +\S+ (kB|bytes) \(\d+ %\)\n/s,
    );
  }));

test('append --expect-rev goes through only if the id is as it was seen', () =>
  inScratch('cli-rev', async (dir) => {
    await fill(dir, 4);
    const claim = (rev: string, ...more: string[]) =>
      run(dir, ['append', '--op', 'claim', '--id', 'bd-1', '--expect-rev', rev, ...more]);
    const refused = await claim('4');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /none is recorded: .*--fold last-data, or --fold .*ERR_WAL_FOLD/s);
    // Named once, it is recorded, as entry 5.
    assert.equal((await claim('4', '--fold', 'last-data')).stdout, '6\n');
    const late = await claim('4', '--json');
    assert.equal(late.code, 3);
    assert.deepEqual(
      objects(late.stderr).map(({ code, rev }) => [code, rev]),
      [['ERR_WAL_CONFLICT', 6]],
    );
    assert.equal((await claim('6')).stdout, '7\n');
    const unasked = ['append', '--op', 'a', '--id', 'b', '--fold', 'last-data'];
    assert.equal((await run(dir, unasked)).code, 2);
    assert.equal((await claim('x')).code, 2);
    assert.equal((await claim('5', '--expect-seq', '5')).code, 2);
    assert.equal((await run(dir, ['append', '--expect-rev', '1'], '{"op":"a","id":"b"}\n')).code, 2);
    assert.equal(
      (await run(dir, ['append', '--batch', '--expect-rev', '1'], '{"op":"a","id":"b"}\n')).code,
      2,
    );
  }));

test('a backup, a restore and an export may have names with spaces and control characters, which reach no terminal', () =>
  inScratch('cli-names', async (dir) => {
    await fill(dir, 2);
    const name = 'a \u001b[2J b';
    const backup = await run(dir, ['backup', name]);
    assert.equal(backup.code, 0);
    assert.equal(backup.stdout.includes('\u001b'), false);
    const restored = await run(dir, ['restore', name, `${name}2`]);
    assert.equal(restored.code, 0);
    assert.equal(restored.stdout.includes('\u001b'), false);
    renameSync(join(dir, name), join(dir, 'moved'));
    const failed = await run(dir, ['restore', name, 'new']);
    assert.deepEqual([failed.code, failed.stderr.includes('\u001b')], [1, false]);
  }));
