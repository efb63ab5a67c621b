import assert from 'node:assert/strict';
import {
  chmodSync,
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
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { segmentName } from '../../src/format/names.ts';
import { createLock, lockStatus, setLockKind, Wal } from '../../src/index.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { writeHolder } from '../../src/lock/record.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { holdLock } from '../support/hold-lock.ts';
import { inScratch } from '../support/scratch.ts';

/** The calls that take a log's directory. */
const CALLS: readonly (readonly [string, (directory: string) => unknown])[] = [
  ['createLock', (directory) => createLock('kernel', directory).close()],
  ['setLockKind', (directory) => setLockKind(directory, 'lockfile')],
  ['lockStatus', (directory) => lockStatus(directory)],
];

for (const [name, call] of CALLS) {
  test(`${name} on what is no log's directory says so, and makes nothing`, () =>
    inScratch('lock-calls', async (directory) => {
      const refused = (code: string, message: RegExp) => ({ name: 'WalError', code, message });
      assert.throws(() => call(join(directory, 'none')), refused('ERR_WAL_NOT_FOUND', /jsonl-wal init/));
      for (const none of ['', 'a\0b', 7 as never, undefined as never])
        assert.throws(() => call(none), refused('ERR_WAL_ARGUMENT', /directory/));
      const file = join(directory, 'file');
      writeFileSync(file, '');
      assert.throws(() => call(file), refused('ERR_WAL_NOT_A_DIRECTORY', /not a directory/));
      // Node from 22 on says no more of a path below a file than that nothing is there.
      const either = { name: 'WalError', code: /^ERR_WAL_(NOT_A_DIRECTORY|NOT_FOUND)$/ };
      assert.throws(() => call(join(file, 'below')), either);
      assert.deepEqual(readdirSync(directory), ['file']);
      mkdirSync(join(directory, 'wal.lock'));
      assert.throws(() => call(directory), refused('ERR_WAL_FORMAT', /wal\.lock: it is a directory.*away/));
      assert.deepEqual(readdirSync(join(directory, 'wal.lock')), []);
    }));
}

const entry = { op: 'add', id: 'bd-1' };

test('no lock writes into what a link leads to: without a lock the log goes on, with one it refuses', () =>
  inScratch('lock-calls', async (directory) => {
    await (await Wal.open(directory)).close();
    const [path, precious] = [join(directory, 'wal.lock'), join(directory, 'precious')];
    const text = 'precious '.repeat(100);
    writeFileSync(precious, text);
    rmSync(path);
    symlinkSync('precious', path);
    const own = { tryAcquire: () => true, release: () => {}, close: () => {}, kind: 'own' };
    for (const lock of ['none', own] as const) {
      const wal = await Wal.open(directory, { lock });
      await wal.append(entry);
      await wal.close();
    }
    assert.throws(() => setLockKind(directory, 'lockfile'), { code: 'ERR_WAL_FORMAT', message: /symbolic/ });
    for (const lock of ['auto', 'kernel', 'lockfile'] as const)
      await assert.rejects(Wal.open(directory, { lock }), { code: 'ERR_WAL_FORMAT', message: /symbolic/ });
    assert.equal(readFileSync(precious, 'utf8'), text);
  }));

test('a wal.lock that leads nowhere is named, and one without end has its first bytes read', () =>
  inScratch('lock-calls', async (directory) => {
    await (await Wal.open(directory)).close();
    const path = join(directory, 'wal.lock');
    truncateSync(path, 3 * 2 ** 30);
    for (const [, call] of CALLS) call(directory);
    setLockKind(directory, 'kernel');
    await (await Wal.open(directory)).close();
    rmSync(path);
    symlinkSync('nowhere', path);
    const nowhere = { code: 'ERR_WAL_FORMAT', message: /wal\.lock is a symbolic link.*away/ };
    for (const lock of ['auto', 'kernel', 'lockfile'] as const)
      await assert.rejects(Wal.open(directory, { lock }), nowhere);
    assert.throws(() => createLock('kernel', directory), nowhere);
    assert.throws(() => setLockKind(directory, 'kernel'), nowhere);
    const wal = await Wal.open(directory, { lock: 'none' });
    await wal.append(entry);
    await wal.close();
    assert.ok(!readdirSync(directory).includes('nowhere'));
  }));

test('kinds of lock that are none are refused in words', () =>
  inScratch('lock-calls', async (directory) => {
    for (const kind of ['bogus', 7n, Object.create(null), undefined]) {
      const refused = { name: 'WalError', code: 'ERR_WAL_ARGUMENT', message: /There is no kind of lock "/ };
      assert.throws(() => createLock(kind as 'kernel', directory), refused);
      assert.throws(() => setLockKind(directory, kind as 'kernel'), refused);
    }
    assert.deepEqual(readdirSync(directory), []);
  }));

const NOBODY = 65534;

/** Runs `body` with the rights of another user. */
function asNobody(body: () => void): void {
  process.seteuid?.(NOBODY);
  try {
    body();
  } finally {
    process.seteuid?.(0);
  }
}

test('who may not read wal.lock is told so; who may not write it learns its kind, and not whether it is held', (t) =>
  inScratch('lock-calls', async (directory) => {
    if (process.geteuid?.() !== 0) return t.skip('only root may act as another user');
    await (await Wal.open(directory)).close();
    const path = join(directory, 'wal.lock');
    chmodSync(directory, 0o755);
    const reachable = () => readdirSync(dirname(path)).includes('wal.lock');
    try {
      asNobody(reachable);
    } catch {
      return t.skip('another user cannot reach this checkout');
    }
    const { kind } = lockStatus(directory);
    asNobody(() => {
      assert.equal(lockStatus(directory).kind, kind);
      assert.equal(lockStatus(directory).held, kind === 'kernel' ? undefined : false);
      const refused = { name: 'WalError', code: 'ERR_WAL_PERMISSION', message: /wal\.lock.*mode/ };
      assert.throws(() => setLockKind(directory, 'lockfile'), refused);
      assert.throws(() => createLock(kind ?? 'kernel', directory), refused);
    });
    chmodSync(path, 0o600);
    for (const [, call] of CALLS)
      asNobody(() => assert.throws(() => call(directory), { name: 'WalError', code: 'ERR_WAL_PERMISSION' }));
    rmSync(path);
    asNobody(() => assert.equal(lockStatus(directory).kind, undefined));
  }));

for (const [what, content] of [
  ['is empty', ''],
  ['was overwritten', 'somebody typed this\n'],
  ['holds JSON of something else', '[1,2,3]'],
] as const) {
  test(`a wal.lock that ${what} is made anew in place on a local disk, with a warning`, (t) =>
    inScratch('lock-calls', async (directory) => {
      await (await Wal.open(directory)).close();
      const path = join(directory, 'wal.lock');
      writeFileSync(path, content);
      const { ino } = statSync(path);
      assert.deepEqual([lockStatus(directory).kind, lockStatus(directory).held], [undefined, false]);
      const warned = t.mock.method(process, 'emitWarning', () => {});
      const wal = await Wal.open(directory);
      const kind = wal.info().lock;
      await wal.append(entry);
      await wal.close();
      assert.deepEqual(
        warned.mock.calls.map(({ arguments: [, options] }) => (options as { code: string }).code),
        ['WAL_LOCK_FILE'],
      );
      assert.deepEqual([statSync(path).ino, lockStatus(directory).kind], [ino, kind]);
      assert.equal(lockStatus(directory).holder?.pid, process.pid);
    }));
}

test('a wal.lock that was overwritten is refused where the lock is all that keeps writers apart', () =>
  inScratch('lock-calls', async (directory) => {
    await (await Wal.open(directory)).close();
    const path = join(directory, 'wal.lock');
    writeFileSync(path, '');
    const storage = { ...nodeStorage, fileSystem: () => 'strange' as const };
    const refused = { code: 'ERR_WAL_LOCK_KIND', message: /lock set/ };
    await assert.rejects(Wal.openIn(changedEnvironment({ storage }), directory), refused);
    assert.equal(statSync(path).size, 0);
  }));

test('a lockfile dated in the future is taken away once it stayed so for staleMs: one append waits', () =>
  inScratch('lock-calls', async (directory) => {
    await (await Wal.open(directory, { lock: 'lockfile' })).close();
    const held = join(directory, 'wal.lock.held');
    mkdirSync(held);
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(held, tomorrow, tomorrow);
    const wal = await Wal.open(directory, { strictLock: true });
    await wal.append(entry);
    assert.equal(wal.stats().lock.takeovers, 0);
    assert.equal(existsSync(held), false);
    await wal.append(entry);
    assert.equal(wal.stats().lock.waits, 1);
    await wal.close();
  }));

test('a lockfile dated in the future that its holder dates anew is left to the holder', () =>
  inScratch('lock-calls', async (directory) => {
    await (await Wal.open(directory, { lock: 'lockfile' })).close();
    const held = join(directory, 'wal.lock.held');
    mkdirSync(held);
    let date = Date.now() / 1000 + 86_400;
    const lock = createLock('lockfile', directory);
    const looks = Array.from({ length: 25 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, 100 * i));
      utimesSync(held, ++date, date);
      return lock.tryAcquire();
    });
    assert.ok((await Promise.all(looks)).every((taken) => !taken));
    lock.close();
  }));

const STUCK = { pid: 1, host: 'elsewhere', thread: 0, since: 1 };

/** Time flies: a wait for the lock runs out at once. */
const hurried = changedEnvironment({
  clock: { ...systemClock, elapsed: () => 1000 * systemClock.elapsed() },
});

test('who goes on without the lock leaves its holder named, and is named itself once it has the lock', () =>
  inScratch('stuck', async (directory) => {
    const wal = await Wal.open(directory, { lock: 'kernel', lockTimeoutMs: 1 });
    const path = join(directory, 'wal.lock');
    const held = holdLock('kernel', directory);
    writeHolder(nodeStorage, path, STUCK);
    for (let i = 0; i < 3; i++) await wal.append({ op: 'add', id: 'a' });
    assert.deepEqual({ ...lockStatus(directory).holder, alive: true }, { ...STUCK, alive: true });
    held.release();
    await wal.append({ op: 'add', id: 'a' });
    assert.equal(lockStatus(directory).holder?.pid, process.pid);
    held.close();
    await wal.close();
  }));

test('a salvage that goes on without the lock leaves its holder named', () =>
  inScratch('stuck-salvage', async (directory) => {
    const wal = await Wal.open(directory, { lock: 'kernel' });
    for (const id of ['a', 'b', 'c']) await wal.append({ op: 'add', id });
    await wal.close();
    const bytes = readFileSync(join(directory, segmentName(1)));
    bytes[bytes.length - 200] = 0x7e;
    writeFileSync(join(directory, segmentName(1)), bytes);
    const held = holdLock('kernel', directory);
    writeHolder(nodeStorage, join(directory, 'wal.lock'), STUCK);
    const { lost } = await repairLog(hurried, directory, { mode: 'salvage' });
    assert.equal(lost.length, 1);
    assert.equal(lockStatus(directory).holder?.pid, STUCK.pid);
    held.release();
    held.close();
  }));
