import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { extname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { examine } from '../../src/cli/commands/doctor.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { onLog } from '../../src/cli/failure.ts';
import { printable } from '../../src/format/printable.ts';
import { lastData, setLockKind, Wal } from '../../src/index.ts';
import { ended, PROGRAM, runHere as run, run as runProcess, start } from '../../src/lab/command-line.ts';
import { forgeOwner } from '../../src/lab/index.ts';
import { inScratch } from '../support/scratch.ts';
import { noSignals } from '../support/system.ts';

const SMALL = { segmentBytes: 4096 } as const;
const DAY_MS = 86_400_000;

async function append(log: string, from: number, to: number, body?: (wal: Wal) => Promise<unknown>) {
  const wal = await Wal.open(log, SMALL);
  for (let n = from; n <= to; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(300) });
  await body?.(wal);
  await wal.close();
}

async function checksOf(log: string): Promise<Check[]> {
  const checks: Check[] = [];
  for await (const check of examine(log)) checks.push(check);
  return checks;
}

/** Gives `body` a log of 30 entries in several segments, closed. */
function inLog(body: (log: string) => Promise<void>): Promise<void> {
  return inScratch('doctor', async (scratch) => {
    const log = join(scratch, '.beads');
    await append(log, 1, 30);
    writeFileSync(
      join(log, '.gitignore'),
      'wal.lock*\nwal.failed-sync\nwal.mark\nwal.rewound\nbackups/\n*.tmp\n',
    );
    writeFileSync(join(log, '.gitattributes'), '*.jsonl -text\n');
    await body(log);
  });
}

const jsonl = (log: string) =>
  readdirSync(log)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
const lastSegment = (log: string) =>
  join(log, jsonl(log).findLast((name) => !name.startsWith('snapshot')) as string);

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] as number) ^ 1;
  writeFileSync(path, bytes);
}

test('a log that is well: every check says so, and nothing is left or changed in its directory', () =>
  inLog(async (log) => {
    const before = readdirSync(log).map((name) => [name, readFileSync(join(log, name), 'latin1')]);
    const { code, stdout } = await run(join(log, '..'), ['doctor', '--json']);
    const { ok, checks } = JSON.parse(stdout);
    assert.deepEqual([code, ok], [0, true]);
    assert.deepEqual(
      checks.filter(({ state }: Check) => state !== 'ok'),
      [],
    );
    assert.ok(checks.length >= 15);
    assert.deepEqual(
      readdirSync(log).map((name) => [name, readFileSync(join(log, name), 'latin1')]),
      before,
    );
    const shown = await run(join(log, '..'), ['doctor']);
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /^\[ok\] {3}chain {8}30 entries in \d segments$/m);
  }));

type Case = readonly [
  what: string,
  spoil: (log: string) => void | Promise<void>,
  check: string,
  state: Check['state'],
  message: RegExp,
  fix?: RegExp,
];

const CASES: readonly Case[] = [
  [
    'wal.json is missing',
    (log) => rmSync(join(log, 'wal.json')),
    'format',
    'fail',
    /wal.json is missing\. \d+ entries can be kept/,
    /repair --mode salvage/,
  ],
  [
    'wal.json is damaged',
    (log) => writeFileSync(join(log, 'wal.json'), '{"format":"\u001b[31m'),
    'format',
    'fail',
    /is damaged/,
    /repair --mode salvage/,
  ],
  [
    'it is of a newer version',
    (log) => writeFileSync(join(log, 'wal.json'), '{"format":"jsonl-wal","version":9}'),
    'format',
    'fail',
    /format version 9/,
    /npm install/,
  ],
  [
    'a repair was cut short',
    (log) => writeFileSync(join(log, 'wal.repairing.tmp'), '{"kept":"a","made":"b","phase":"replacing"}\n'),
    'format',
    'fail',
    /was interrupted/,
    /^jsonl-wal repair --mode salvage -C /,
  ],
  [
    'a bit flipped in its last line',
    (log) => flip(lastSegment(log), -100),
    'chain',
    'fail',
    /is damaged/,
    /^jsonl-wal repair --mode tail -C /,
  ],
  [
    'a bit flipped in its first segment',
    (log) => flip(join(log, jsonl(log)[0] as string), 700),
    'chain',
    'fail',
    /missing|damaged/,
    /^jsonl-wal repair --mode salvage -C /,
  ],
  [
    'a segment is missing',
    (log) => rmSync(join(log, jsonl(log)[1] as string)),
    'chain',
    'fail',
    /segments are missing/,
    /repair --mode salvage/,
  ],
  [
    'its first segment is missing',
    (log) => rmSync(join(log, jsonl(log)[0] as string)),
    'chain',
    'fail',
    /no snapshot covers what came before.*Entries 1 to \d+ are missing, though acknowledged/,
    /repair --mode salvage/,
  ],
  [
    'it has conflict markers',
    (log) => appendFileSync(lastSegment(log), '<<<<<<< HEAD\n=======\n>>>>>>> theirs\n'),
    'merge',
    'fail',
    /00\d+\.jsonl:\d+, and 2 more/,
    /do not delete them/,
  ],
  [
    'it ends in a torn line',
    (log) => appendFileSync(lastSegment(log), '{"crc":"0123~\n{"crc"'),
    'tail',
    'ok',
    /2 torn or pending lines/,
  ],
  [
    'a sync failed',
    (log) => writeFileSync(join(log, 'wal.failed-sync'), '{"seq":1}\n'),
    'sync',
    'warn',
    /may not be on the disk/,
    /jsonl-wal init -C/,
  ],
  [
    'something was left over',
    (log) => leaveOver(join(log, 'snapshot-1.tmp')),
    'leftovers',
    'warn',
    /snapshot-1\.tmp, 2 days old/,
    /^rm -r .*snapshot-1\.tmp$/,
  ],
  [
    'a copy beside it was left over',
    (log) => leaveOver(`${log}.0123.tmp`),
    'leftovers',
    'warn',
    /2 days old/,
    /^rm -r /,
  ],
  [
    'its last entry is of tomorrow',
    async (log) => {
      const wal = await Wal.open(log, SMALL);
      await wal.append({ op: 'add', id: 'bd-late', ts: Date.now() + DAY_MS });
      await wal.close();
    },
    'clock',
    'warn',
    /ahead of this machine/,
    /timedatectl/,
  ],
  [
    'it is locked with the slower lock',
    (log) => setLockKind(log, 'lockfile'),
    'file system',
    'warn',
    /kernel lock, which is quicker/,
    /lock set kernel/,
  ],
  [
    'wal.lock names no kind',
    (log) => writeFileSync(join(log, 'wal.lock'), 'x'),
    'lock',
    'warn',
    /was overwritten: the next writer writes it again/,
    /lock set /,
  ],
  [
    'wal.lock names a kind of another version',
    (log) => writeFileSync(join(log, 'wal.lock'), '{"kind":"abacus"}'),
    'lock',
    'fail',
    /does not name a kind/,
    /remove wal.lock/,
  ],
  [
    'a lockfile is dated in the future',
    (log) => {
      setLockKind(log, 'lockfile');
      mkdirSync(join(log, 'wal.lock.held'));
      utimesSync(join(log, 'wal.lock.held'), Date.now() / 1000 + 86_400, Date.now() / 1000 + 86_400);
    },
    'lock',
    'warn',
    /dated 24 hours ahead.*the next writer takes it away after 2 s/,
    /lock break --force/,
  ],
  [
    'a holder died with the lockfile',
    (log) => {
      setLockKind(log, 'lockfile');
      mkdirSync(join(log, 'wal.lock.held'));
      utimesSync(join(log, 'wal.lock.held'), 1, 1);
    },
    'lock',
    'ok',
    /left behind \d+ days ago/,
  ],
  [
    'somebody holds the lock for half a minute',
    (log) => {
      setLockKind(log, 'lockfile');
      mkdirSync(join(log, 'wal.lock.held'));
      forgeOwner(log, { pid: process.pid, host: hostname(), thread: 0, since: Date.now() - 30_000 });
    },
    'lock',
    'warn',
    /held; last taken by pid \d+ .*\(alive\).*longer than any turn takes$/,
    /lock break --force/,
  ],
  [
    'a process that is gone holds the lock for a day, as it seems',
    (log) => {
      setLockKind(log, 'lockfile');
      mkdirSync(join(log, 'wal.lock.held'));
      forgeOwner(log, { pid: 2 ** 30, host: hostname(), thread: 0, since: Date.now() - DAY_MS });
    },
    'lock',
    'fail',
    /held; last taken by pid \d+ .*\(dead\).*longer than any turn takes, and each append waits for it/,
    /^if that holder is stuck: jsonl-wal lock break --force -C /,
  ],
  [
    'a git repository is not git ignores what it must',
    (log) => {
      mkdirSync(join(log, '..', '.git'));
      rmSync(join(log, '.gitignore'));
    },
    'git',
    'warn',
    /\.gitignore in the log's directory lacks lines/,
    /jsonl-wal init -C/,
  ],
];

function leaveOver(path: string): void {
  writeFileSync(path, '');
  const then = (Date.now() - 2 * DAY_MS) / 1000;
  utimesSync(path, then, then);
}

for (const [what, spoil, name, state, message, fix] of CASES) {
  test(`the doctor says of a log where ${what}: ${state}${fix === undefined ? '' : ', and what to do'}`, () =>
    inLog(async (log) => {
      await spoil(log);
      const checks = await checksOf(log);
      const found = checks.find((check) => check.name === name);
      assert.equal(found?.state, state, JSON.stringify(checks));
      assert.match(found.message, message);
      if (fix === undefined) assert.equal(found.fix, undefined);
      else assert.match(found.fix ?? '', fix);
      for (const check of checks)
        if (check.state !== 'ok') assert.ok(check.fix, `${check.name}: no way to fix it`);
    }));
}

test('entries dated in the future are warned of in the middle of a log, and where they are compacted away', () =>
  inScratch('doctor', async (log) => {
    const wal = await Wal.open(log, { fold: lastData });
    for (const ts of [1, Date.UTC(2091, 0), 2]) await wal.append({ op: 'add', id: 'a', ts });
    const clock = async () => {
      const found = (await checksOf(log)).find(({ name }) => name === 'clock');
      return [found?.state, found?.message];
    };
    assert.deepEqual(await clock(), ['warn', '1 entry is dated in the future, first entry 2']);
    await wal.compact({ retain: 1 });
    await wal.append({ op: 'add', id: 'a', ts: 3 });
    const gone = 'an entry that was compacted away is dated in the future, 2091-01-01T00:00:00Z';
    assert.deepEqual(await clock(), ['warn', gone]);
    await wal.close();
  }));

test('a snapshot that cannot be read is warned of where another stands in, and fails where none does', () =>
  inLog(async (log) => {
    await append(log, 31, 40, async (wal) => {
      await wal.compact({ fold: lastData, retain: 2 });
    });
    await append(log, 41, 60, (wal) => wal.compact({ fold: lastData, retain: 2 }));
    const [older, newer] = jsonl(log).filter((name) => name.startsWith('snapshot')) as [string, string];
    const snapshots = async () => (await checksOf(log)).find(({ name }) => name === 'snapshots');
    assert.match((await snapshots())?.message ?? '', /^2, all whole, the newest of entry 60$/);
    flip(join(log, newer), 500);
    const warned = await snapshots();
    assert.deepEqual(
      [warned?.state, warned?.message],
      ['warn', `${newer} cannot be read; that of entry 40 stands in`],
    );
    flip(join(log, older), 10);
    assert.equal((await snapshots())?.state, 'fail');
  }));

test('a snapshot whose lines were converted: doctor says that a salvage brings all of it back', () =>
  inLog(async (log) => {
    await append(log, 31, 32, (wal) => wal.compact({ fold: lastData, retain: 1 }));
    const [snapshot] = jsonl(log) as [string];
    const path = join(log, snapshot);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('\n', '\r\n'));
    const checks = await checksOf(log);
    const { message, fix } = checks.find(({ name }) => name === 'snapshots') as Check;
    assert.match(message, /a salvage brings all of it back/);
    assert.match(fix ?? '', /^jsonl-wal repair --mode salvage -C /);
  }));

test('beside damage, doctor does not call gone what a repair may bring back, nor name --forget', () =>
  inLog(async (log) => {
    flip(lastSegment(log), 40);
    const rewound = (await checksOf(log)).find(({ name }) => name === 'rewound');
    assert.equal(rewound?.state, 'warn');
    assert.doesNotMatch(`${rewound.message} ${rewound.fix}`, /gone|--forget/);
  }));

test('in a directory that may not be listed, doctor goes on to the end', (t) =>
  inLog(async (log) => {
    if (process.getuid?.() !== 0) return t.skip('only root may act as another user');
    chmodSync(join(log, '..'), 0o755);
    chmodSync(log, 0o700);
    process.seteuid?.(65_534);
    const checks = await checksOf(log).finally(() => process.seteuid?.(0));
    assert.equal(checks.find(({ name }) => name === 'permissions')?.state, 'fail');
    assert.equal(checks.at(-1)?.name, 'git');
  }));

test('each command that doctor and an error name is one on that log', () =>
  inLog(async (log) => {
    assert.equal(
      onLog('Run "jsonl-wal doctor", or "jsonl-wal lock set kernel" (see "jsonl-wal lock --help").', "it's"),
      `Run "jsonl-wal doctor -C 'it'\\''s'", or "jsonl-wal lock set kernel -C 'it'\\''s'" (see "jsonl-wal lock --help").`,
    );
    flip(lastSegment(log), 40);
    const { stderr } = await run(log, ['read', '-C', '.']);
    const named = stderr.match(/"jsonl-wal [^"]*"/g) ?? [];
    assert.ok(named.length > 0);
    for (const command of named) assert.match(command, / -C \."$/);
  }));

/** Starts a process that takes the kernel lock, and keeps it. */
async function startHolder(log: string): Promise<ChildProcess & { readonly pid: number }> {
  const library = new URL(`../../src/index${extname(import.meta.url)}`, import.meta.url);
  const script = `import { createLock } from ${JSON.stringify(library)};
    const lock = createLock('kernel', ${JSON.stringify(log)});
    console.log(lock.tryAcquire());
    setInterval(() => lock.kind, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(child.stdout, 'data');
  assert.equal(String(said), 'true\n');
  return child as ChildProcess & { readonly pid: number };
}

test(
  'a log whose lock was held a minute too long: the stopped holder is named, and its fix works',
  { skip: noSignals },
  () =>
    inLog(async (log) => {
      const child = await startHolder(log);
      const { pid } = child;
      try {
        forgeOwner(log, { pid, host: hostname(), thread: 0, since: Date.now() - 50_000 });
        const lock = async () => (await checksOf(log)).find(({ name }) => name === 'lock');
        assert.equal((await lock())?.state, 'warn');
        forgeOwner(log, { pid, host: hostname(), thread: 0, since: Date.now() - 61_000 });
        const found = await lock();
        assert.equal(found?.state, 'fail', JSON.stringify(found));
        assert.match(found.fix ?? '', new RegExp(`kill -KILL ${pid} `));
        child.kill('SIGSTOP');
        if (process.platform === 'linux')
          assert.match((await lock())?.fix ?? '', /^kill -CONT \d+; or kill -KILL/);
        const { code } = await run(join(log, '..'), ['doctor']);
        assert.equal(code, 1);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      const freed = (await checksOf(log)).find(({ name }) => name === 'lock');
      assert.deepEqual([freed?.state, /kernel, free/.test(freed?.message ?? '')], ['ok', true]);
    }),
);

test('without addons, the doctor fails a log with the kernel lock, and the command it gives lets appends in', () =>
  inLog(async (log) => {
    const bare = { NODE_OPTIONS: '--no-addons' };
    const entry = ['append', '--op', 'add', '--id', 'bd-31', '-C', log];
    const append = await runProcess(log, entry, '', bare);
    assert.match(append.stderr, /ERR_WAL_LOCK_UNAVAILABLE/);
    const { code, stdout } = await runProcess(log, ['doctor', '--json', '-C', log], '', bare);
    const { ok, verdict, checks } = JSON.parse(stdout);
    const failed = checks.filter(({ state }: Check) => state === 'fail');
    assert.deepEqual([code, ok, verdict, failed.length], [1, false, 'failed', 1]);
    assert.match(failed[0].message, /^no append works: .*ERR_WAL_LOCK_UNAVAILABLE/);
    assert.match(failed[0].fix, /^start node without --no-addons .*; or jsonl-wal lock set lockfile -C /);
    assert.equal((await runProcess(log, ['lock', 'set', 'lockfile', '-C', log], '', bare)).code, 0);
    assert.equal((await runProcess(log, entry, '', bare)).code, 0);
    assert.equal((await runProcess(log, ['doctor', '-C', log], '', bare)).code, 0);
  }));

test('who may only read gets a verdict of its own: exit code 7, and no command that takes more', (t) =>
  inLog(async (log) => {
    if (process.getuid?.() !== 0) return t.skip('only root may start a process as another user');
    for (const name of readdirSync(log)) chmodSync(join(log, name), 0o644);
    chmodSync(log, 0o755);
    chmodSync(join(log, '..'), 0o755);
    const nobody = { uid: 65534, gid: 65534 };
    const reached = spawnSync(process.execPath, [PROGRAM, '--version'], { ...nobody, cwd: '/' });
    if (reached.status !== 0) return t.skip('another user cannot reach this checkout, or this Node');
    const { code, stdout, stderr } = await ended(start(join(log, '..'), ['doctor', '--json'], nobody));
    assert.equal(code, 7, stderr);
    const { ok, verdict, checks } = JSON.parse(stdout);
    assert.deepEqual([ok, verdict], [false, 'untried']);
    const found = checks.find(({ name }: Check) => name === 'append');
    assert.equal(found.state, 'skip');
    assert.match(found.message, /uid 65534 may read the log, and not write it/);
    assert.doesNotMatch(stdout, /chown|chmod/);
    // One file that others may not write is no reader's case: who owns the directory is kept from appending.
    chownSync(log, 65534, 65534);
    const kept = await ended(start(join(log, '..'), ['doctor'], nobody));
    assert.equal(kept.code, 1);
    assert.match(kept.stdout, /wal\.lock may not be written\n +fix: .* chown -R --reference=/);
    chownSync(log, 0, 0);
    assert.equal((await run(join(log, '..'), ['doctor'])).code, 0);
  }));

/** Mounts something on a directory, for `body`; skips the test where that is not possible. */
async function onMount(
  t: TestContext,
  args: readonly string[],
  place: string,
  body: () => Promise<void>,
): Promise<void> {
  mkdirSync(place, { recursive: true });
  const mounted = spawnSync('mount', [...args, place]);
  if (mounted.status !== 0) return t.skip(`nothing can be mounted: ${mounted.stderr ?? mounted.error}`);
  try {
    await body();
  } finally {
    spawnSync('umount', [place]);
  }
}

const remount = (options: string, place: string) =>
  assert.equal(spawnSync('mount', ['-o', `remount,${options}`, place]).status, 0);

test('on a mount that is read-only here alone, no append is tried; its fix makes one possible', (t) =>
  inLog(async (log) => {
    await onMount(t, ['--bind', log], log, async () => {
      remount('ro,bind', log);
      const { code, stdout } = await run(join(log, '..'), ['doctor']);
      assert.equal(code, 7, stdout);
      assert.match(stdout, /\[skip\] append +not tried: .* is mounted read-only here, and its disk is not/);
      assert.doesNotMatch(stdout, /chown|chmod|compact/);
      assert.match(stdout, /mount -o remount,rw,bind /);
      remount('rw,bind', log);
      assert.equal((await run(join(log, '..'), ['doctor'])).code, 0);
    });
  }));

test('on a disk that is read-only, the doctor fails, and names the command that makes it writable', (t) =>
  inScratch('doctor', async (scratch) => {
    await onMount(t, ['-t', 'tmpfs', '-o', 'size=1m', 'none'], scratch, async () => {
      const log = join(scratch, 'log');
      await append(log, 1, 3);
      remount('ro', scratch);
      const found = (await checksOf(log)).find(({ name }) => name === 'append');
      assert.equal(found?.state, 'fail');
      assert.match(found.fix ?? '', /^mount -o remount,rw .*, as root$/);
      remount('rw', scratch);
      assert.equal((await checksOf(log)).find(({ name }) => name === 'append')?.state, 'ok');
    });
  }));

for (const [what, options, fill] of [
  ['no room is left', 'size=1m', (path: string) => writeUntilFull(path)],
  ['no inodes are left', 'nr_inodes=60', (path: string) => makeUntilFull(path)],
] as const)
  test(`where ${what}, the doctor fails an append, and first names what frees room, which does`, (t) =>
    inScratch('doctor', async (scratch) => {
      await onMount(t, ['-t', 'tmpfs', '-o', options, 'none'], scratch, async () => {
        const log = join(scratch, 'log');
        await append(log, 1, 30);
        assert.equal(
          (await run(log, ['compact', '--fold', 'last-data', '--retain', '1', '-C', log])).code,
          0,
        );
        fill(join(scratch, 'other'));
        const checks = await checksOf(log);
        const found = checks.filter(({ name }) => name === 'append' || name === 'room');
        assert.deepEqual(
          found.map(({ state }) => state),
          ['fail', 'fail'],
          JSON.stringify(checks),
        );
        for (const { fix } of found) {
          assert.match(fix ?? '', /^jsonl-wal backup prune --keep 0 -C /);
          assert.match(fix ?? '', /; once there is room .*compact .*--no-backup/);
        }
        assert.equal((await run(log, ['backup', 'prune', '--keep', '0', '-C', log])).code, 0);
        assert.equal((await checksOf(log)).find(({ name }) => name === 'append')?.state, 'ok');
        await append(log, 31, 32);
        const compact = ['compact', '--fold', 'last-data', '--retain', '1', '--no-backup', '-C', log];
        assert.equal((await run(log, compact)).code, 0);
      });
    }));

function writeUntilFull(path: string): void {
  assert.throws(() => {
    for (let n = 0; n < 1000; n++) appendFileSync(path, Buffer.alloc(4096));
  }, /ENOSPC/);
}

function makeUntilFull(path: string): void {
  assert.throws(() => {
    for (let n = 0; n < 1000; n++) writeFileSync(`${path}${n}`, '');
  }, /ENOSPC/);
}

test('what has another owner than the directory is named', (t) =>
  inLog(async (log) => {
    if (process.getuid?.() !== 0) return t.skip('only root may give files away');
    chownSync(lastSegment(log), 65534, 65534);
    const found = (await checksOf(log)).find(({ name }) => name === 'owners');
    assert.deepEqual([found?.state, /1 file of another owner/.test(found?.message ?? '')], ['warn', true]);
  }));

test('without a directory, with a file in its place, or with nothing in it, the doctor ends with 1; with damaged data with 4', () =>
  inLog(async (log) => {
    const scratch = join(log, '..');
    const none = await run(scratch, ['doctor', '-C', 'none']);
    assert.deepEqual(
      [none.code, /\[fail\] directory +none is not there\n +fix: jsonl-wal init -C none/.test(none.stdout)],
      [1, true],
    );
    mkdirSync(join(scratch, 'empty'));
    const empty = await run(scratch, ['doctor', '-C', 'empty']);
    assert.match(empty.stdout, /\[fail\] format +there is no log in empty\n +fix: jsonl-wal init -C empty/);
    assert.equal(empty.code, 1);
    const [, file] = await checksOf(join(log, 'wal.json'));
    assert.deepEqual([file?.name, file?.state], ['directory', 'fail']);
    flip(lastSegment(log), -100);
    assert.equal((await run(scratch, ['doctor'])).code, 4);
  }));

test('the command that the doctor gives, pasted into a shell, fixes the log; what steers terminals is shown by its number', () =>
  inScratch('doctor', async (scratch) => {
    const log = join(scratch, "it's \u001b[31m a log");
    await append(log, 1, 5);
    flip(lastSegment(log), -100);
    forgeOwner(log, { pid: 1, host: '\u001b]0;mine\u0007', thread: 0, since: 0 });
    const { code, stdout } = await run(scratch, ['doctor', '-C', log]);
    assert.equal(code, 4);
    assert.doesNotMatch(stdout, /jsonl-wal (doctor|verify)/);
    assert.equal(printable(stdout.replaceAll('\n', '')), stdout.replaceAll('\n', ''));
    const fix = (await checksOf(log)).find(({ name }) => name === 'chain')?.fix ?? '';
    assert.match(fix, /^jsonl-wal repair --mode tail -C '.*' \(/);
    assert.equal((await run(scratch, ['repair', '--mode', 'tail', '-C', log])).code, 0);
    const failed = (await checksOf(log)).filter(({ state }) => state === 'fail');
    assert.deepEqual(failed, []);
  }));

test('repair: a dry run says what would be done, the run does it and says where the original is, a second has nothing to do', () =>
  inLog(async (log) => {
    const scratch = join(log, '..');
    flip(join(log, jsonl(log)[0] as string), 700);
    const refused = await run(scratch, ['repair', '--mode', 'tail', '--json']);
    assert.deepEqual([refused.code, JSON.parse(refused.stderr).code], [4, 'ERR_WAL_CORRUPT']);
    assert.equal((await run(scratch, ['repair'])).code, 2);
    const plan = await run(scratch, ['repair', '--mode', 'salvage', '--dry-run']);
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(
      plan.stdout,
      /^repair +a new log would be made, up to entry 30\nentries +29, of which \d+ no longer counted\nlost +entry 2 \(checksum-mismatch, /m,
    );
    assert.match(plan.stdout, /nothing was written/);
    assert.doesNotMatch(plan.stdout, /jsonl-wal (doctor|verify)/);
    assert.equal(readdirSync(log).includes('backups'), false);
    const done = await run(scratch, ['repair', '--mode', 'salvage', '--json']);
    assert.equal(done.code, 0, done.stderr);
    const report = JSON.parse(done.stdout);
    assert.deepEqual([report.entries, report.lost.length, report.dryRun], [29, 1, false]);
    assert.ok(readdirSync(report.kept).includes('wal.json'));
    const again = await run(scratch, ['repair', '--mode', 'salvage']);
    assert.deepEqual([again.code, again.stdout], [0, 'repair  there is nothing to do\n']);
    const failed = (await checksOf(log)).filter(({ state }) => state === 'fail');
    assert.deepEqual(failed, []);
  }));
