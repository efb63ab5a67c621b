import assert from 'node:assert/strict';
import { cpSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Change, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';

const SMALL = { segmentBytes: 4096, durability: 'os' } as const;

test('watch tells each change, whoever made it, with what was before and is after, until it is stopped', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const other = await Wal.open(directory, SMALL);
    const table = await wal.table<number>();
    await wal.append({ op: 'set', id: 'a', data: 0 });
    const stop = new AbortController();
    const changes = table.watch({ signal: stop.signal });
    const ended = table.watch();
    await table.update('a', (n = 0) => n + 1);
    await other.append({ op: 'set', id: 'b', data: 5 });
    await other.append({ op: 'delete', id: 'a' });
    const seen: unknown[] = [];
    for await (const { id, seq, op, before, after } of changes) {
      seen.push([id, seq, op, before?.value, after?.value]);
      if (seen.length === 3) stop.abort();
    }
    assert.deepEqual(seen, [
      ['a', 2, 'update', 0, 1],
      ['b', 3, 'set', undefined, 5],
      ['a', 4, 'delete', 1, undefined],
    ]);
    assert.equal((await ended.next()).value?.seq, 2);
    const rest = ended
      .next()
      .then(() => ended.next())
      .then(() => ended.next());
    table.close();
    assert.equal((await rest).done, true);
    await assert.rejects(table.refresh(), { code: 'ERR_WAL_CLOSED' });
    assert.throws(() => table.get('b'), { code: 'ERR_WAL_CLOSED' });
    await wal.close();
    await other.close();
  });
});

test('closing the Wal ends a watch that waits', async () => {
  await inScratch('table', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    const next = (await wal.table()).watch().next();
    await wal.close();
    assert.deepEqual(await next, { done: true, value: undefined });
  });
});

test('a log that was replaced is loaded anew, and the watcher is told the difference', async () => {
  await inScratch('table', async (directory) => {
    const [log, older] = [join(directory, 'log'), join(directory, 'older')];
    const wal = await Wal.open(log, SMALL);
    const table = await wal.table();
    await wal.append({ op: 'set', id: 'a', data: 1 });
    await wal.append({ op: 'set', id: 'b', data: 1 });
    cpSync(log, older, { recursive: true });
    await wal.append({ op: 'set', id: 'a', data: 2 });
    await wal.append({ op: 'set', id: 'c', data: 2 });
    const changes = table.watch();
    const { size } = table;
    renameSync(log, join(directory, 'away'));
    cpSync(older, log, { recursive: true });
    assert.equal(size, 3);
    assert.equal(await table.refresh(), 2);
    assert.deepEqual(
      table.list().map(({ id, value, rev }) => [id, value, rev]),
      [
        ['a', 1, 1],
        ['b', 1, 2],
      ],
    );
    await wal.append({ op: 'set', id: 'd', data: 3 });
    assert.equal(table.get('d'), 3);
    for (const expected of [
      ['a', 'wal.reload', 2, 1],
      ['c', 'wal.reload', 2, undefined],
      ['d', 'set', undefined, 3],
    ]) {
      const { id, op, before, after } = (await changes.next()).value as Change;
      assert.deepEqual([id, op, before?.value, after?.value], expected);
    }
    await wal.close();
  });
});
