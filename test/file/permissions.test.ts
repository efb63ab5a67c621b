import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeMirror } from '../../examples/issue-tracker/mirror-file.ts';
import { writeWhole } from '../../src/cli/write-file.ts';
import { restoreLog } from '../../src/copy/restore.ts';
import { lastData, Wal, type WalOptions } from '../../src/index.ts';
import { ended, runHere, start } from '../../src/lab/command-line.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { markFailedSync } from '../../src/layout/failed-sync.ts';
import { MarkFile } from '../../src/layout/mark-file.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { Permissions } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';
import { entry, files, SEGMENT, SMALL, SNAPSHOT } from '../support/small-log.ts';

const TEAM = 40_000;
const ALICE = { uid: 40_001, gid: 40_011, groups: [TEAM] };
const BOB = { uid: 40_002, gid: 40_012, groups: [TEAM] };
const ROOT = { uid: 0, gid: 0, groups: [0] };

/** Runs `work` with the rights of a user, and with an umask, in this process. */
async function as<T>(user: typeof ALICE, umask: number, work: () => Promise<T>): Promise<T> {
  const [groups, before] = [process.getgroups?.() ?? [], process.umask(umask)];
  process.setgroups?.(user.groups);
  process.setegid?.(user.gid);
  process.seteuid?.(user.uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
    process.umask(before);
  }
}

/** A directory for a log that others can reach; skips the test where this is not root, or they cannot. */
async function inTeam(t: TestContext, body: (place: string) => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return t.skip('only root may act as other users');
  await inScratch('permissions', async (place) => {
    chmodSync(place, 0o755);
    const reached = await as(ALICE, 0o022, async () => existsSync(join(place, '.')));
    if (!reached) return t.skip('another user cannot reach this checkout');
    await body(place);
  });
}

async function withWal<T>(log: string, options: WalOptions, work: (wal: Wal) => Promise<T>): Promise<T> {
  const wal = await Wal.open(log, { ...SMALL, durability: 'os', ...options });
  return work(wal).finally(() => wal.close());
}

const fillSegment = async (wal: Wal) => {
  await wal.appendBatch(Array.from({ length: 25 }, (_, n) => entry(`bd-${n}`, n)));
};

const octal = (path: string) => (statSync(path).mode & 0o7777).toString(8);

/** Each name under a directory with its mode, those of directories with a slash. */
function modesUnder(directory: string): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return new Map(names.map((name) => [name, octal(join(directory, name))]));
}

for (const lock of ['kernel', 'lockfile'] as const) {
  test(`two users of a group and root use a log in turns, with the ${lock} lock`, (t) =>
    inTeam(t, async (place) => {
      const log = join(place, 'log');
      mkdirSync(log);
      chownSync(log, ALICE.uid, TEAM);
      chmodSync(log, 0o2770);
      const fold = lastData;
      await as(ALICE, 0o077, () => withWal(log, { fileMode: 0o660, lock, fold }, fillSegment));
      let seq = 25;
      for (const [turn, user] of [ROOT, BOB, ROOT, ALICE, BOB].entries()) {
        await as(user, 0o077, async () => {
          await withWal(log, { lock }, async (wal) => {
            assert.equal((await wal.append(entry('bd-1', turn))).seq, ++seq);
            await fillSegment(wal);
            seq += 25;
            await wal.compact({ fold, retain: 1 });
            await wal.backup(join(log, 'backups', `turn-${turn}`));
          });
          markFailedSync(nodeStorage, log, 1);
          await withWal(log, { lock }, fillSegment);
          seq += 25;
          const last = join(log, files(log, SEGMENT).at(-1) as string);
          const text = readFileSync(last, 'utf8');
          writeFileSync(last, text.replace('"update"', '"updaTe"'));
          const { kept } = await Wal.repair(log, { mode: 'salvage' });
          assert.ok(kept, `turn ${turn}`);
          ({ seq } = await withWal(log, { lock }, (wal) => wal.head()));
          rmSync(join(log, 'wal.mark'));
          rmSync(join(log, 'wal.lock'));
          await withWal(log, { lock }, async (wal) => void (await wal.append(entry('bd-2', turn))));
          seq++;
          // Who is killed with the lock leaves this.
          if (lock === 'lockfile') {
            mkdirSync(join(log, 'wal.lock.held'));
            utimesSync(join(log, 'wal.lock.held'), 1, 1);
          }
        });
        for (const [name, mode] of modesUnder(log)) {
          const path = join(log, name);
          if (basename(name) === 'wal.lock.held') continue;
          const right = statSync(path).isDirectory() ? '2770' : '660';
          assert.deepEqual([name, mode, statSync(path).gid], [name, right, TEAM]);
        }
      }
      await as(BOB, 0o022, () =>
        withWal(log, {}, async (wal) => {
          assert.equal((await wal.append(entry('bd-3', 0))).seq, seq + 1);
          assert.equal((await wal.verify()).error, undefined);
        }),
      );
    }));
}

test('what root makes in a log belongs to the user and the group that the newest segment belongs to', (t) =>
  inTeam(t, async (place) => {
    const log = join(place, 'log');
    mkdirSync(log);
    chownSync(log, ALICE.uid, ALICE.gid);
    await as(ALICE, 0o022, () => withWal(log, { fold: lastData }, fillSegment));
    await as(ROOT, 0o077, async () => {
      await withWal(log, {}, async (wal) => {
        for (let n = 0; n < 3; n++) await fillSegment(wal);
        await wal.compact({ fold: lastData, retain: 40 });
        await wal.backup(join(log, 'backups', 'linked'));
        await wal.backup(join(place, 'backup'), { link: false });
      });
      markFailedSync(nodeStorage, log, 1);
      await Wal.restore(log, join(place, 'restored'));
      const last = join(log, files(log, SEGMENT).at(-1) as string);
      truncateSync(join(log, 'wal.json'));
      writeFileSync(last, readFileSync(last, 'utf8').replace('"update"', '"updaTe"'));
      await Wal.repair(log, { mode: 'salvage' });
    });
    for (const made of ['log', 'backup', 'restored']) {
      assert.ok(files(join(place, made), SNAPSHOT).length > 0);
      for (const name of ['.', ...modesUnder(join(place, made)).keys()]) {
        const { uid, gid } = statSync(join(place, made, name));
        assert.deepEqual([made, name, uid, gid], [made, name, ALICE.uid, ALICE.gid]);
      }
    }
    await as(ALICE, 0o022, () => withWal(log, {}, fillSegment));
  }));

test('who is not in the group of the newest segment makes files all the same', (t) =>
  inTeam(t, async (place) => {
    const log = join(place, 'log');
    mkdirSync(log);
    chmodSync(log, 0o777);
    await withWal(log, { fileMode: 0o666 }, fillSegment);
    await as(ALICE, 0o077, () => withWal(log, {}, fillSegment));
    const { mode, uid, gid } = statSync(join(log, files(log, SEGMENT).at(-1) as string));
    assert.deepEqual([mode & 0o777, uid, gid], [0o666, ALICE.uid, ALICE.gid]);
    await as(BOB, 0o077, () => withWal(log, {}, fillSegment));
  }));

test('a new file has the mode of the newest segment, whatever the umask and fileMode', () =>
  inScratch('permissions', async (place) => {
    const log = join(place, 'log');
    const umask = process.umask(0o077);
    // On Linux, directories that are made in such a one are so, too.
    chmodSync(place, 0o2755);
    const inherited = process.platform === 'linux' ? '2' : '';
    try {
      await withWal(log, { fileMode: 0o640, directoryMode: 0o750, fold: lastData }, fillSegment);
      assert.deepEqual([octal(log), [...new Set(modesUnder(log).values())]], [`${inherited}750`, ['640']]);
      const newest = () => join(log, files(log, SEGMENT).at(-1) as string);
      chmodSync(newest(), 0o664);
      for (const name of ['wal.lock', 'wal.mark']) rmSync(join(log, name));
      await withWal(log, { fileMode: 0o600 }, async (wal) => {
        await fillSegment(wal);
        await wal.compact({ fold: lastData, retain: 1 });
      });
      markFailedSync(nodeStorage, log, 1);
      const { 'wal.json': meta, ...others } = Object.fromEntries(modesUnder(log));
      assert.equal(meta, '640');
      assert.ok(['wal.lock', 'wal.mark', 'wal.failed-sync'].every((name) => others[name] === '664'));
      assert.deepEqual([...new Set(Object.values(others))], ['664'], JSON.stringify(others));
      // Without a segment, the newest snapshot tells; what is read-only there is not so for who goes on.
      const snapshot = join(log, files(log, SNAPSHOT).at(-1) as string);
      for (const name of files(log, SEGMENT)) rmSync(join(log, name));
      chmodSync(snapshot, 0o440);
      await withWal(log, {}, fillSegment);
      assert.equal(octal(newest()), '640');
    } finally {
      process.umask(umask);
    }
  }));

/** What the names begin with of all that may be made of, or in, a log that exists. */
const KINDS = [
  '000',
  'backup',
  'before-repair-',
  'repaired-',
  'restored',
  'snapshot-',
  'wal.json',
  'wal.lock.repair',
  'wal.lock',
  'wal.mark',
  'wal.repairing',
  'wal.rewound',
  'wal.failed-sync',
];

test('no file is made without permissions in a log that exists, nor a directory for what is made of it', () =>
  inScratch('permissions', async (place) => {
    const log = join(place, 'log');
    await withWal(log, { fold: lastData }, fillSegment);
    const made: string[] = [];
    const noted = (path: string, as?: Permissions) => {
      const name = KINDS.find((kind) => basename(path).startsWith(kind)) ?? path;
      if (nodeStorage.look(path) === undefined) made.push(as === undefined ? `bare ${name}` : name);
    };
    const storage = changedStorage({
      open: (path, access, as) => {
        if (access === 'append' || access === 'create') noted(path, as);
        return nodeStorage.open(path, access, as);
      },
      makeDirectory: (path, as) => {
        noted(path, as);
        return nodeStorage.makeDirectory(path, as);
      },
    });
    const environment = changedEnvironment({ storage });
    const [one, two] = [await Wal.openIn(environment, log, SMALL), await Wal.openIn(environment, log, SMALL)];
    for (let n = 0; n < 2; n++) await fillSegment(two);
    await two.compact({ fold: lastData, retain: 1 });
    await two.close();
    // As a crash leaves it that came before the next segment was made.
    const [next = '', ...more] = files(log, SEGMENT);
    assert.deepEqual([more, statSync(join(log, next)).size], [[], 0]);
    rmSync(join(log, next));
    await fillSegment(one);
    await one.backup(join(place, 'backup'), { link: false });
    await one.close();
    for (const name of ['wal.mark', 'wal.lock']) rmSync(join(log, name));
    const last = join(log, files(log, SEGMENT).at(-1) as string);
    writeFileSync(last, readFileSync(last, 'utf8').replace('"update"', '"updaTe"'));
    await repairLog(environment, log, { mode: 'salvage' });
    await restoreLog(environment, log, join(place, 'restored'));
    const { id } = JSON.parse(readFileSync(join(log, 'wal.json'), 'utf8'));
    const marks = new MarkFile({ storage, directory: log, log: id, now: () => 0 });
    marks.note({ from: 1, to: 2, head: { seq: 0, crc: '00000000' } });
    markFailedSync(storage, log, 1);
    assert.deepEqual([...new Set(made)].sort(), [...KINDS].sort());
  }));

test('a file of the log gets its name once it has its mode, and keeps its own where none can be set', (t) =>
  inScratch('permissions', async (log) => {
    await withWal(log, { fileMode: 0o646 }, fillSegment);
    const made: string[] = [];
    const { fchmodSync } = fs;
    t.mock.method(fs, 'fchmodSync', (descriptor: number, mode: number) => {
      const { ino } = fs.fstatSync(descriptor);
      made.push(...readdirSync(log).filter((name) => statSync(join(log, name)).ino === ino));
      if (made.length > 1) throw Object.assign(new Error('refused'), { code: 'EPERM' });
      fchmodSync(descriptor, mode);
    });
    syncBuiltinESMExports();
    try {
      await withWal(log, {}, fillSegment);
      await withWal(log, {}, fillSegment);
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    assert.match(made.join(' '), /^0{18}26\.jsonl\.[^ ]+\.tmp 0{18}51\.jsonl\.[^ ]+\.tmp$/);
    const modes = files(log, SEGMENT).map((name) => octal(join(log, name)));
    assert.deepEqual(modes, ['646', '646', '600']);
  }));

test('the mode of what a link leads to is left alone', () =>
  inScratch('permissions', async (place) => {
    const [log, other] = [join(place, 'log'), join(place, 'other')];
    await withWal(log, { fileMode: 0o666 }, fillSegment);
    writeFileSync(other, '', { mode: 0o600 });
    rmSync(join(log, 'wal.mark'));
    for (const name of ['wal.mark', 'wal.failed-sync', `${'26'.padStart(20, '0')}.jsonl`])
      symlinkSync(other, join(log, name));
    await withWal(log, {}, fillSegment);
    markFailedSync(nodeStorage, log, 1);
    assert.equal(octal(other), '600');
  }));

test('init --mode makes a log of that mode; it refuses what is none, and tells where a log is there', () =>
  inScratch('permissions', async (place) => {
    const init = (...args: string[]) => runHere(place, ['init', '-C', 'log', ...args]);
    for (const bad of ['rw', '999', '1777', '66', '0o660']) {
      const { code, stderr } = await init('--mode', bad);
      assert.deepEqual([code, /three octal digits/.test(stderr)], [2, true], bad);
    }
    assert.equal((await init('--mode', '0660')).code, 0);
    const log = join(place, 'log');
    const own = [...modesUnder(log)];
    assert.deepEqual([octal(log), own.map(([, mode]) => mode)], ['770', own.map(() => '660')]);
    const { code, stderr } = await init('--mode', '600');
    assert.deepEqual([code, octal(join(log, 'wal.json'))], [0, '660']);
    assert.match(stderr, /--mode is for a new log/);
  }));

test("doctor asks for what the directory's group needs, and its command brings that about", (t) =>
  inTeam(t, async (place) => {
    const log = join(place, 'log');
    mkdirSync(log);
    chownSync(log, ALICE.uid, TEAM);
    chmodSync(log, 0o2770);
    await as(ALICE, 0o022, () => withWal(log, { fileMode: 0o660 }, fillSegment));
    await as(BOB, 0o022, () => withWal(log, {}, fillSegment));
    const asBob = { uid: BOB.uid, gid: TEAM };
    const reached = await ended(start(place, ['--version'], asBob));
    if (reached.code !== 0) return t.skip('another user cannot reach this checkout, or this Node');
    const checked = (stdout: string, name: string) =>
      JSON.parse(stdout).checks.find((check: { readonly name: string }) => check.name === name);
    const owners = async () =>
      checked((await runHere(place, ['doctor', '--json', '-C', log])).stdout, 'owners');
    const well = await owners();
    assert.deepEqual([well.state, well.message], ['ok', "the directory's group may use every file"]);
    chmodSync(join(log, 'wal.lock'), 0o640);
    chownSync(join(log, 'wal.json'), 0, 0);
    chmodSync(join(log, 'wal.json'), 0o600);
    const { state, message, fix } = await owners();
    assert.equal(state, 'warn');
    assert.match(message, /^2 files that the directory's group may not use, .* such as wal\.json: /);
    const told = await ended(start(place, ['doctor', '--json', '-C', log], asBob));
    assert.equal(told.code, 1);
    for (const name of ['append', 'permissions'])
      assert.ok(checked(told.stdout, name).fix.endsWith(fix), name);
    assert.match(fix, /, as root$/);
    assert.equal(spawnSync('sh', ['-c', fix.slice(0, -', as root'.length)]).status, 0);
    assert.equal((await owners()).state, 'ok');
    await as(BOB, 0o022, () => withWal(log, {}, fillSegment));
  }));

test('a file of a group that another member writes over stays the group’s, by an export and in the mirror', (t) =>
  inTeam(t, async (place) => {
    await withWal(join(place, 'log'), {}, async (wal) => {
      const issues = await wal.table<never>();
      // No setgid bit: what is made here is of the maker's own group.
      for (const writeOver of [
        (path: string) => writeWhole(path, ['new\n']),
        (path: string) => assert.ok(writeMirror(issues, path, false).written),
      ]) {
        const directory = join(place, `${readdirSync(place).length}`);
        mkdirSync(directory);
        const path = join(directory, 'issues.jsonl');
        writeFileSync(path, '');
        for (const [file, mode] of [
          [directory, 0o770],
          [path, 0o660],
        ] as const) {
          chownSync(file, ALICE.uid, TEAM);
          chmodSync(file, mode);
        }
        await as(BOB, 0o077, async () => writeOver(path));
        const { uid, gid } = statSync(path);
        assert.deepEqual([uid, gid, octal(path)], [BOB.uid, TEAM, '660']);
      }
    });
  }));
