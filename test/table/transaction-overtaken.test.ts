import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal, type WalError } from '../../src/index.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';
import { type Count, inTable } from '../support/small-log.ts';

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
  const environment = changedEnvironment({ storage: changedStorage({}, { append }) });
  return { wal: await Wal.openIn(environment, directory, { lock: 'none' }), other };
}

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
  await inTable('transaction', async (table, wal) => {
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
  await inTable('transaction', async (table, wal) => {
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
      const environment = changedEnvironment({ storage: changedStorage({}, { append }) });
      const wal = await Wal.openIn(environment, directory);
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
