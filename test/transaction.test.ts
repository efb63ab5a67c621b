import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, type Fold, type Table, Wal, WalError } from '../src/index.ts';
import { recordsIn } from '../src/lab/audit.ts';
import { Child } from '../src/lab/child.ts';
import { inScratch } from '../src/lab/scratch.ts';
import type { TransactJob, TransactNews } from '../src/lab/transact-process.ts';
import { changedStorage, changedSurroundings, systemError } from '../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../src/storage/storage.ts';
import { realSurroundings } from '../src/wal/surroundings.ts';

interface Count {
  readonly n: number;
}

async function inLog(
  body: (table: Table<Count>, wal: Wal, directory: string) => Promise<void>,
  options = {},
): Promise<void> {
  await inScratch('transaction', async (directory) => {
    const wal = await Wal.open(directory, options);
    try {
      await body(await wal.table<Count>(), wal, directory);
    } finally {
      await wal.close();
    }
  });
}

/** A Wal whose first writes are each preceded, or followed at once, by one of another's. */
async function overtakenWal(
  directory: string,
  times: number,
  order: 'before' | 'after' = 'before',
): Promise<{ wal: Wal; other: Wal }> {
  const other = await Wal.open(directory, { lock: 'none' });
  let left = times;
  const append = (file: StorageFile, pieces: readonly Buffer[]) => {
    const written = order === 'after' ? file.append(pieces) : undefined;
    if (left-- > 0) other.appendSync({ op: 'set', id: 'a', data: { n: 100 + left } });
    return written ?? file.append(pieces);
  };
  const surroundings = changedSurroundings({ storage: changedStorage({}, { append }) });
  return { wal: await Wal.openIn(surroundings, directory, { lock: 'none' }), other };
}

const isBroken = (error: unknown) => error instanceof WalError && error.code === 'ERR_WAL_TRANSACTION';

test('a transaction sees its own writes, and appends them as one line, one after the other', async () => {
  await inLog(async (table, wal, directory) => {
    await wal.append({ op: 'set', id: 'gone', data: { n: 1 } });
    const seen = await table.transaction((tx) => {
      tx.set('b', { n: 2 });
      tx.append({ op: 'made', id: 'a', data: { n: 1 }, ts: 7 });
      const deleted = [tx.delete('gone'), tx.delete('gone')];
      return {
        ids: tx.list().map(({ id }) => id),
        size: tx.size,
        a: tx.item('a'),
        deleted,
        gone: tx.has('gone'),
      };
    });
    assert.deepEqual(seen, {
      ids: ['a', 'b'],
      size: 2,
      a: { id: 'a', rev: 3, ts: 7, value: { n: 1 }, version: 1 },
      deleted: [true, false],
      gone: false,
    });
    assert.deepEqual(table.item('a'), seen.a);
    const records = await recordsIn(directory);
    assert.deepEqual(
      records.map(({ seq, op, id }) => [seq, op, id]),
      [
        [1, 'set', 'gone'],
        [2, 'set', 'b'],
        [3, 'made', 'a'],
        [4, 'delete', 'gone'],
      ],
    );
    assert.equal(new Set(records.slice(1).map(({ crc }) => crc)).size, 1);
  });
});

test('a transaction of one entry is a line like any other', async () => {
  await inLog(async (table, _wal, directory) => {
    await table.transaction((tx) => tx.set('a', { n: 1 }));
    const [record] = await recordsIn(directory);
    assert.deepEqual([record?.op, record?.id, record?.data], ['set', 'a', { n: 1 }]);
  });
});

test('a transaction that writes nothing appends nothing, and answers', async () => {
  await inLog(async (table, wal) => {
    await wal.append({ op: 'set', id: 'a', data: { n: 5 } });
    assert.equal(await table.transaction((tx) => tx.get('a')?.n), 5);
    assert.equal((await wal.head()).seq, 1);
  });
});

for (const thrown of [new Error('no'), undefined, 'text', new WalError('ERR_WAL_IO', 'mine')]) {
  test(`a transaction that throws ${String(thrown)} rejects with just that, and appends nothing; others go on`, async () => {
    await inLog(async (table, wal) => {
      const outcomes = await Promise.allSettled([
        wal.append({ op: 'set', id: 'a', data: { n: 1 } }),
        table.transaction((tx) => {
          tx.set('b', { n: 1 });
          throw thrown;
        }),
        wal.append({ op: 'set', id: 'c', data: { n: 1 } }),
      ]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.equal((outcomes[1] as PromiseRejectedResult).reason, thrown);
      assert.deepEqual(
        table.list().map(({ id }) => id),
        ['a', 'c'],
      );
    });
  });
}

test('an async function is refused, and what it does after its turn reaches nothing', async () => {
  await inLog(async (table, wal) => {
    let late: unknown;
    const refused = table.transaction(async (tx) => {
      tx.set('a', { n: 1 });
      await undefined;
      try {
        tx.set('b', { n: 1 });
      } catch (error) {
        late = error;
        throw error;
      }
    });
    await assert.rejects(refused, isBroken);
    await assert.rejects(
      table.update('a', async () => ({ n: 1 })),
      isBroken,
    );
    await sleep(1);
    assert.ok(isBroken(late));
    assert.equal((await wal.head()).seq, 0);
  });
});

test('a transaction object is of no use after its function returned', async () => {
  await inLog(async (table) => {
    const tx = await table.transaction((tx) => tx);
    for (const use of [
      () => tx.get('a'),
      () => tx.has('a'),
      () => tx.item('a'),
      () => tx.list(),
      () => tx.size,
      () => tx.set('a', 1),
      () => tx.delete('a'),
      () => tx.append({ op: 'set', id: 'a' }),
    ])
      assert.throws(use, isBroken, `${use}`);
  });
});

test('a transaction’s function that calls the Wal or a table gets an error at once, and nothing is appended', async () => {
  await inLog(async (table, wal) => {
    const entry: Entry = { op: 'set', id: 'a' };
    const calls: (() => unknown)[] = [
      () => wal.append(entry),
      () => wal.appendBatch([entry]),
      () => wal.appendSync(entry),
      () => wal.head(),
      () => wal.oldest(),
      () => wal.read(),
      () => wal.follow(),
      () => wal.verify(),
      () => wal.table(),
      () => wal.compact(),
      () => wal.stateAt(0),
      () => wal.backup('never-made'),
      () => wal.close(),
      () => table.refresh(),
      () => table.update('a', () => 1),
      () => table.transaction(() => 1),
      () => table.watch(),
    ];
    for (const call of calls) {
      await assert.rejects(
        table.transaction((tx) => {
          tx.set('b', { n: 1 });
          call();
        }),
        isBroken,
        `${call}`,
      );
      await assert.rejects(table.update('b', call), isBroken, `${call}`);
    }
    // Reading a table is no harm.
    await table.transaction(() => table.get('a'));
    assert.equal((await wal.head()).seq, 0);
  });
});

test('a transaction that somebody comes before is decided again, on what came, and is there once', async () => {
  await inScratch('transaction', async (directory) => {
    const { wal, other } = await overtakenWal(directory, 3);
    const table = await wal.table<Count>();
    const seen: unknown[] = [];
    const item = await table.update('a', (value) => {
      seen.push(value?.n);
      return { n: (value?.n ?? 0) + 1 };
    });
    assert.deepEqual(seen, [undefined, 102, 101, 100]);
    assert.deepEqual([item?.value, item?.rev, item?.version], [{ n: 101 }, 4, 4]);
    assert.deepEqual(table.item('a'), item);
    await wal.close();
    await other.close();
    assert.deepEqual(
      (await recordsIn(directory)).map(({ data }) => data),
      [{ n: 102 }, { n: 101 }, { n: 100 }, { n: 101 }],
    );
  });
});

test('transactions of one write that somebody comes before are decided again, each on those before it', async () => {
  await inScratch('transaction', async (directory) => {
    const { wal, other } = await overtakenWal(directory, 2);
    const table = await wal.table<Count>();
    const add = () => table.update('a', (value) => ({ n: (value?.n ?? 0) + 1 }));
    const items = await Promise.all([add(), add(), add()]);
    assert.deepEqual(
      items.map((item) => [item?.value.n, item?.rev]),
      [
        [101, 3],
        [102, 4],
        [103, 5],
      ],
    );
    await wal.close();
    await other.close();
  });
});

test('a transaction that landed, though somebody wrote right after it, is there once, and was decided once', async () => {
  await inScratch('transaction', async (directory) => {
    const { wal, other } = await overtakenWal(directory, 1, 'after');
    const table = await wal.table<Count>();
    let decided = 0;
    const item = await table.update('a', () => ({ n: ++decided }));
    assert.deepEqual([item?.value.n, item?.rev, decided], [1, 1, 1]);
    assert.deepEqual(table.get('a'), { n: 100 });
    await wal.close();
    await other.close();
    assert.deepEqual(
      (await recordsIn(directory)).map(({ data }) => data),
      [{ n: 1 }, { n: 100 }],
    );
  });
});

test('a transaction that others come before at every try ends after maxTries, with what is there, and appends nothing', async () => {
  await inScratch('transaction', async (directory) => {
    const { wal, other } = await overtakenWal(directory, 1000);
    const table = await wal.table<Count>();
    let tries = 0;
    const update = table.update(
      'a',
      () => {
        tries++;
        return { n: 1 };
      },
      { maxTries: 5 },
    );
    await assert.rejects(update, (error: WalError) => {
      assert.deepEqual([error.code, error.outcome, error.seq], ['ERR_WAL_CONFLICT', 'not-written', 5]);
      return true;
    });
    assert.equal(tries, 5);
    assert.equal(table.get('a')?.n, 1095);
    await wal.close();
    await other.close();
    assert.equal((await recordsIn(directory)).length, 5);
  });
});

test('many updates at once share writes, and each sees the one before', async () => {
  await inLog(async (table, wal) => {
    const { batches: before } = wal.stats();
    const items = await Promise.all(
      Array.from({ length: 200 }, () => table.update('a', (value) => ({ n: (value?.n ?? 0) + 1 }))),
    );
    assert.deepEqual(
      items.map((item) => [item?.value.n, item?.version, item?.rev]),
      Array.from({ length: 200 }, (_, i) => [i + 1, i + 1, i + 1]),
    );
    assert.ok(wal.stats().batches - before < 20, `${wal.stats().batches} writes`);
  });
});

test('a transaction sees appends of other kinds that precede it in the same write', async () => {
  await inLog(async (table, wal) => {
    const [, , seen, , size] = await Promise.all([
      wal.append({ op: 'set', id: 'a', data: { n: 1 } }),
      wal.appendBatch([
        { op: 'set', id: 'b', data: { n: 2 } },
        { op: 'delete', id: 'a' },
      ]),
      table.transaction((tx) => {
        tx.set('c', { n: 3 });
        return tx.list().map(({ id, rev }) => [id, rev]);
      }),
      wal.append({ op: 'delete', id: 'b' }),
      table.transaction((tx) => tx.size),
    ]);
    assert.deepEqual(seen, [
      ['b', 2],
      ['c', 4],
    ]);
    assert.equal(size, 1);
  });
});

for (const answer of ['thrown', 'answered']) {
  test(`that there is nothing left, decided on what was not written in the end, is not ${answer}, but decided again`, async () => {
    await inScratch('transaction', async (directory) => {
      let full = false;
      const append = (file: StorageFile, pieces: readonly Buffer[]) => {
        if (!full) return file.append(pieces);
        full = false;
        throw systemError('ENOSPC');
      };
      const surroundings = changedSurroundings({ storage: changedStorage({}, { append }) });
      const wal = await Wal.openIn(surroundings, directory);
      const table = await wal.table<Count>();
      full = true;
      const take = (by: number) =>
        table.transaction((tx) => {
          if (tx.has('seat') && answer === 'thrown') throw new Error('exhausted');
          if (tx.has('seat')) return 'exhausted';
          tx.set('seat', { n: by });
          return by;
        });
      const [first, second] = await Promise.allSettled([take(1), take(2)]);
      assert.equal((first as PromiseRejectedResult).reason.code, 'ERR_WAL_NO_SPACE');
      assert.deepEqual(second, { status: 'fulfilled', value: 2 });
      assert.deepEqual(table.get('seat'), { n: 2 });
      await wal.close();
    });
  });
}

test('data is read in a transaction as it will be read from the log, and is not the caller’s any more', async () => {
  await inLog(async (table) => {
    const data = { n: 1, at: new Date(0), drop: undefined };
    const seen = await table.transaction((tx) => {
      tx.set('a', data);
      data.n = 2;
      return tx.get('a');
    });
    assert.deepEqual(seen, { at: '1970-01-01T00:00:00.000Z', n: 1 });
    assert.ok(Object.isFrozen(seen));
    assert.deepEqual(table.get('a'), seen);
  });
});

test('entries that are none are refused inside the function, and the transaction can go on without them', async () => {
  await inLog(
    async (table, wal) => {
      const bad: readonly (readonly [Entry, string])[] = [
        [{ op: '', id: 'a' }, 'ERR_WAL_ENTRY'],
        [{ op: 'set', id: 'a', data: 1n }, 'ERR_WAL_ENTRY'],
        [{ op: 'wal.repair', id: 'a' }, 'ERR_WAL_ENTRY'],
        [{ op: 'set', id: 'a', key: 'k' }, 'ERR_WAL_ENTRY'],
        [{ op: 'set', id: 'a', data: 'x'.repeat(2000) }, 'ERR_WAL_TOO_LARGE'],
      ];
      await table.transaction((tx) => {
        for (const [entry, code] of bad) assert.throws(() => tx.append(entry), { code });
        tx.set('a', { n: 1 });
      });
      assert.equal((await wal.head()).seq, 1);
      const large = table.transaction((tx) => {
        for (let i = 0; i < 4; i++) tx.set(`b${i}`, 'x'.repeat(500));
      });
      await assert.rejects(large, { code: 'ERR_WAL_TOO_LARGE' });
      assert.equal((await wal.head()).seq, 1);
    },
    { maxEntryBytes: 1000 },
  );
});

test('a fold that refuses an entry keeps it out of the log', async () => {
  await inScratch('transaction', async (directory) => {
    const wal = await Wal.open(directory);
    const fold: Fold<number, number> = {
      name: 'sum',
      version: 1,
      apply: (sum = 0, { data = 0 }) => {
        if (sum + data < 0) throw new Error('below zero');
        return sum + data;
      },
    };
    const table = await wal.table<number>({ fold });
    await table.transaction((tx) => tx.append({ op: 'add', id: 'a', data: 2 }));
    const refused = table.transaction((tx) => tx.append({ op: 'add', id: 'a', data: -3 }));
    await assert.rejects(refused, { code: 'ERR_WAL_FOLD' });
    assert.equal((await wal.head()).seq, 1);
    assert.equal(await table.refresh(), 1);
    await wal.close();
  });
});

test('an update whose function answers undefined leaves all as it is, and its op is the caller’s', async () => {
  await inLog(async (table, _wal, directory) => {
    await table.update('a', () => ({ n: 1 }), { op: 'made' });
    assert.deepEqual((await table.update('a', () => undefined))?.value, { n: 1 });
    assert.equal(await table.update('b', () => undefined), undefined);
    assert.deepEqual(
      (await recordsIn(directory)).map(({ op }) => op),
      ['made'],
    );
  });
});

test('an update whose function throws rejects with just that, and leaves all as it is', async () => {
  await inLog(async (table, wal) => {
    await table.update('a', () => ({ n: 1 }));
    const thrown = new Error('no');
    const update = table.update('a', () => {
      throw thrown;
    });
    await assert.rejects(update, (error) => error === thrown);
    assert.deepEqual([table.get('a'), (await wal.head()).seq], [{ n: 1 }, 1]);
  });
});

test('a transaction above 10 ms warns, once a table', async () => {
  await inScratch('transaction', async (directory) => {
    let now = 0;
    const clock = { ...realSurroundings.clock, elapsed: () => now };
    const wal = await Wal.openIn(changedSurroundings({ clock }), directory);
    const warnings: string[] = [];
    const hear = (warning: Error & { code?: string }) => {
      if (warning.code === 'WAL_SLOW_TRANSACTION') warnings.push(warning.message);
    };
    process.on('warning', hear);
    try {
      const table = await wal.table();
      for (const ms of [0, 10, 11, 12]) {
        await table.transaction(() => {
          now += ms;
        });
        // Warnings are told in a tick of their own.
        await new Promise(setImmediate);
        assert.equal(warnings.length, ms > 10 ? 1 : 0, `${ms} ms`);
      }
      assert.match(warnings[0] as string, /took 11 ms/);
    } finally {
      process.off('warning', hear);
      await wal.close();
    }
  });
});

test('a transaction of a table whose log was replaced is decided on the log that is there now, and appended once', async () => {
  await inScratch('transaction', async (directory) => {
    const [log, older] = [`${directory}/log`, `${directory}/older`];
    const wal = await Wal.open(log);
    const table = await wal.table<Count>();
    await table.update('a', () => ({ n: 1 }));
    cpSync(log, older, { recursive: true });
    await table.update('a', () => ({ n: 2 }));
    rmSync(log, { recursive: true });
    cpSync(older, log, { recursive: true });
    const item = await table.update('a', (value) => ({ n: (value?.n ?? 0) + 10 }));
    assert.deepEqual([item?.value, item?.rev, item?.version], [{ n: 11 }, 2, 2]);
    assert.deepEqual(table.item('a'), item);
    await wal.close();
    assert.equal((await recordsIn(log)).length, 2);
  });
});

test('what is not a transaction is refused: no function, options that are none, a read-only or closed Wal, an aborted signal', async () => {
  await inLog(async (table, wal, directory) => {
    const nothing = undefined as never;
    await assert.rejects(table.transaction(nothing), { code: 'ERR_WAL_ARGUMENT' });
    await assert.rejects(
      table.transaction(() => 1, { maxTries: 0 }),
      { code: 'ERR_WAL_ARGUMENT' },
    );
    await assert.rejects(
      table.transaction(() => 1, { tries: 1 } as object),
      { code: 'ERR_WAL_ARGUMENT' },
    );
    await assert.rejects(
      table.transaction(() => 1, { signal: 1 as never }),
      { code: 'ERR_WAL_ARGUMENT' },
    );
    const signal = AbortSignal.abort();
    await assert.rejects(
      table.transaction((tx) => tx.set('a', { n: 1 }), { signal }),
      { code: 'ERR_WAL_ABORTED' },
    );
    const reader = await Wal.open(directory, { readOnly: true });
    const readOnly = await reader.table();
    await assert.rejects(
      readOnly.transaction(() => 1),
      { code: 'ERR_WAL_READ_ONLY' },
    );
    await reader.close();
    await wal.close();
    await assert.rejects(
      table.transaction(() => 1),
      { code: 'ERR_WAL_CLOSED' },
    );
  });
});

test('expect.rev lets an append through while its id is as the caller saw it, and tells what is there otherwise', async () => {
  await inLog(async (table, wal) => {
    const set = (n: number, rev: number) =>
      wal.append({ op: 'set', id: 'a', data: { n } }, { expect: { rev } });
    assert.equal((await set(1, 0)).seq, 1);
    await wal.append({ op: 'set', id: 'b', data: { n: 1 } });
    assert.equal((await set(2, 1)).seq, 3);
    for (const [rev, there] of [
      [0, 3],
      [1, 3],
      [2, 3],
      [4, 3],
    ] as const) {
      await assert.rejects(set(9, rev), (error: WalError) => {
        assert.deepEqual(
          [error.code, error.rev, error.outcome, error.head?.seq],
          ['ERR_WAL_CONFLICT', there, 'not-written', 3],
        );
        return true;
      });
    }
    await wal.append({ op: 'delete', id: 'a' }, { expect: { rev: 3 } });
    await assert.rejects(set(9, 3), { code: 'ERR_WAL_CONFLICT', rev: 0 });
    assert.equal((await set(3, 0)).seq, 5);
    await table.refresh();
    assert.deepEqual([table.get('a'), table.item('a')?.version], [{ n: 3 }, 1]);
  });
});

test('of appends at once that expect the same rev, one gets through, and a key still answers with the first', async () => {
  await inLog(async (_table, wal) => {
    const claim = (i: number) =>
      wal.append({ op: 'claim', id: 'a', data: { n: i } }, { expect: { rev: 0 }, key: `k${i}` });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => claim(i)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await wal.head()).seq, 1);
    assert.deepEqual((await claim(0)).duplicate, true);
  });
});

test('expect.rev of a batch, beside seq, or of appendSync is refused', async () => {
  await inLog(async (_table, wal) => {
    const expect = { rev: 0 };
    const refused = { code: 'ERR_WAL_ARGUMENT' };
    await assert.rejects(wal.appendBatch([{ op: 'set', id: 'a' }], { expect }), refused);
    await assert.rejects(
      wal.append({ op: 'set', id: 'a' }, { expect: { rev: 0, seq: 0 } as never }),
      refused,
    );
    await assert.rejects(wal.append({ op: 'set', id: 'a' }, { expect: { rev: -1 } }), refused);
    assert.throws(() => wal.appendSync({ op: 'set', id: 'a' }, { expect }), refused);
  });
});

async function inProcesses(count: number, job: TransactJob): Promise<readonly TransactNews[]> {
  const children = Array.from({ length: count }, () => new Child<TransactNews>('transact-process', job));
  const deadline = AbortSignal.timeout(300_000);
  deadline.addEventListener('abort', () => {
    for (const child of children) child.signal('SIGKILL');
  });
  await Promise.all(children.map((child) => child.told(({ kind }) => kind === 'ready')));
  for (const child of children) child.send('go');
  await Promise.all(children.map(({ ended }) => ended));
  return children.flatMap(({ messages }) => messages);
}

for (const lock of ['kernel', 'lockfile', 'none'] as const) {
  test(`ten processes update one id, ten times each (lock: ${lock}): no update is lost, and the version counts them`, async () => {
    await inScratch('update', async (directory) => {
      const news = await inProcesses(10, { directory, options: { lock }, updates: 10 });
      const values = news.flatMap((said) => (said.kind === 'updated' ? [said.value] : []));
      assert.deepEqual(
        news.filter(({ kind }) => kind === 'failed'),
        [],
      );
      assert.deepEqual(
        values.sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
      const wal = await Wal.open(directory, { readOnly: true });
      const table = await wal.table<{ count: number }>();
      const item = table.item('counter');
      await wal.close();
      assert.deepEqual([item?.value.count, item?.version, item?.rev], [100, 100, 100]);
    });
  });
}
