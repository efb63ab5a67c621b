import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AppendResult, createLock, type Entry, Wal } from '../../src/index.ts';
import type { AppendJob, AppendNews } from '../../src/lab/append-process.ts';
import { Child } from '../../src/lab/child.ts';
import { collectGarbage } from '../../src/lab/collect-garbage.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { audit, recordsIn } from '../support/audit.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';

const add = (id: string, more: object = {}) => ({ op: 'add', id, ...more });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const numbered = (count: number, prefix = 'bd-') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Runs `body` with an open Wal, which is closed after it. */
async function withWal(
  options: Parameters<typeof Wal.open>[1],
  body: (wal: Wal, directory: string) => Promise<void>,
) {
  await inScratch('append', async (directory) => {
    const wal = await Wal.open(directory, options);
    try {
      await body(wal, directory);
    } finally {
      await wal.close();
    }
  });
}

/** What each child said, once all have ended. */
async function race(jobs: readonly AppendJob[]): Promise<AppendNews[]> {
  const children = jobs.map((job) => new Child<AppendNews>('append-process', job));
  await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'ready')));
  for (const child of children) child.send('go');
  await Promise.all(children.map(({ ended }) => ended));
  return children.flatMap(({ messages }) => messages);
}

test('appends on their way when the process exits go before the one of its exit handler', async () => {
  await inScratch('append', async (directory) => {
    const child = new Child(ownScript('exit-process'), [directory]);
    assert.equal(await child.ended, 0);
    assert.deepEqual(await idsIn(directory), [...numbered(20), 'bd-exit']);
  });
});

test('appendSync between pending appends keeps the order of the calls', () =>
  withWal({}, async (wal, directory) => {
    const pending = numbered(10).map((id) => wal.append(add(id)));
    assert.equal(wal.appendSync(add('bd-10')).seq, 11);
    pending.push(wal.append(add('bd-11')));
    await new Promise(setImmediate);
    wal.appendSync(add('bd-12'));
    assert.deepEqual(
      (await Promise.all(pending)).map(({ seq }) => seq),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12],
    );
    assert.deepEqual(await idsIn(directory), numbered(13));
  }));

test('an append aborted before it is written is not in the log; one aborted after it is', () =>
  withWal({}, async (wal, directory) => {
    const [before, queued, after] = [new AbortController(), new AbortController(), new AbortController()];
    before.abort();
    await assert.rejects(wal.append(add('bd-before'), { signal: before.signal }), {
      code: 'ERR_WAL_ABORTED',
      outcome: 'not-written',
    });
    const waiting = wal.append(add('bd-queued'), { signal: queued.signal });
    queued.abort();
    await assert.rejects(waiting, { code: 'ERR_WAL_ABORTED', outcome: 'not-written' });
    const { seq } = await wal.append(add('bd-after'), { signal: after.signal });
    after.abort();
    assert.equal(seq, 1);
    assert.deepEqual(await idsIn(directory), ['bd-after']);
  }));

test('an append that waits for a strict lock can be aborted, and goes through once the lock is free', () =>
  inScratch('append', async (directory) => {
    const held = createLock('kernel', directory);
    assert.ok(held.tryAcquire());
    const wal = await Wal.open(directory, { lockTimeoutMs: Infinity });
    const abort = new AbortController();
    const first = wal.append(add('bd-first'), { signal: abort.signal });
    setTimeout(() => abort.abort(), 60);
    await assert.rejects(first, { code: 'ERR_WAL_ABORTED', outcome: 'not-written' });
    const second = wal.append(add('bd-second'));
    setTimeout(() => held.release(), 60);
    assert.equal((await second).seq, 1);
    await wal.close();
    held.close();
    assert.deepEqual(await idsIn(directory), ['bd-second']);
  }));

test('a strict lock that is not free in time fails the append, and says so', () =>
  inScratch('append', async (directory) => {
    const held = createLock('kernel', directory);
    assert.ok(held.tryAcquire());
    const strange = changedEnvironment({});
    const storage = { ...strange.storage, fileSystem: () => 'strange' as const };
    const wal = await Wal.openIn({ ...strange, storage }, directory, { lock: 'kernel', lockTimeoutMs: 50 });
    await assert.rejects(wal.append(add('bd-1')), { code: 'ERR_WAL_LOCK_TIMEOUT', outcome: 'not-written' });
    assert.throws(() => wal.appendSync(add('bd-1')), {
      code: 'ERR_WAL_LOCK_TIMEOUT',
      outcome: 'not-written',
    });
    assert.equal(wal.stats().lock.timeouts, 2);
    held.release();
    await wal.append(add('bd-2'));
    await wal.close();
    held.close();
    assert.deepEqual(await idsIn(directory), ['bd-2']);
  }));

test('of appends called at once with one expectation in one process, exactly one wins', () =>
  withWal({}, async (wal, directory) => {
    await wal.append(add('bd-0'));
    const results = await Promise.allSettled(
      numbered(8, 'bd-r').map((id) => wal.append(add(id), { expect: { seq: 1 } })),
    );
    assert.deepEqual(
      results.filter(({ status }) => status === 'fulfilled').map((each) => 'value' in each && each.value.seq),
      [2],
    );
    const head = await wal.head();
    for (const result of results) {
      if (result.status !== 'rejected') continue;
      const { code, outcome, head: there } = result.reason;
      assert.deepEqual(
        { code, outcome, there },
        { code: 'ERR_WAL_CONFLICT', outcome: 'not-written', there: head },
      );
    }
    assert.equal((await idsIn(directory)).length, 2);
  }));

for (const lock of ['kernel', 'none'] as const) {
  test(`of five processes that expect the same head (lock: ${lock}), exactly one wins, and the others are told the head`, async () => {
    await inScratch('append', async (directory) => {
      await (await Wal.open(directory)).close();
      const clients = numbered(5, 'bd-c');
      const news = await race(
        clients.map((client) => ({ directory, client, count: 1, expect: 0, options: { lock } })),
      );
      const won = news.filter((item) => item.kind === 'ack');
      const lost = news.filter((item) => item.kind === 'failed');
      assert.deepEqual([won.length, lost.length], [1, 4]);
      for (const { code, outcome, head } of lost)
        assert.deepEqual(
          { code, outcome, head },
          { code: 'ERR_WAL_CONFLICT', outcome: 'not-written', head: 1 },
        );
      assert.deepEqual(await idsIn(directory), [won[0]?.id]);
    });
  });
}

test('a chain of expectations called at once goes through in order, up to the one that does not fit', () =>
  withWal({}, async (wal) => {
    const calls = [0, 1, 2, 7, 3].map((seq, i) => wal.append(add(`bd-${i}`), { expect: { seq } }));
    const results = await Promise.allSettled(calls);
    assert.deepEqual(
      results.map((each) => ('value' in each ? each.value.seq : each.reason.code)),
      [1, 2, 3, 'ERR_WAL_CONFLICT', 4],
    );
  }));

test('an expectation of the head’s number with another crc is a conflict', () =>
  withWal({}, async (wal) => {
    await wal.append(add('bd-0'));
    const { seq, crc } = await wal.head();
    const other = wal.append(add('bd-1'), { expect: { seq, crc: '00000000' } });
    await assert.rejects(other, { code: 'ERR_WAL_CONFLICT', outcome: 'not-written' });
    assert.equal((await wal.append(add('bd-1'), { expect: { seq, crc } })).seq, 2);
  }));

test('two appends with one key called at once are one record, and the second is told so', () =>
  withWal({}, async (wal, directory) => {
    const key = 'once';
    const calls = [
      wal.append(add('bd-0', { key })),
      wal.append(add('bd-0'), { key }),
      wal.append(add('bd-2')),
    ];
    const [first, second, third] = (await Promise.all(calls)) as [AppendResult, AppendResult, AppendResult];
    assert.deepEqual(second, { ...first, duplicate: true });
    assert.equal(first.duplicate, undefined);
    assert.deepEqual([first.seq, third.seq], [1, 2]);
    assert.equal(wal.appendSync(add('bd-0', { key })).duplicate, true);
    assert.deepEqual(await idsIn(directory), ['bd-0', 'bd-2']);
  }));

test('five processes append the same keys, one is killed and starts again: every key is there once', async () => {
  await inScratch('append', async (directory) => {
    const job = { directory, client: 'bd-k', count: 60, inFlight: 4, keyed: true } satisfies AppendJob;
    const killed = new Child<AppendNews>('append-process', job);
    await killed.told(({ kind }) => kind === 'ready');
    killed.send('go');
    await killed.told((news) => news.kind === 'ack' && news.seq > 10);
    killed.signal('SIGKILL');
    await killed.ended;
    const news = [...killed.messages, ...(await race(Array.from({ length: 4 }, () => job)))];
    const result = await audit(directory, news, [job.client]);
    assert.deepEqual([result.lost, result.doubled, result.strange], [[], [], []]);
    assert.equal(result.records, 60);
    assert.equal(news.filter((item) => item.kind === 'ack' && !item.duplicate && item.seq > 60).length, 0);
    for (const item of news) assert.notEqual(item.kind, 'failed');
  });
});

test('a key is known for keyWindow records, also to a Wal that was opened later', () =>
  withWal({ keyWindow: 5 }, async (wal, directory) => {
    await wal.append(add('bd-0', { key: 'k' }));
    for (const id of ['bd-1', 'bd-2', 'bd-3', 'bd-4']) await wal.append(add(id));
    assert.equal((await wal.append(add('bd-0', { key: 'k' }))).duplicate, true);
    const later = await Wal.open(directory, { keyWindow: 5 });
    assert.equal((await later.append(add('bd-0', { key: 'k' }))).seq, 1);
    await later.append(add('bd-5'));
    assert.equal((await later.append(add('bd-6', { key: 'k' }))).seq, 7);
    await later.close();
    assert.deepEqual(await idsIn(directory), numbered(7));
  }));

test('equal entries in one millisecond from two writers are both in the log', async () => {
  await inScratch('append', async (directory) => {
    const fixed = changedEnvironment({});
    const environment = { ...fixed, clock: { ...fixed.clock, now: () => 1_700_000_000_000 } };
    const wals = await Promise.all(
      [1, 2].map(() => Wal.openIn(environment, directory, { lock: 'none', durability: 'os' })),
    );
    for (let round = 0; round < 50; round++) await Promise.all(wals.map((wal) => wal.append(add('bd-same'))));
    await Promise.all(wals.map((wal) => wal.close()));
    const records = await recordsIn(directory);
    assert.equal(records.length, 100);
    assert.equal(new Set(records.map(({ ts }) => ts)).size, 1);
  });
});

for (const durable of [false, true]) {
  test(`following${durable ? ' what is durable' : ''}, every record comes once, until the signal or the closing`, () =>
    withWal({}, async (wal, directory) => {
      const stop = new AbortController();
      let behind = 2;
      const follow = async (ready: () => unknown, signal?: AbortSignal) => {
        const seen: number[] = [];
        for await (const { seq } of wal.follow({ durable, ...(signal && { signal }) })) {
          seen.push(seq);
          if (seq === 30) ready();
        }
        return seen;
      };
      const caughtUp = new Promise<void>((resolve) => {
        stop.signal.addEventListener('abort', () => resolve());
      });
      const ready = () => --behind === 0 && stop.abort();
      const [stopped, closed] = [follow(ready, stop.signal), follow(ready)];
      const other = await Wal.open(directory);
      for (let i = 0; i < 15; i++)
        await Promise.all([wal.append(add(`bd-a${i}`)), other.append(add(`bd-b${i}`))]);
      const all = Array.from({ length: 30 }, (_, i) => i + 1);
      await caughtUp;
      assert.deepEqual(await stopped, all);
      await other.close();
      await wal.close();
      assert.deepEqual(await closed, all);
    }));
}

test('a record that no line proves to be synced is synced before it is followed as durable, and not at all otherwise', () =>
  withWal({ durability: 'os' }, async (wal, directory) => {
    let syncs = 0;
    const sync = async (file: StorageFile) => {
      await file.sync();
      syncs++;
    };
    const environment = changedEnvironment({ storage: changedStorage({}, { sync }) });
    const reader = await Wal.openIn(environment, directory, { readOnly: true });
    const [durable, plain] = [reader.follow({ durable: true }), reader.follow()];
    for (const seq of [1, 2, 3]) {
      await wal.append(add(`bd-${seq}`));
      assert.equal((await plain.next()).value?.seq, seq);
      assert.equal(syncs, seq - 1);
      assert.equal((await durable.next()).value?.seq, seq);
      assert.equal(syncs, seq);
    }
    await reader.close();
  }));

test(
  'a follow and a watch end with a signal that nobody else holds, such as a time-out',
  { timeout: 60_000 },
  () =>
    withWal({}, async (wal) => {
      const table = await wal.table();
      const collecting = setInterval(collectGarbage, 5);
      try {
        for await (const _ of wal.follow({ signal: AbortSignal.timeout(50) }));
        for await (const _ of table.watch({ signal: AbortSignal.timeout(50) }));
      } finally {
        clearInterval(collecting);
      }
    }),
);

for (const [how, append] of Object.entries({
  append: (wal, entry) => wal.append(entry),
  'append beside small ones': (wal, entry) => Promise.all([wal.append(add('bd-1')), wal.append(entry)]),
  appendSync: async (wal, entry) => wal.appendSync(entry),
  'appendSync before an append': async (wal, entry) => {
    const small = wal.append(add('bd-1'));
    wal.appendSync(entry);
    await small;
  },
  'a transaction': async (wal, entry) => {
    const table = await wal.table();
    await table.transaction((tx) => tx.append(entry));
    table.close();
  },
  'an append that conflicts': (wal, entry) =>
    assert.rejects(wal.append(entry, { expect: { seq: 7 } }), { code: 'ERR_WAL_CONFLICT' }),
  'an append among others without a pause': async (wal, entry, isOver) => {
    await wal.append(entry);
    void (async () => {
      while (!isOver()) await wal.append(add('bd-1'));
    })();
  },
} as Record<string, (wal: Wal, entry: Entry, isOver: () => boolean) => Promise<unknown>>)) {
  test(`of an entry of 10 MB hardly any memory is kept, by who wrote it and by who reads it (${how})`, () =>
    inScratch('append', async (directory) => {
      const options = { maxEntryBytes: 2 ** 26, durability: 'os' } as const;
      const [wal, reader] = [await Wal.open(directory, options), await Wal.open(directory)];
      const held = () => {
        collectGarbage();
        const { heapUsed, arrayBuffers } = process.memoryUsage();
        return heapUsed + arrayBuffers;
      };
      await wal.append(add('bd-0'));
      await reader.head();
      const before = held();
      let isOver = false;
      await append(wal, add('large', { data: 'x'.repeat(10e6) }), () => isOver);
      await reader.head();
      let kept = Infinity;
      // The memory of a collected buffer is given back in the background.
      for (let i = 0; i < 50 && kept > 2e6; i++) {
        await new Promise(setImmediate);
        kept = held() - before;
      }
      isOver = true;
      assert.ok(kept <= 2e6, `${kept} bytes`);
      await wal.close();
      await reader.close();
    }));
}
