import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ended, objects, runHere as run, run as runApart, start } from '../../src/lab/command-line.ts';
import { holdLock } from '../support/hold-lock.ts';
import { makeLog } from '../support/make-log.ts';
import { inScratch } from '../support/scratch.ts';

const APPEND = ['append', '--op', 'add', '--id', 'bd-1'];

async function statusOf(dir: string) {
  const [status] = objects((await run(dir, ['lock', 'status', '--json'])).stdout);
  return status;
}

for (const kind of ['kernel', 'lockfile'] as const) {
  test(`while another process holds the ${kind} lock, a strict append ends with 5, one that is not goes on without it`, () =>
    inScratch(`cli-lock-${kind}`, async (dir) => {
      await makeLog(dir);
      await run(dir, ['lock', 'set', kind]);
      // By a process that is gone then.
      await runApart(dir, APPEND);
      const free = await statusOf(dir);
      assert.deepEqual({ kind: free.kind, held: free.held }, { kind, held: false });
      assert.deepEqual(
        { host: free.holder.host, thread: free.holder.thread, alive: free.holder.alive },
        { host: hostname(), thread: 0, alive: false },
      );

      const lock = holdLock(kind, join(dir, '.beads'));
      try {
        assert.equal((await statusOf(dir)).held, true);
        // This process holds it, and left no hint: what took it last is gone.
        const shown = (await run(dir, ['lock', 'status'])).stdout;
        assert.match(shown, /^held +yes\nlast known holder +pid \d+ \(dead\)/m);
        const strict = await run(dir, [...APPEND, '--strict-lock', '--lock-timeout', '50', '--json']);
        assert.equal(strict.code, 5, strict.stderr);
        const [failure] = objects(strict.stderr);
        assert.deepEqual(
          { code: failure.code, outcome: failure.outcome, holder: failure.holder.pid },
          { code: 'ERR_WAL_LOCK_TIMEOUT', outcome: 'not-written', holder: free.holder.pid },
        );
        const loose = await run(dir, [...APPEND, '--lock-timeout', '50']);
        assert.deepEqual(loose, { code: 0, stdout: '2\n', stderr: '' });
      } finally {
        lock.release();
        lock.close();
      }
    }));

  test(`lock break --force lets new writers have the ${kind} lock while the old holder lives`, () =>
    inScratch(`cli-break-${kind}`, async (dir) => {
      await makeLog(dir);
      await run(dir, ['lock', 'set', kind]);
      const file = join(dir, '.beads/wal.lock');
      const lock = holdLock(kind, join(dir, '.beads'));
      try {
        const inode = statSync(file).ino;
        const broken = await run(dir, ['lock', 'break', '--force']);
        assert.equal(broken.code, 0, broken.stderr);
        assert.match(
          broken.stdout,
          kind === 'kernel' ? /^Replaced .*wal\.lock: / : /^Removed .*wal\.lock\.held: /,
        );
        if (kind === 'kernel') assert.notEqual(statSync(file).ino, inode);
        else assert.equal(existsSync(`${file}.held`), false);
        assert.deepEqual(await statusOf(dir).then(({ kind, held }) => ({ kind, held })), {
          kind,
          held: false,
        });
        assert.deepEqual(await run(dir, [...APPEND, '--strict-lock', '--lock-timeout', '0']), {
          code: 0,
          stdout: '1\n',
          stderr: '',
        });
      } finally {
        lock.release();
        lock.close();
      }
    }));
}

test('NODE_DEBUG=jsonl-wal tells of the wait, of going on without the lock, and of the turn, with the writer of the line', () =>
  inScratch('cli-debug', async (dir) => {
    await makeLog(dir);
    const lock = holdLock('kernel', join(dir, '.beads'));
    try {
      const { stderr } = await runApart(dir, [...APPEND, '--lock-timeout', '500'], '', {
        NODE_DEBUG: 'jsonl-wal',
      });
      const [record] = objects((await run(dir, ['read', '--json'])).stdout);
      const [session] = record.writer.split('.');
      for (const news of ['waiting for the lock', 'was not free', 'wrote 1 '])
        assert.match(stderr, new RegExp(`: ${session}: .*${news}`));
    } finally {
      lock.release();
      lock.close();
    }
  }));

test('who waits for the lock longer than a second says for whom, and how long', () =>
  inScratch('cli-wait', async (dir) => {
    await makeLog(dir);
    await run(dir, ['lock', 'set', 'kernel']);
    await run(dir, APPEND);
    const { holder } = await statusOf(dir);
    const lock = holdLock('kernel', join(dir, '.beads'));
    const child = start(dir, [...APPEND, '--lock-timeout', '60000']);
    try {
      // It is let in once it has said so, and until then it waits.
      child.stderr?.once('data', () => lock.release());
      const { code, stdout, stderr } = await ended(child);
      assert.deepEqual([code, stdout], [0, '2\n']);
      assert.match(stderr, new RegExp(`^waiting for the lock \\(pid ${holder.pid}, [1-9]\\d* s\\)\n$`));
    } finally {
      child.kill('SIGKILL');
      lock.close();
    }
  }));

test('lock status tells that no kind is chosen, or that what is named is unknown, and set fixes it', () =>
  inScratch('cli-lock-none', async (dir) => {
    await makeLog(dir);
    const file = join(dir, '.beads/wal.lock');
    const notChosen = /^kind +not chosen yet: .*\nheld +no\n/;
    assert.match((await run(dir, ['lock', 'status'])).stdout, /^kind +(kernel|lockfile)\nheld +no\n/);
    rmSync(file);
    assert.match((await run(dir, ['lock', 'status'])).stdout, notChosen);
    assert.match((await run(dir, ['lock', 'break', '--force'])).stdout, /no lock to break/);
    writeFileSync(file, 'rubbish');
    assert.match((await run(dir, ['lock', 'status'])).stdout, notChosen);
    assert.match((await run(dir, ['lock', 'break', '--force'])).stdout, /no lock to break/);
    assert.equal(readFileSync(file, 'utf8'), 'rubbish');
    const set = await run(dir, ['lock', 'set', 'lockfile']);
    assert.equal(set.code, 0, set.stderr);
    assert.deepEqual(await statusOf(dir), { kind: 'lockfile', held: false, holder: null, path: file });
    // What a later version may have chosen is not overwritten unasked.
    writeFileSync(file, '{"kind":"quantum"}');
    for (const args of [['lock', 'status'], APPEND]) {
      const unknown = await run(dir, args);
      assert.equal(unknown.code, 1);
      assert.match(unknown.stderr, /lock set.*\[ERR_WAL_LOCK_KIND\]/);
    }
    assert.equal((await run(dir, ['lock', 'set', 'lockfile'])).code, 0);
    assert.deepEqual(await run(dir, APPEND), { code: 0, stdout: '1\n', stderr: '' });
  }));

test('an append to a log whose wal.lock was overwritten goes through, and says that it was made anew', () =>
  inScratch('cli-lock-anew', async (dir) => {
    await makeLog(dir);
    const file = join(dir, '.beads/wal.lock');
    for (const [seq, text] of ['rubbish', ''].entries()) {
      writeFileSync(file, text);
      const json = text === '';
      const { code, stdout, stderr } = await run(dir, json ? [...APPEND, '--json'] : APPEND);
      assert.deepEqual([code, json ? JSON.parse(stdout).seq : stdout], [0, json ? seq + 1 : `${seq + 1}\n`]);
      const note = json ? `${JSON.parse(stderr).note}\n` : stderr;
      assert.match(note, /wal\.lock named no kind of lock .* It names the (kernel|lockfile) lock now\.\n$/);
      assert.match((await run(dir, ['lock', 'status'])).stdout, /^kind +(kernel|lockfile)\nheld +no\n/);
    }
  }));
