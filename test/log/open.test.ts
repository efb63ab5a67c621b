import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  createLock,
  lastData,
  lockStatus,
  setLockKind,
  Wal,
  WalError,
  type WalErrorCode,
  type WalOptions,
} from '../../src/index.ts';
import { Child } from '../../src/lab/child.ts';
import { scriptUrl } from '../../src/lab/script.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { recordsIn } from '../support/audit.ts';
import { keepFresh } from '../support/hold-lock.ts';
import type { OpenNews } from '../support/open-process.ts';
import { inScratch } from '../support/scratch.ts';

const SEGMENT = '00000000000000000001.jsonl';

/** All files of a directory, with their content. */
function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory, { withFileTypes: true }).filter((each) => each.isFile());
  return Object.fromEntries(names.map(({ name }) => [name, readFileSync(join(directory, name), 'utf8')]));
}

/** Runs `body` with a log of one entry. */
async function withLog(body: (directory: string) => Promise<unknown>): Promise<void> {
  await inScratch('open', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append({ op: 'add', id: 'bd-0' });
    await wal.close();
    await body(directory);
  });
}

/** Opening is refused with that code, in words that say what to do, and nothing in the directory has changed. */
async function assertRefused(
  directory: string,
  options: WalOptions,
  code: WalErrorCode,
  advice: RegExp,
): Promise<void> {
  const before = contents(directory);
  await assert.rejects(Wal.open(directory, options), (error) => {
    assert.ok(error instanceof WalError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, advice);
    return true;
  });
  assert.deepEqual(contents(directory), before);
}

test('a file where the directory should be is refused', () =>
  inScratch('open', async (directory) => {
    const path = join(directory, 'file');
    writeFileSync(path, 'mine');
    for (const options of [{}, { readOnly: true }, { create: false }])
      await assert.rejects(Wal.open(path, options), { code: 'ERR_WAL_NOT_A_DIRECTORY' });
    await assert.rejects(Wal.open(join(path, 'below')), { code: 'ERR_WAL_NOT_A_DIRECTORY' });
    assert.equal(readFileSync(path, 'utf8'), 'mine');
  }));

test('missing parents are made too; where the system makes no directories, opening is refused and ends', () =>
  inScratch('open', async (directory) => {
    const path = join(directory, 'a/b/c');
    await (await Wal.open(path)).close();
    assert.equal(existsSync(join(path, 'wal.json')), true);
    // Linux says ENOENT of a directory in /proc, though /proc is there.
    if (process.platform === 'linux')
      await assert.rejects(Wal.open('/proc/log/below'), { code: 'ERR_WAL_NOT_FOUND' });
  }));

test('with create: false, or read-only, a directory without a log stays as it was', () =>
  inScratch('open', async (directory) => {
    for (const options of [{ create: false }, { readOnly: true }]) {
      await assertRefused(directory, options, 'ERR_WAL_NOT_FOUND', /jsonl-wal init/);
      await assert.rejects(Wal.open(join(directory, 'none'), options), { code: 'ERR_WAL_NOT_FOUND' });
    }
    assert.deepEqual(readdirSync(directory), []);
  }));

test('a log of a newer format version is refused, and says to upgrade', () =>
  withLog(async (directory) => {
    const path = join(directory, 'wal.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version":1', '"version":2'));
    for (const options of [{}, { readOnly: true }])
      await assertRefused(directory, options, 'ERR_WAL_VERSION', /newer .* upgrade/);
  }));

test('wal.json missing beside segments is never made anew', () =>
  withLog(async (directory) => {
    rmSync(join(directory, 'wal.json'));
    for (const options of [{}, { readOnly: true }, { create: false }])
      await assertRefused(directory, options, 'ERR_WAL_FORMAT', /put it back/);
  }));

for (const [name, text] of [
  ['empty', ''],
  ['not JSON', '{"format":'],
  ['of another format', '{"format":"other","version":1}\n'],
  ['without a version', '{"format":"jsonl-wal"}\n'],
  ['with a merge conflict', '<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n'],
] as const) {
  test(`wal.json that is ${name} is refused`, () =>
    withLog(async (directory) => {
      writeFileSync(join(directory, 'wal.json'), text);
      for (const options of [{}, { readOnly: true }])
        await assertRefused(directory, options, 'ERR_WAL_FORMAT', /put it back/);
    }));
}

test('a wal.json of 3 GB is refused as damaged, and a salvage makes another', () =>
  withLog(async (directory) => {
    const path = join(directory, 'wal.json');
    truncateSync(path, 3 * 2 ** 30);
    for (const options of [{}, { readOnly: true }])
      await assert.rejects(Wal.open(directory, options), { code: 'ERR_WAL_FORMAT', message: /put it back/ });
    const { lost } = await Wal.repair(directory, { mode: 'salvage' });
    assert.deepEqual(lost, []);
    assert.ok(statSync(path).size < 1000);
    await (await Wal.open(directory)).close();
  }));

test('a wal.json that leads nowhere is named, and nothing is made there', () =>
  inScratch('open', async (directory) => {
    symlinkSync('nowhere', join(directory, 'wal.json'));
    await assertRefused(directory, {}, 'ERR_WAL_FORMAT', /symbolic link that leads nowhere.*away/);
    assert.deepEqual(readdirSync(directory), ['wal.json']);
  }));

test(
  'a pipe or a device in the place of a file of the log is refused, by the command line too, and none of them waits for it',
  { skip: noPipes },
  () =>
    inScratch('no-file', async (scratch) => {
      const command = fileURLToPath(scriptUrl('cli/main'));
      for (const name of ['wal.json', 'wal.lock', SEGMENT]) {
        for (const kind of ['pipe', 'device']) {
          const directory = join(scratch, `${name}-${kind}`);
          const wal = await Wal.open(directory);
          await wal.append({ op: 'add', id: 'x' });
          await wal.close();
          const path = join(directory, name);
          rmSync(path);
          if (kind === 'device') symlinkSync('/dev/zero', path);
          else execFileSync('mkfifo', [path]);
          const { status, signal, stderr } = spawnSync(
            process.execPath,
            [command, 'append', '-C', directory, '--op', 'add', '--id', 'y'],
            { timeout: 20_000, encoding: 'utf8' },
          );
          assert.deepEqual([status, signal], [4, null], stderr);
          assert.match(stderr, /it is a pipe, a socket or a device.*\[ERR_WAL_FORMAT\]/);
          await assert.rejects(
            async () => {
              const wal = await Wal.open(directory, { create: false });
              await wal.append({ op: 'add', id: 'y' }).finally(() => wal.close());
            },
            { code: 'ERR_WAL_FORMAT' },
          );
        }
      }
    }),
);

/** Takes a lease on a file, as file servers do, and gives it back when the system asks for that. Node has no call for it. */
const LEASE = `
import fcntl, os, signal, sys
file = os.open(sys.argv[1], os.O_RDONLY)
signal.signal(signal.SIGIO, lambda *_: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK))
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
print("leased", flush=True)
sys.stdin.read()`;

import { ownScript } from '../support/own-script.ts';
import { noPipes } from '../support/system.ts';

test('a file that a file server has a lease on is opened once that is given back', (t) =>
  withLog(async (directory) => {
    for (const name of ['wal.lock', SEGMENT]) {
      const server = spawn('python3', ['-c', LEASE, join(directory, name)]);
      server.on('error', () => {});
      const ended = new Promise((resolve) => server.once('close', resolve));
      const leased = new Promise((resolve) => server.stdout.once('data', resolve));
      try {
        if ((await Promise.race([leased, ended.then(() => undefined)])) === undefined)
          return t.skip('there is no python3 here, or there are no leases');
        const wal = await Wal.open(directory, { create: false });
        await wal.append({ op: 'add', id: 'y' }).finally(() => wal.close());
      } finally {
        server.kill();
        await ended;
      }
    }
  }));

test('a directory where the segment should be is refused', () =>
  withLog(async (directory) => {
    rmSync(join(directory, SEGMENT));
    mkdirSync(join(directory, SEGMENT));
    await assert.rejects(Wal.open(directory), { name: 'WalError', code: 'ERR_WAL_FORMAT' });
    await assert.rejects(recordsIn(directory), { name: 'WalError', code: 'ERR_WAL_FORMAT' });
  }));

test('another kind of lock than the one recorded for this machine is refused', () =>
  inScratch('open', async (directory) => {
    await (await Wal.open(directory, { lock: 'lockfile' })).close();
    await assertRefused(
      directory,
      { lock: 'kernel' },
      'ERR_WAL_LOCK_KIND',
      /lock: "auto".*jsonl-wal lock set kernel/,
    );
    const wal = await Wal.open(directory);
    assert.equal(wal.info().lock, 'lockfile');
    await wal.close();
    writeFileSync(join(directory, 'wal.lock'), '{"kind":"abacus"}\n');
    await assertRefused(directory, {}, 'ERR_WAL_LOCK_KIND', /jsonl-wal lock set/);
  }));

for (const options of [
  { lok: 'kernel' },
  { lock: 'flock' },
  { lock: { tryAcquire: () => true } },
  { lockTimeoutMs: -1 },
  { lockTimeoutMs: 2 ** 31 },
  { blockMs: -1 },
  { blockMs: 1000.5 },
  { blockMs: Number.NaN },
  { staleMs: 1999 },
  { staleMs: 3_600_001 },
  { durability: 'fsync' },
  { maxEntryBytes: 0 },
  { maxEntryBytes: 1.5 },
  { maxPendingBytes: 2 ** 30 + 1 },
  { keyWindow: -1 },
  { create: 'yes' },
  { fileMode: 0o1000 },
  { onLockWait: true },
  { clock: 0 },
  { clock: { now: 0 } },
]) {
  test(`the options ${JSON.stringify(options)} are refused before anything is made`, () =>
    inScratch('open', async (directory) => {
      const [name] = Object.keys(options) as [string];
      await assertRefused(
        directory,
        options as never,
        'ERR_WAL_ARGUMENT',
        new RegExp(name === 'lock' ? 'lock|method' : name),
      );
      assert.deepEqual(readdirSync(directory), []);
    }));
}

for (const directory of ['', undefined, 7, 'a\0b']) {
  test(`${JSON.stringify(directory)} is no directory to open`, () =>
    assert.rejects(Wal.open(directory as never), { code: 'ERR_WAL_ARGUMENT' }));
}

test('a relative directory is refused where the current directory is gone', () =>
  inScratch('open', async (directory) => {
    const gone = join(directory, 'gone');
    const back = process.cwd();
    mkdirSync(gone);
    process.chdir(gone);
    try {
      rmSync(gone, { recursive: true });
      await assert.rejects(Wal.open('log'), { code: 'ERR_WAL_NOT_FOUND', message: /absolute path/ });
      assert.throws(() => lockStatus('log'), { code: 'ERR_WAL_NOT_FOUND' });
    } finally {
      process.chdir(back);
    }
  }));

for (const code of ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR']) {
  test(`a file system without hard links (${code}) holds no log of its own; one that was copied there is read`, () =>
    inScratch('open', async (directory) => {
      const link = () => {
        throw systemError(code);
      };
      const environment = changedEnvironment({ storage: changedStorage({ link }) });
      const refused = {
        name: 'WalError',
        code: 'ERR_WAL_UNSUPPORTED',
        message: /hard links.*another file system/,
      };
      await assert.rejects(Wal.openIn(environment, directory), refused);
      assert.deepEqual(readdirSync(directory), []);
      const wal = await Wal.open(directory, { lock: 'none' });
      await wal.append({ op: 'add', id: 'bd-0' });
      await wal.close();
      await assert.rejects(Wal.openIn(environment, directory), refused);
      assert.deepEqual(readdirSync(directory).sort(), [SEGMENT, 'wal.json', 'wal.mark']);
      const copy = await Wal.openIn(environment, directory, { readOnly: true });
      assert.equal((await copy.head()).seq, 1);
      await copy.close();
    }));
}

test('a network file system is refused without allowNetwork, and nothing is made there', () =>
  inScratch('open', async (directory) => {
    const storage = changedStorage({ fileSystem: () => 'network' });
    const environment = changedEnvironment({ storage });
    await assert.rejects(Wal.openIn(environment, directory), {
      code: 'ERR_WAL_NETWORK_FS',
      message: /allowNetwork: true/,
    });
    assert.deepEqual(readdirSync(directory), []);
    const wal = await Wal.openIn(environment, directory, { allowNetwork: true });
    assert.equal(wal.info().lock, 'lockfile');
    await wal.append({ op: 'add', id: 'bd-0' });
    await wal.close();
    await (await Wal.openIn(environment, directory, { readOnly: true })).close();
  }));

for (const [moment, nth] of [
  ['before its kind is read', 1],
  ['before its lock is taken up', 2],
  ['before the holder can be noted there', 3],
] as const) {
  test(`a wal.lock that is removed while a Wal opens, ${moment}, does not keep it out`, () =>
    withLog(async (directory) => {
      let opened = 0;
      const storage = changedStorage({
        open: (path, access, mode) => {
          if (path.endsWith('wal.lock') && ++opened === nth) rmSync(path);
          return nodeStorage.open(path, access, mode);
        },
      });
      const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { lock: 'kernel' });
      assert.ok(opened >= nth);
      assert.equal((await wal.append({ op: 'add', id: 'bd-1' })).seq, 2);
      await wal.close();
      const next = await Wal.open(directory);
      assert.equal((await next.append({ op: 'add', id: 'bd-2' })).seq, 3);
      await next.close();
    }));
}

test('a file system of unknown kind gets a strict lockfile, and one warning; none without a lock', () =>
  inScratch('open', async (directory) => {
    const warnings: Error[] = [];
    const heard = (warning: Error) => warnings.push(warning);
    process.on('warning', heard);
    try {
      const environment = changedEnvironment({ storage: changedStorage({ fileSystem: () => 'strange' }) });
      const wal = await Wal.openIn(environment, directory, { lockTimeoutMs: 50 });
      assert.equal(wal.info().lock, 'lockfile');
      mkdirSync(join(directory, 'wal.lock.held'));
      keepFresh(directory);
      await assert.rejects(wal.append({ op: 'add', id: 'bd-0' }), {
        code: 'ERR_WAL_LOCK_TIMEOUT',
        outcome: 'not-written',
      });
      rmSync(join(directory, 'wal.lock.held'), { recursive: true });
      assert.equal((await wal.append({ op: 'add', id: 'bd-0' })).seq, 1);
      await wal.close();
      await new Promise(setImmediate);
      assert.deepEqual(
        warnings.map((warning) => (warning as { code?: string }).code),
        ['WAL_STRANGE_FILE_SYSTEM'],
      );
      assert.match((warnings[0] as Error).message, /lockfile lock.*\(50\)/);
      await (await Wal.openIn(environment, directory, { lock: 'none' })).close();
      await (await Wal.openIn(environment, directory, { readOnly: true })).close();
      await new Promise(setImmediate);
      assert.equal(warnings.length, 1);
    } finally {
      process.off('warning', heard);
    }
  }));

const NOBODY = 65534;

/** What a process of another user is told that opens the log. */
async function asNobody(
  t: TestContext,
  directory: string,
  options: WalOptions,
): Promise<OpenNews | undefined> {
  if (process.getuid?.() !== 0) {
    t.skip('only root may start a process as another user');
    return undefined;
  }
  const child = new Child<OpenNews>(ownScript('open-process'), [directory, options], { uid: NOBODY });
  await child.ended;
  if (child.messages.length === 0) t.skip('another user cannot reach this checkout');
  return child.messages[0];
}

test('without permission to write the directory, opening is refused; read-only it goes', async (t) => {
  await withLog(async (directory) => {
    const before = contents(directory);
    chmodSync(directory, 0o755);
    const news = await asNobody(t, directory, {});
    if (news === undefined) return;
    assert.equal(news.code, 'ERR_WAL_PERMISSION');
    assert.match(news.message, /mode.*readOnly: true/);
    assert.equal((await asNobody(t, directory, { readOnly: true }))?.code, 'ERR_WAL_READ_ONLY');
    const fresh = join(directory, 'fresh');
    const nothing = await asNobody(t, fresh, {});
    assert.equal(nothing?.code, 'ERR_WAL_PERMISSION');
    assert.doesNotMatch(nothing?.message ?? '', /readOnly/, 'there is nothing to read');
    assert.equal(existsSync(fresh), false);
    chmodSync(directory, 0o700);
    for (const options of [{}, { readOnly: true }, { create: false }]) {
      const refused = await asNobody(t, directory, options);
      assert.equal(refused?.code, 'ERR_WAL_PERMISSION');
      assert.doesNotMatch(refused?.message ?? '', /readOnly|read-only/, 'that may not be read either');
    }
    assert.deepEqual(contents(directory), before);
  });
});

test('with write permission for the directory, and not for the segment, opening is refused', async (t) => {
  await withLog(async (directory) => {
    const before = contents(directory);
    if (process.getuid?.() === 0) chownSync(directory, NOBODY, NOBODY);
    const news = await asNobody(t, directory, {});
    assert.equal(news?.code ?? 'ERR_WAL_PERMISSION', 'ERR_WAL_PERMISSION');
    assert.match(news?.message ?? 'readOnly: true', /readOnly: true/);
    assert.deepEqual(contents(directory), before);
  });
});

test('on a read-only disk opening is refused, and says to open read-only, which goes', async (t) => {
  await inScratch('open', async (directory) => {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', directory]);
    if (mounted.status !== 0) return t.skip(`no tmpfs can be mounted: ${mounted.stderr ?? mounted.error}`);
    try {
      const wal = await Wal.open(directory);
      await wal.append({ op: 'add', id: 'bd-0' });
      await wal.close();
      assert.equal(spawnSync('mount', ['-o', 'remount,ro', directory]).status, 0);
      await assertRefused(directory, {}, 'ERR_WAL_PERMISSION', /readOnly: true/);
      await assert.rejects(Wal.open(join(directory, 'fresh')), {
        code: 'ERR_WAL_PERMISSION',
        message: /file system is read-only\. Remount it for writing, or use another file system\.$/,
      });
      assert.deepEqual(
        (await recordsIn(directory)).map(({ id }) => id),
        ['bd-0'],
      );
    } finally {
      spawnSync('umount', [directory]);
    }
  });
});

test('a kind of lock that nobody knows is refused, and not recorded', () =>
  inScratch('open', async (directory) => {
    await (await Wal.open(directory)).close();
    const before = readFileSync(join(directory, 'wal.lock'));
    assert.throws(() => createLock('bogus' as 'kernel', directory), { code: 'ERR_WAL_ARGUMENT' });
    assert.throws(() => setLockKind(directory, 'bogus' as 'kernel'), { code: 'ERR_WAL_ARGUMENT' });
    assert.deepEqual(readFileSync(join(directory, 'wal.lock')), before);
  }));

test('a log that is made while another process looks whether there is one is opened by both', async () => {
  await inScratch('open', async (directory) => {
    let making = true;
    const storage = changedStorage({
      list: (path) => {
        if (making) {
          making = false;
          // What another process does between this one's look at wal.json and its listing.
          const elsewhere = `${directory}-elsewhere`;
          renameSync(join(elsewhere, 'wal.json'), join(directory, 'wal.json'));
          writeFileSync(join(directory, SEGMENT), '');
        }
        return changedStorage({}).list(path);
      },
    });
    const other = await Wal.open(`${directory}-elsewhere`);
    const { id } = other.info();
    await other.close();
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    rmSync(`${directory}-elsewhere`, { recursive: true });
    assert.equal(making, false);
    assert.equal(wal.info().id, id);
    assert.equal((await wal.append({ op: 'add', id: 'bd-1' })).seq, 1);
    await wal.close();
  });
});

test('a Wal opened read-only writes nothing, whatever is asked of it', () =>
  inScratch('open', async (directory) => {
    const writer = await Wal.open(directory, { segmentBytes: 4096 });
    for (let i = 0; i < 100; i++)
      await writer.append({ op: 'set', id: `bd-${i % 9}`, data: 'x'.repeat(100), key: `k${i}` });
    await writer.compact({ fold: lastData, retain: 1 });
    await writer.append({ op: 'set', id: 'bd-1' });
    const refuse = (what: string) => () => assert.fail(`${what} of a Wal that was opened read-only`);
    const storage = changedStorage({
      open: (path, access, mode) => {
        assert.equal(access, 'read', path);
        return nodeStorage.open(path, access, mode);
      },
      makeDirectory: refuse('makeDirectory'),
      link: refuse('link'),
      rename: refuse('rename'),
      remove: refuse('remove'),
      syncDirectory: refuse('syncDirectory'),
    });
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory, {
      readOnly: true,
      fold: lastData,
      autoCompact: true,
    });
    const table = await wal.table();
    assert.deepEqual([table.size, (await wal.head()).seq, await wal.oldest()], [9, 101, 101]);
    assert.equal((await wal.verify()).ok, true);
    const records = wal.follow({ from: 101 });
    assert.equal((await records.next()).value?.seq, 101);
    await writer.append({ op: 'set', id: 'bd-2' });
    assert.equal((await records.next()).value?.seq, 102);
    assert.equal(await table.refresh(), 102);
    const refused = { code: 'ERR_WAL_READ_ONLY' };
    await assert.rejects(wal.append({ op: 'set', id: 'x' }), refused);
    await assert.rejects(wal.append({ op: 'set', id: 'x' }, { expect: { rev: 0 } }), refused);
    await assert.rejects(
      table.transaction((tx) => tx.set('x', 1)),
      refused,
    );
    await assert.rejects(wal.compact({ fold: lastData }), refused);
    wal.info();
    wal.stats();
    await wal.close();
    await writer.close();
  }));
