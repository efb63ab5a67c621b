import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lockStatus, Wal } from '../../src/index.ts';
import { ageLock, forgeOwner, lockFaults, orphanLock, simulateContention } from '../../src/lab/index.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

const add = (id: string) => ({ op: 'add', id });

/** A log of one entry, which nobody has open. */
async function logIn(directory: string, lock: 'kernel' | 'lockfile'): Promise<void> {
  const wal = await Wal.open(directory, { lock });
  await wal.append(add('first'));
  await wal.close();
}

describe('for tests of applications:', () => {
  for (const lock of ['kernel', 'lockfile'] as const) {
    test(`processes contend for a log that is there already (lock: ${lock}): all they append is in it once`, () =>
      inScratch('tools', async (directory) => {
        await logIn(directory, lock);
        const report = await simulateContention(directory, { clients: 2, appends: 5 });
        assert.deepEqual(
          { ...report, superseded: 0, slowestMs: 0 },
          { acknowledged: 10, failed: [], lost: [], doubled: [], superseded: 0, slowestMs: 0 },
        );
        assert.equal((await recordsIn(directory)).length, 11);
        assert.deepEqual(lockFaults(directory), []);
      }));
  }

  test('a kernel lock whose holder was killed is free at once', () =>
    inScratch('tools', async (directory) => {
      await logIn(directory, 'kernel');
      await orphanLock(directory);
      assert.equal(lockStatus(directory).held, false);
      assert.equal(ageLock(directory), false);
      assert.deepEqual(lockFaults(directory), []);
    }));

  test('a lockfile whose holder was killed is held; once it is made stale, it lies there, and the next append takes it away', () =>
    inScratch('tools', async (directory) => {
      await logIn(directory, 'lockfile');
      await orphanLock(directory);
      assert.match(lockFaults(directory).join(), /^the lockfile lock is held/);
      await assert.rejects(orphanLock(directory), { code: 'ERR_WAL_ARGUMENT', message: /it is held/ });
      assert.equal(ageLock(directory), true);
      assert.match(lockFaults(directory).join(), /is left behind, and stale$/);
      // Strict, and for a moment only: it would not go on without the lock.
      const wal = await Wal.open(directory, { strictLock: true, lockTimeoutMs: 1 });
      await wal.append(add('next'));
      await wal.close();
      assert.deepEqual(lockFaults(directory), []);
    }));

  test('an owner that was made up is told of, and keeps nobody out', () =>
    inScratch('tools', async (directory) => {
      await logIn(directory, 'kernel');
      forgeOwner(directory);
      assert.equal(lockStatus(directory).holder?.pid, 1);
      assert.match(lockFaults(directory).join(), /^process 1 on not-.* is said to have taken the lock at /);
      const wal = await Wal.open(directory, { strictLock: true, lockTimeoutMs: 1 });
      await wal.append(add('next'));
      await wal.close();
      assert.equal(lockStatus(directory).holder?.pid, process.pid);
      assert.deepEqual(lockFaults(directory), []);
    }));

  test('where there is no lock yet, none can be left behind', () =>
    inScratch('tools', async (directory) => {
      await assert.rejects(orphanLock(directory), { code: 'ERR_WAL_ARGUMENT', message: /has no lock yet/ });
    }));
});
