import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wal, type WalError } from '../../src/index.ts';
import { Child } from '../../src/lab/child.ts';
import { ownScript } from '../support/own-script.ts';
import { inScratch } from '../support/scratch.ts';
import { inTable } from '../support/small-log.ts';
import type { TransactJob, TransactNews } from '../support/transact-process.ts';

test('expect.rev lets an append through while its id is as the caller saw it, and tells what is there otherwise', async () => {
  await inTable('transaction', async (table, wal) => {
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
  await inTable('transaction', async (_table, wal) => {
    const claim = (i: number) =>
      wal.append({ op: 'claim', id: 'a', data: { n: i } }, { expect: { rev: 0 }, key: `k${i}` });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => claim(i)));
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    assert.equal((await wal.head()).seq, 1);
    assert.deepEqual((await claim(0)).duplicate, true);
  });
});

test('expect.rev of a batch, beside seq, or of appendSync is refused', async () => {
  await inTable('transaction', async (_table, wal) => {
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
  const children = Array.from(
    { length: count },
    () => new Child<TransactNews>(ownScript('transact-process'), job),
  );
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
  test(`four processes update one id, ten times each (lock: ${lock}): no update is lost, and the version counts them`, async () => {
    await inScratch('update', async (directory) => {
      const news = await inProcesses(4, { directory, options: { lock }, updates: 10 });
      const values = news.flatMap((said) => (said.kind === 'updated' ? [said.value] : []));
      assert.deepEqual(
        news.filter(({ kind }) => kind === 'failed'),
        [],
      );
      assert.deepEqual(
        values.sort((a, b) => a - b),
        Array.from({ length: 40 }, (_, i) => i + 1),
      );
      const wal = await Wal.open(directory, { readOnly: true });
      const table = await wal.table<{ count: number }>();
      const item = table.item('counter');
      await wal.close();
      assert.deepEqual([item?.value.count, item?.version, item?.rev], [40, 40, 40]);
    });
  });
}
