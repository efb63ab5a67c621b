import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { keysOfLine, type SnapshotKey } from '../../src/format/key-lines.ts';
import { SnapshotBodyMaker } from '../../src/format/snapshot-body.ts';
import { blocksOf, indexPlace, parseLines } from '../../src/format/snapshot-index.ts';

const keys = fc
  .array(
    fc.record({
      key: fc.oneof(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
        fc.nat(2000).map((n) => `order-${n}`),
        fc.nat(30).map((n) => `job \u{1f600}${String.fromCodePoint(0x1f600 + n)} of today`),
      ),
      gap: fc.integer({ min: 1, max: 1000 }),
      count: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 })),
      ts: fc.maxSafeInteger(),
      sum: fc.nat(2 ** 32 - 1),
    }),
    { minLength: 1 },
  )
  .map((items) => {
    let seq = 0;
    return items.map(({ gap, ...key }): SnapshotKey => {
      const first = seq + gap;
      seq = first + key.count - 1;
      return { ...key, seq: first };
    });
  });

/** What is read of keys that were written as a snapshot's, and how many bytes they take there. */
function roundTrip(all: readonly SnapshotKey[]): { read: SnapshotKey[]; bytes: number } {
  const maker = new SnapshotBodyMaker();
  for (const key of all) maker.addKey(key);
  const body = maker.end(false);
  assert.equal(body.keys, all.length);
  const bytes = Buffer.concat(maker.pieces);
  const place = indexPlace(body);
  const index = bytes.subarray(place.at, place.at + place.bytes);
  const blocks = blocksOf('keys', body, index) ?? [];
  const read = blocks.flatMap(({ at, bytes: length }) =>
    (parseLines(bytes.subarray(at, at + length), () => true) ?? []).flatMap((line) => keysOfLine(line) ?? []),
  );
  return { read, bytes: body.bytes };
}

test('keys that are written to a snapshot and read are the same keys', () => {
  fc.assert(fc.property(keys, (all) => assert.deepEqual(roundTrip(all).read, all)));
});

test('a line of keys that is not as any is written is none', () => {
  const line = { keys: ['order-1', 6, '2'], seqs: [1, [1, 3]], sums: '/////wAAAAA=', ts: [5, 1] };
  assert.deepEqual(keysOfLine(line), [
    { key: 'order-1', seq: 1, count: 1, ts: 5, sum: 2 ** 32 - 1 },
    { key: 'order-2', seq: 2, count: 3, ts: 6, sum: 0 },
  ]);
  for (const bad of [
    null,
    7,
    {},
    { ...line, keys: 'order-1' },
    { ...line, keys: ['order-1'] },
    { ...line, keys: ['order-1', 8, '2'] },
    { ...line, keys: ['order-1', -1, '2'] },
    { ...line, keys: ['order-1', 1.5, '2'] },
    { ...line, keys: ['order-1', null] },
    { ...line, keys: ['order-1', '2', 3] },
    { ...line, seqs: [1, 0] },
    { ...line, seqs: [1, '1'] },
    { ...line, seqs: [1, [1, 0]] },
    { ...line, seqs: [1, [1]] },
    { ...line, seqs: [1] },
    { ...line, seqs: [1, 1, 1] },
    { ...line, seqs: [[1, 2], 1] },
    { ...line, seqs: [1, 2 ** 53] },
    { ...line, sums: undefined },
    { ...line, sums: [2 ** 32 - 1, 0] },
    { ...line, sums: '/////w==' },
    { ...line, sums: '/////wAAAAAA' },
    { ...line, ts: [5] },
    { ...line, ts: [5, 1.5] },
  ])
    assert.equal(keysOfLine(bad), undefined, JSON.stringify(bad));
});

/** Bytes a key, of so many in a snapshot. */
function cost(count: number, keyOf: (n: number) => string): number {
  const ts = (n: number) => 1_700_000_000_000 + 3 * n;
  const all = Array.from({ length: count }, (_, n) => {
    const key = keyOf(n);
    return { key, seq: n + 1, count: 1, ts: ts(n), sum: crc32(key) };
  });
  const { read, bytes } = roundTrip(all);
  assert.deepEqual(read, all);
  return bytes / count;
}

test('keys cost a snapshot little more than what they do not share with the one before', () => {
  const numbered = cost(20_000, (n) => `order-${100_000 + n}`);
  assert.ok(numbered < 18, `${numbered} bytes a key`);
  const random = cost(20_000, () => randomUUID());
  assert.ok(random < 36 + 15, `${random} bytes a key`);
});
