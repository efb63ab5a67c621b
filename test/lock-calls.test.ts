import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createLock, lockStatus, setLockKind, Wal } from '../src/index.ts';
import { inScratch } from '../src/lab/scratch.ts';

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
