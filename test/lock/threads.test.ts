import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { lockStatus, Wal } from '../../src/index.ts';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { message, runThreads, startThread } from '../../src/lab/threads.ts';
import { audit, recordsIn } from '../support/audit.ts';
import type { BusyJob } from '../support/busy-thread.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';

const add = (id: string) => ({ op: 'add', id });

test('eight threads on the kernel lock, each with file work going on beside it: none starves, and nothing is lost', async (t) => {
  await inScratch('threads', async (directory) => {
    const log = join(directory, 'log');
    const cells = new SharedArrayBuffer(12);
    const share = 200;
    const ended: Promise<unknown>[] = [];
    const workers = Array.from({ length: 8 }, (_, thread) => {
      const worker = startThread(ownScript('busy-thread'), {
        directory: log,
        scratch: directory,
        thread,
        threads: 8,
        share,
        cells,
      } satisfies BusyJob);
      ended.push(new Promise((resolve) => worker.once('exit', resolve)));
      return worker;
    });
    await Promise.all(workers.map(message));
    const counts = Promise.all(workers.map(message)) as Promise<number[]>;
    Atomics.store(new Int32Array(cells), 0, 1);
    Atomics.notify(new Int32Array(cells), 0);
    const appended = await counts;
    await Promise.all(ended);
    const all = appended.reduce((sum, each) => sum + each, 0);
    const ratio = Math.max(...appended) / Math.min(...appended);
    const work = Atomics.load(new Int32Array(cells), 1);
    t.diagnostic(
      `${all} appends, most/fewest of a thread ${ratio.toFixed(2)}, ${work} files written and read`,
    );
    // All go on until each has its share: nobody waits for ever, however many others come.
    assert.ok(Math.min(...appended) >= share && work > 0, `${appended} appends, ${work} files`);
    const records = await recordsIn(log);
    assert.equal(records.length, all);
    const last = new Map(records.map(({ id }) => id.split('n') as [string, string]));
    assert.deepEqual(
      appended.map((_, thread) => last.get(`bd-b${thread}`)),
      appended.map((count) => String(count - 1)),
    );
  });
});

test('the hint of who took the lock last names the thread, and 0 for the main one', () =>
  inScratch('threads', async (directory) => {
    const appendOnce = async (log: string) => {
      const { Wal } = await import('../../src/index.ts');
      const wal = await Wal.open(log);
      await wal.append({ op: 'add', id: 'bd-1' });
      await wal.close();
    };
    await appendOnce(directory);
    assert.equal(lockStatus(directory).holder?.thread, 0);
    const index = JSON.stringify(import.meta.resolve('../../src/index.js'));
    const code = `(${appendOnce.toString().replace(/import\([^)]*\)/, `import(${index})`)})(require('node:worker_threads').workerData)`;
    const worker = new Worker(code, { eval: true, workerData: directory });
    const { threadId } = worker;
    await once(worker, 'exit');
    assert.equal(lockStatus(directory).holder?.thread, threadId);
  }));

test('after a thread that held the kernel lock was terminated, the next append goes through with the lock', async () => {
  await inScratch('threads', async (directory) => {
    let waiting = () => {};
    const waits = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    const options = { lock: 'kernel', lockTimeoutMs: 60_000, onLockWait: () => waiting() } as const;
    const wal = await Wal.open(directory, options);
    const worker = startThread(ownScript('lock-holder-thread'), { kind: 'kernel', directory });
    assert.equal(await message(worker), 'held');
    const appending = wal.append(add('bd-0'));
    await waits;
    await worker.terminate();
    assert.equal((await appending).seq, 1);
    assert.equal(wal.stats().lock.takeovers, 0);
    await wal.close();
  });
});

test('while a lock is held for good, appends go on without it, wait for it once, and nothing is lost', async () => {
  for (const kind of ['kernel', 'lockfile'] as const) {
    await inScratch('threads', async (directory) => {
      const wal = await Wal.open(directory, { lock: kind, lockTimeoutMs: 100 });
      const worker = startThread(ownScript('lock-holder-thread'), { kind, directory });
      assert.equal(await message(worker), 'held');
      try {
        for (let i = 0; i < 5; i++) await wal.append(add(`bd-${i}`));
        const { turns, waits, takeovers } = wal.stats().lock;
        assert.deepEqual({ turns, takeovers }, { turns: 5, takeovers: 1 });
        assert.ok(waits <= 1, `${waits} of five waited`);
      } finally {
        await worker.terminate();
      }
      await wal.close();
      assert.equal((await recordsIn(directory)).length, 5);
    });
  }
});

for (const count of [2, 10]) {
  test(`${count} processes make one log at once: one wal.json, and every append is there`, async () => {
    await inScratch('threads', async (directory) => {
      const log = join(directory, 'deep', 'log');
      const clients = Array.from({ length: count }, (_, i) => `bd-p${i}`);
      const children = clients.map(
        (client) =>
          new Child<AppendNews>('append-process', {
            directory: log,
            client,
            count: 5,
            openTogether: true,
          } satisfies AppendJob),
      );
      await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'waiting')));
      for (const child of children) {
        child.send('open');
        child.send('go');
      }
      for (const child of children) assert.equal(await child.ended, 0);
      const news = children.flatMap(({ messages }) => messages);
      const { acknowledged, records, lost, doubled, report } = await audit(log, news, clients);
      assert.deepEqual(
        { acknowledged, records, lost, doubled },
        { acknowledged: 5 * count, records: 5 * count, lost: [], doubled: [] },
      );
      assert.equal(report.error, undefined);
      const names = ['00000000000000000001.jsonl', 'wal.json', 'wal.lock', 'wal.mark'];
      assert.deepEqual(readdirSync(log).sort(), names);
    });
  });
}

test('thirty Wals of one process on one directory, opened at once, with the lockfile lock: every append is there', async () => {
  await inScratch('threads', async (directory) => {
    const wals = await Promise.all(
      Array.from({ length: 30 }, () => Wal.open(directory, { lock: 'lockfile' })),
    );
    const seqs = await Promise.all(
      wals.flatMap((wal, w) => [0, 1, 2].map(async (i) => (await wal.append(add(`bd-w${w}n${i}`))).seq)),
    );
    for (const [w, wal] of wals.entries()) wal.appendSync(add(`bd-w${w}n3`));
    assert.equal(new Set(seqs).size, 90);
    await Promise.all(wals.map((wal) => wal.close()));
    assert.equal((await recordsIn(directory)).length, 120);
  });
});

test('many Wals of one process and of its threads on one directory: one order, which each of them reads', async () => {
  await inScratch('threads', async (directory) => {
    const wals = await Promise.all(Array.from({ length: 12 }, () => Wal.open(directory)));
    const readers = await Promise.all(
      Array.from({ length: 4 }, () => Wal.open(directory, { readOnly: true })),
    );
    const threads = runThreads(3, { directory, count: 10, options: {} });
    const mine = wals.map(async (wal, w) => {
      const seqs: number[] = [];
      for (let i = 0; i < 10; i++) seqs.push((await wal.append(add(`bd-w${w}n${i}`))).seq);
      return seqs;
    });
    const seqs = await Promise.all(mine);
    assert.deepEqual((await threads).completed, 3);
    for (const own of seqs)
      assert.deepEqual(
        own,
        [...own].sort((a, b) => a - b),
      );
    const [first, ...others] = await Promise.all(
      [...wals, ...readers].map(async (wal) => {
        const ids: string[] = [];
        for await (const { id } of wal.read()) ids.push(id);
        return ids;
      }),
    );
    assert.equal(new Set(first).size, 150);
    assert.equal(first?.length, 150);
    for (const other of others) assert.deepEqual(other, first);
    await Promise.all([...wals, ...readers].map((wal) => wal.close()));
  });
});
