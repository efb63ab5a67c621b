import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { createLock, type Lock, lastData, Wal } from '../../src/index.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

/** Runs `body` in many microtasks after one another, as code that awaits a lot would. */
async function inMicrotasks(count: number, body: (i: number) => void): Promise<void> {
  for (let i = 0; i < count; i++) {
    body(i);
    await undefined;
  }
}

/** A lock that tells what was done between its taking and its release, in one go or not. */
function watchedLock(lock: Lock, outside: () => void): Lock {
  let held = false;
  return {
    kind: lock.kind,
    tryAcquire: () => {
      held = lock.tryAcquire();
      // Runs before anything else that waits: unless the turn is over by then, it was not one stretch.
      if (held) queueMicrotask(() => held && outside());
      return held;
    },
    release: () => {
      held = false;
      lock.release();
    },
    close: () => lock.close(),
  };
}

test('no other code runs between the taking of the lock and its release', async () => {
  await inScratch('turn', async (directory) => {
    let interrupted = 0;
    const lock = watchedLock(createLock('kernel', directory), () => interrupted++);
    const wal = await Wal.open(directory, { lock });
    await inMicrotasks(20, (i) => void wal.append({ op: 'add', id: `bd-${i}` }));
    await wal.close();
    assert.equal(interrupted, 0);
    assert.equal((await recordsIn(directory)).length, 20);
  });
});

test('appendSync between the steps of pending appends neither waits for their lock nor loses one, and keeps the order', async () => {
  await inScratch('turn', async (directory) => {
    const wal = await Wal.open(directory, { lock: 'lockfile' });
    const pending: Promise<unknown>[] = [];
    await inMicrotasks(40, (i) => {
      if (i % 2 === 0) wal.appendSync({ op: 'add', id: `bd-${i}` });
      else pending.push(wal.append({ op: 'add', id: `bd-${i}` }));
    });
    await Promise.all(pending);
    const { waits } = wal.stats().lock;
    await wal.close();
    assert.equal(waits, 0, 'there is no other writer, and it waited');
    assert.deepEqual(
      (await recordsIn(directory)).map(({ id }) => id),
      Array.from({ length: 40 }, (_, i) => `bd-${i}`),
    );
  });
});

test('no code of the caller runs while the lock is held, also where a segment is sealed', async () => {
  await inScratch('turn', async (directory) => {
    let isHeld = false;
    let [asked, askedInTurn] = [0, 0];
    const inner = createLock('kernel', directory);
    const lock: Lock = {
      kind: inner.kind,
      tryAcquire: () => {
        isHeld = inner.tryAcquire();
        return isHeld;
      },
      release: () => {
        isHeld = false;
        inner.release();
      },
      close: () => inner.close(),
    };
    const clock = {
      now: () => {
        asked++;
        if (isHeld) askedInTurn++;
        return Date.now();
      },
    };
    const wal = await Wal.open(directory, { lock, clock, segmentBytes: 4096 });
    for (let i = 0; i < 100; i++) wal.appendSync({ op: 'add', id: `bd-${i}` });
    await wal.compact({ fold: lastData });
    await wal.close();
    assert.ok(asked > 100);
    assert.equal(askedInTurn, 0);
    assert.ok(existsSync(join(directory, snapshotName(100))));
  });
});

test('an append whose write failed is not taken for one that was aborted before it, and is in the log at most once', async () => {
  await inScratch('turn', async (directory) => {
    let broken = false;
    const abort = new AbortController();
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          const written = file.append(pieces);
          if (!broken) return written;
          broken = false;
          queueMicrotask(() => {
            abort.abort();
            assert.throws(() => wal.appendSync({ op: 'add', id: 'bd-next' }), { code: 'ERR_WAL_LATCHED' });
          });
          // It was written all the same.
          throw systemError('EIO');
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    broken = true;
    const first = await wal.append({ op: 'add', id: 'bd-first' }, { signal: abort.signal }).then(
      ({ seq }) => seq,
      ({ code, outcome }) => ({ code, outcome }),
    );
    assert.deepEqual(first, { code: 'ERR_WAL_IO', outcome: 'unknown' });
    await assert.rejects(wal.append({ op: 'add', id: 'bd-last' }), { code: 'ERR_WAL_LATCHED' });
    await wal.close();
    assert.deepEqual(
      (await recordsIn(directory)).map(({ id }) => id),
      ['bd-first'],
    );
  });
});

test('stats count the bytes of groups that were written, and none of a group that the disk refused', async () => {
  await inScratch('turn', async (directory) => {
    let left = Infinity;
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          const bytes = Buffer.concat(pieces);
          if (left === 0) throw systemError('ENOSPC');
          const taken = bytes.subarray(0, left);
          left = Infinity;
          return file.append([taken]);
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    const sizes = () => [wal.stats().bytes, statSync(join(directory, segmentName(1))).size];
    await wal.append({ op: 'add', id: 'bd-0' });
    const [one, size] = sizes();
    assert.equal(one, size);
    left = 0;
    await assert.rejects(wal.append({ op: 'add', id: 'bd-1' }), { code: 'ERR_WAL_NO_SPACE' });
    assert.deepEqual(sizes(), [one, one]);
    left = 20;
    await assert.rejects(wal.append({ op: 'add', id: 'bd-1' }), { code: 'ERR_WAL_NO_SPACE' });
    assert.deepEqual(sizes(), [(one as number) + 20, (one as number) + 20]);
    await wal.append({ op: 'add', id: 'bd-2' });
    // Two bytes ended what the full disk had cut.
    const [all, whole] = sizes() as [number, number];
    assert.equal(all, whole - 2);
    await wal.close();
  });
});

test('a lock that fails to be released costs no append', async () => {
  await inScratch('turn', async (directory) => {
    const kernel = createLock('kernel', directory);
    let released = 0;
    const lock: Lock = {
      ...kernel,
      release: () => {
        kernel.release();
        if (released++ === 0) throw systemError('EIO');
      },
    };
    const wal = await Wal.open(directory, { lock });
    const ids = ['bd-0', 'bd-1'];
    for (const [i, id] of ids.entries()) assert.equal((await wal.append({ op: 'add', id })).seq, i + 1);
    assert.equal(released, 2);
    assert.equal(wal.stats().batches, 2);
    await wal.close();
  });
});

test('a segment that is healed takes along what a writer without the lock acknowledges meanwhile, up to the last moment', async () => {
  await inScratch('turn', async (directory) => {
    let fails = false;
    const syncNow = (file: StorageFile) => (fails ? assert.fail('the disk') : file.syncNow());
    const failing = await Wal.openIn(
      changedEnvironment({ storage: changedStorage({}, { syncNow, sync: async (file) => syncNow(file) }) }),
      directory,
    );
    fails = true;
    const other = await Wal.open(directory, { lock: 'none' });
    const newcomer = await Wal.open(directory, { lock: 'none' });
    other.appendSync({ op: 'add', id: 'bd-0' });
    await assert.rejects(failing.append({ op: 'add', id: 'bd-1' }), { code: 'ERR_WAL_SYNC' });
    await failing.close();

    // It acknowledges one more at every sync of the healer, and another appends as soon as the name leads elsewhere.
    const acknowledged: string[] = [];
    const write = (wal: Wal, id: string) => {
      wal.appendSync({ op: 'add', id });
      acknowledged.push(id);
    };
    let healing = true;
    const storage = changedStorage({
      open: (path, access, mode) => {
        const file = changedStorage({}).open(path, access, mode);
        if (!healing || !path.endsWith('.tmp') || !path.includes('.jsonl')) return file;
        return Object.assign(Object.create(file), {
          look: () => file.look(),
          endsAt: (size: number) => file.endsAt(size),
          append: (pieces: readonly Buffer[]) => file.append(pieces),
          close: () => file.close(),
          syncNow: () => {
            if (acknowledged.length < 5) write(other, `bd-w${acknowledged.length}`);
            file.syncNow();
          },
        });
      },
      syncDirectory: (path) => {
        if (healing && acknowledged.length > 0) {
          healing = false;
          write(newcomer, 'bd-new');
        }
        changedStorage({}).syncDirectory(path);
      },
    });
    const healer = await Wal.openIn(changedEnvironment({ storage }), directory);
    await healer.append({ op: 'add', id: 'bd-last' });
    await Promise.all([healer, other, newcomer].map((wal) => wal.close()));
    const there = (await recordsIn(directory)).map(({ id }) => id);
    for (const id of [...acknowledged, 'bd-0', 'bd-last'])
      assert.equal(there.filter((each) => each === id).length, 1, `${id} is not there once: ${there}`);
  });
});

for (const durability of ['sync', 'os'] as const) {
  test(`a loop of awaited appends lets timers and I/O go on (durability: ${durability})`, () =>
    inScratch('turn', async (directory) => {
      const wal = await Wal.open(directory, { durability });
      let fired = false;
      const timer = setTimeout(() => {
        fired = true;
      }, 1);
      // Far more appends than fit into the timer's millisecond.
      for (let i = 0; i < 2000 && !fired; i++) await wal.append({ op: 'add', id: `bd-${i}` });
      clearTimeout(timer);
      await wal.close();
      assert.ok(fired);
    }));
}
