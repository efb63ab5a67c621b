import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crcOf } from '../../src/format/crc.ts';
import { decodeHeader, encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import { indexPlace } from '../../src/format/snapshot-index.ts';
import { type Fold, type Table, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';

/** Has an order, so that its snapshots have lines of each kind. */
const NUMBERED: Fold<{ n: number }> = {
  name: 'numbered',
  version: 1,
  apply: (_, { data }) => data as { n: number },
  order: ({ value }) => value.n,
};

const OPTIONS = { fold: NUMBERED, segmentBytes: 4096, autoCompact: false } as const;

type Change = (header: SnapshotHeader, body: Buffer) => { header: object; body: Buffer };

/** Makes another of the one snapshot in a directory. */
function rewrite(directory: string, change: Change): void {
  const name = readdirSync(directory).find((each) => each.startsWith('snapshot-')) as string;
  const bytes = readFileSync(join(directory, name));
  const end = bytes.indexOf('\n');
  const header = decodeHeader(bytes.subarray(0, end), name) as SnapshotHeader;
  const made = change(header, bytes.subarray(end + 1));
  const first = Buffer.from(encodeHeader(made.header as SnapshotHeader));
  writeFileSync(join(directory, name), Buffer.concat([first, made.body]));
}

/** Runs `body` with a compacted log of nothing but a snapshot, of which `change` makes another, whose crcs are right. */
async function withSnapshot(change: Change, body: (wal: Wal) => Promise<void>): Promise<void> {
  await inScratch('damaged-snapshot', async (directory) => {
    const wal = await Wal.open(directory, OPTIONS);
    for (let n = 1; n <= 20; n++)
      await wal.append({ op: 'set', id: `bd-${n}`, data: { n } }, { key: `key ${n}` });
    await wal.compact({ retain: 1 });
    await wal.close();
    rewrite(directory, change);
    const reader = await Wal.open(directory, { ...OPTIONS, readOnly: true });
    await body(reader);
    await reader.close();
  });
}

for (const [what, sizes] of [
  ['more than any file', { ids: 1e15, order: 1, keys: 1 }],
  ['more than there is', { ids: 4_000_000_000, order: 0, keys: 0 }],
  ['less than nothing', { ids: -1, order: 0, keys: 0 }],
  ['no number', { ids: '7', order: 0, keys: 0 }],
] as const) {
  test(`a snapshot whose first line says that its index is ${what} is passed over, and no room is made for it`, () =>
    withSnapshot(
      (header, body) => ({
        header: { ...header, body: { ...header.body, index: { ...header.body.index, ...sizes } } },
        body,
      }),
      async (wal) => {
        await assert.rejects(wal.table(), { code: /^ERR_WAL_(CORRUPT|COMPACTED)$/ });
        const { ok, error, damage } = await wal.verify();
        assert.deepEqual([ok, error?.code, damage.length], [false, 'ERR_WAL_CORRUPT', 1]);
        // Its name tells which numbers were given: no writer begins again at 1.
        await assert.rejects(Wal.open(wal.info().location, OPTIONS), { code: 'ERR_WAL_CORRUPT' });
      },
    ));
}

/** Writes the blocks in other words of the same length, or the first line of the index in any, and makes the crcs right. */
function reworded(in_: 'blocks' | 'index', from: RegExp, to: string) {
  return (header: SnapshotHeader, body: Buffer) => {
    const { at, bytes } = indexPlace(header.body);
    let blocks = body.toString('utf8', 0, at);
    let index = body.toString('utf8', at, at + bytes);
    if (in_ === 'blocks') {
      const before = blocks.length;
      blocks = blocks.replace(from, to);
      assert.equal(blocks.length, before);
      index = index.replace(/"at":(\d+),"bytes":(\d+),"crc":"\w+"/g, (_, start, size) => {
        const block = Buffer.from(blocks).subarray(Number(start), Number(start) + Number(size));
        return `"at":${start},"bytes":${size},"crc":"${crcOf(block)}"`;
      });
    }
    const longer = index.length;
    if (in_ === 'index') index = index.replace(from, to);
    const made = Buffer.from(blocks + index);
    const { ids, order, keys } = header.body.index;
    const told = { crc: crcOf(Buffer.from(index)), ids: ids + index.length - longer, order, keys };
    return {
      header: { ...header, body: { ...header.body, bytes: made.length, index: told } },
      body: made,
    };
  };
}

type Use = (table: Table<{ n: number }>) => unknown;
const list: Use = (table) => table.list();
const inOrder: Use = (table) => [...table.inOrder()];
const get: Use = (table) => table.get('bd-10');

for (const [what, change, uses] of [
  ['items that are not JSON', reworded('blocks', /"value":\{"n":10/, '"value":[{n":10'), [list, get]],
  ['an item without a value', reworded('blocks', /"value":\{"n":10/, '"worth":{"n":10'), [list, get]],
  ['an item whose rev is none', reworded('blocks', /"rev":10/, '"rev":-1'), [list, get]],
  ['an id that is not JSON', reworded('blocks', /"id":"bd-10"/, '"id":"\\x-10"'), [list, get]],
  ['places that are not JSON', reworded('blocks', /"order":3/, '"order":['), [inOrder]],
  ['places that are none', reworded('blocks', /"order":3/, '"ordex":3'), [inOrder]],
  ['an index of no objects', reworded('index', /.+/, 'null'), [list, get]],
  ['an index that is not JSON', reworded('index', /"at":/, '"at";'), [list, get]],
  ['an index without places', reworded('index', /"at":/, '"to":'), [list, get]],
  [
    'an index of blocks that are larger than any file',
    reworded('index', /"bytes":\d+/, '"bytes":9e15'),
    [list, get],
  ],
] as const) {
  test(`a snapshot of ${what}, though its checksums are right, is damaged: what needs it says so`, () =>
    withSnapshot(change, async (wal) => {
      for (const use of uses) {
        const table = await wal.table<{ n: number }>();
        assert.throws(() => use(table), { code: 'ERR_WAL_CORRUPT' });
        // So that the next one loads its own state from the files.
        table.close();
      }
    }));
}

for (const [what, change] of [
  [
    'whose index has another crc',
    (header: SnapshotHeader, body: Buffer) => {
      const index = { ...header.body.index, crc: '01234567' };
      return { header: { ...header, body: { ...header.body, index } }, body };
    },
  ],
  ['whose index has another crc for a block', reworded('index', /"crc":"\w+"/, '"crc":"01234567"')],
  ['whose index says that a block is elsewhere', reworded('index', /"at":0/, '"at":1')],
  ['whose index has no id', reworded('index', /"id":"[^"]*"/, '"id":null')],
  ['whose index is none', reworded('index', /.+/, 'null')],
] as const)
  test(`a snapshot ${what}: verify says so until a salvage mended it`, () =>
    withSnapshot(change, async (wal) => {
      const { error } = await wal.verify();
      assert.deepEqual([error?.code, error?.cause], ['ERR_WAL_CORRUPT', 'snapshot']);
      const log = wal.info().location;
      await Wal.repair(log, { mode: 'salvage' });
      const mended = await Wal.open(log, { ...OPTIONS, readOnly: true });
      assert.equal((await mended.verify()).ok, true);
      (await mended.table()).list();
      await mended.close();
    }));

test('keys in a snapshot that are none are damage to who asks for one', () =>
  inScratch('damaged-snapshot', async (scratch) => {
    const directory = join(scratch, 'log');
    const wal = await Wal.open(directory, OPTIONS);
    for (let n = 1; n <= 20; n++) await wal.append({ op: 'set', id: 'bd', data: { n } }, { key: `key ${n}` });
    await wal.compact({ retain: 1 });
    await wal.close();
    for (const [find, put] of [
      [/"seqs":\[1,1/, '"seqs":[1,0'],
      [/"keys":\["key 1"/, '"yeks":["key 1"'],
      [/"sums":/, '"smus":'],
    ] as const) {
      rewrite(directory, reworded('blocks', find, put));
      const writer = await Wal.open(directory, OPTIONS);
      await assert.rejects(writer.append({ op: 'set', id: 'x', data: { n: 1 } }, { key: 'key 1' }), {
        code: 'ERR_WAL_CORRUPT',
      });
      await writer.close();
    }
  }));
