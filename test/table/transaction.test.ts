import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/clock/clock.ts';
import { type Entry, type Fold, lastData, type Transaction, Wal, WalError } from '../../src/index.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { realEnvironment } from '../../src/setup/environment.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';
import { type Count, inTable } from '../support/small-log.ts';

const isBroken = (error: unknown) => error instanceof WalError && error.code === 'ERR_WAL_TRANSACTION';

test('a transaction sees its own writes, and appends them as one line, one after the other', async () => {
  await inTable('transaction', async (table, wal, directory) => {
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
  await inTable('transaction', async (table, _wal, directory) => {
    await table.transaction((tx) => tx.set('a', { n: 1 }));
    const [record] = await recordsIn(directory);
    assert.deepEqual([record?.op, record?.id, record?.data], ['set', 'a', { n: 1 }]);
  });
});

test('a transaction that writes nothing appends nothing, and answers', async () => {
  await inTable('transaction', async (table, wal) => {
    await wal.append({ op: 'set', id: 'a', data: { n: 5 } });
    assert.equal(await table.transaction((tx) => tx.get('a')?.n), 5);
    assert.equal((await wal.head()).seq, 1);
  });
});

for (const thrown of [new Error('no'), undefined, 'text', new WalError('ERR_WAL_IO', 'mine')]) {
  test(`a transaction that throws ${String(thrown)} rejects with just that, and appends nothing; others go on`, async () => {
    await inTable('transaction', async (table, wal) => {
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
  await inTable('transaction', async (table, wal) => {
    let late: unknown;
    // The types refuse it, too.
    const decide: (tx: Transaction<Count>) => unknown = async (tx) => {
      tx.set('a', { n: 1 });
      await undefined;
      try {
        tx.set('b', { n: 1 });
      } catch (error) {
        late = error;
        throw error;
      }
    };
    await assert.rejects(table.transaction(decide), isBroken);
    const change: () => unknown = async () => ({ n: 1 });
    await assert.rejects(table.update('a', change), isBroken);
    await sleep(1);
    assert.ok(isBroken(late));
    assert.equal((await wal.head()).seq, 0);
  });
});

test('a transaction object is of no use after its function returned', async () => {
  await inTable('transaction', async (table) => {
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
  await inTable('transaction', async (table, wal) => {
    const entry: Entry = { op: 'set', id: 'a' };
    const calls: (() => unknown)[] = [
      () => wal.append(entry),
      () => wal.appendBatch([entry]),
      () => wal.appendSync(entry),
      () => wal.ready(),
      () => wal.head(),
      () => wal.oldest(),
      () => wal.read(),
      () => wal.follow(),
      () => wal.verify(),
      () => wal.table(),
      () => wal.compact({ fold: lastData }),
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

test('data is read in a transaction as it will be read from the log, and is not the caller’s any more', async () => {
  await inTable('transaction', async (table) => {
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
  await inTable(
    'transaction',
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
  await inTable('transaction', async (table, _wal, directory) => {
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
  await inTable('transaction', async (table, wal) => {
    await table.update('a', () => ({ n: 1 }));
    const thrown = new Error('no');
    const update = table.update('a', () => {
      throw thrown;
    });
    await assert.rejects(update, (error) => error === thrown);
    assert.deepEqual([table.get('a'), (await wal.head()).seq], [{ n: 1 }, 1]);
  });
});

test('transactions that work for more than 10 ms warn, once a table; those that merely wait do not', async () => {
  await inScratch('transaction', async (directory) => {
    let now = 0;
    let worked = 0;
    const clock = { ...realEnvironment.clock, elapsed: () => now, worked: () => worked };
    const wal = await Wal.openIn(changedEnvironment({ clock }), directory);
    const warnings: string[] = [];
    const hear = (warning: Error & { code?: string }) => {
      if (warning.code === 'WAL_SLOW_TRANSACTION') warnings.push(warning.message);
    };
    process.on('warning', hear);
    try {
      const table = await wal.table();
      const transactions = [
        { took: 0, work: 0, warned: 0 },
        { took: 10, work: 10, warned: 0 },
        // One alone may have been compiled just then.
        { took: 11, work: 11, warned: 0 },
        // The machine was busy with others.
        { took: 5000, work: 10, warned: 0 },
        // Other threads worked, too.
        { took: 10, work: 40, warned: 0 },
        { took: 5000, work: 11, warned: 0 },
        { took: 5000, work: 11, warned: 1 },
        { took: 12, work: 12, warned: 1 },
      ];
      for (const { took, work, warned } of transactions) {
        await table.transaction(() => {
          now += took;
          worked += work;
        });
        // Warnings are told in a tick of their own.
        await new Promise(setImmediate);
        assert.equal(warnings.length, warned, `${took} ms, ${work} of work`);
      }
      assert.match(warnings[0] as string, /took 11 ms/);
    } finally {
      process.off('warning', hear);
      await wal.close();
    }
  });
});

test('transactions whose functions compute for 11 ms by the real clock warn', async () => {
  await inTable('transaction', async (table) => {
    const warned = once(process, 'warning');
    const compute = () => {
      const { elapsed, worked } = systemClock;
      const [began, before] = [elapsed(), worked()];
      while (Math.min(elapsed() - began, worked() - before) < 11);
    };
    for (const _ of [1, 2]) await table.transaction(compute);
    assert.equal((await warned)[0].code, 'WAL_SLOW_TRANSACTION');
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
  await inTable('transaction', async (table, wal, directory) => {
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
