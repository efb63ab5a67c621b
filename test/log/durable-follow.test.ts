import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Wal } from '../../src/index.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { inScratch } from '../support/scratch.ts';
import { openChanged, SMALL } from '../support/small-log.ts';

const add = (id: string) => ({ op: 'add', id });

/** How often the log's file was synced before each of the first `count` records was delivered as durable. */
async function syncsBefore(directory: string, count: number): Promise<number[]> {
  let syncs = 0;
  const sync = async (file: StorageFile) => {
    await file.sync();
    syncs++;
  };
  const reader = await openChanged(directory, { sync }, { readOnly: true });
  const before: number[] = [];
  for await (const _ of reader.follow({ from: 1, durable: true })) {
    before.push(syncs);
    if (before.length === count) break;
  }
  await reader.close();
  return before;
}

test('a durable follower syncs once where the last of the records that it read is not said to be synced', () =>
  inScratch('durable-follow', async (directory) => {
    const wal = await Wal.open(directory);
    for (const id of ['bd-1', 'bd-2', 'bd-3']) await wal.append(add(id));
    await wal.close();
    // The last line says that the second entry is synced, and nothing says so of the last.
    assert.deepEqual(await syncsBefore(directory, 3), [1, 1, 1]);
  }));

test('a durable follower syncs what it read of a segment that takes more than one read', () =>
  inScratch('durable-follow', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 2 ** 20, durability: 'os' });
    for (let n = 1; n <= 4; n++) await wal.append({ ...add(`bd-${n}`), data: 'x'.repeat(100_000) });
    await wal.close();
    assert.deepEqual(await syncsBefore(directory, 4), [1, 1, 2, 2]);
  }));

test('a durable follower delivers nothing of a segment of which a sync failed, though the next is there', () =>
  inScratch('durable-follow', async (directory) => {
    const wal = await Wal.open(directory, { ...SMALL, durability: 'os' });
    await wal.append({ ...add('bd-1'), data: 'x'.repeat(5000) });
    await wal.append(add('bd-2'));
    await wal.close();
    writeFileSync(join(directory, 'wal.failed-sync'), '{"seq":1}\n');
    const reader = await Wal.open(directory, { readOnly: true });
    await assert.rejects(reader.follow({ from: 1, durable: true }).next(), { code: 'ERR_WAL_SYNC' });
    await reader.close();
  }));

test('a durable follower that goes on to a segment of which a sync failed delivers nothing of it', () =>
  inScratch('durable-follow', async (directory) => {
    const wal = await Wal.open(directory, SMALL);
    await wal.append(add('bd-1'));
    const reader = await Wal.open(directory, { readOnly: true });
    const records = reader.follow({ from: 1, durable: true });
    assert.equal((await records.next()).value?.id, 'bd-1');
    await wal.append({ ...add('bd-2'), data: 'x'.repeat(5000) });
    await wal.append(add('bd-3'));
    writeFileSync(join(directory, 'wal.failed-sync'), '{"seq":3}\n');
    assert.equal((await records.next()).value?.id, 'bd-2');
    await assert.rejects(records.next(), { code: 'ERR_WAL_SYNC', segment: '00000000000000000003.jsonl' });
    await Promise.all([wal.close(), reader.close()]);
  }));
