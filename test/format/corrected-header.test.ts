import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correctedHeader } from '../../src/format/corrected-header.ts';
import { encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';

const HEADER: SnapshotHeader = {
  log: '0123456789abcdef',
  created: 1_750_000_000_000,
  head: { seq: 60, crc: '0badcafe' },
  latest: 1_750_000_000_000,
  seal: 'cafe0bad',
  fold: { name: 'last-data "of" J', version: 1 },
  keys: { from: 1, window: 10_000 },
  body: { bytes: 1000, ids: 10, keys: 5, index: { crc: '01234567', ids: 50, order: 0, keys: 50 } },
};
const BODY = '{"id":"bd-1","rev":1,"ts":1,"value":1,"version":1}\n';
const FIRST = encodeHeader(HEADER);
const WHOLE = Buffer.from(FIRST + BODY);
const found = { header: HEADER, bodyAt: FIRST.length };

test('a first line of a snapshot with any one bit flipped, its newline too, is corrected', () => {
  assert.deepEqual(correctedHeader(WHOLE, 'snapshot'), found);
  for (let at = 0; at < FIRST.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(WHOLE);
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      assert.deepEqual(correctedHeader(bytes, 'snapshot'), found, `byte ${at}, bit ${bit}`);
    }
});

test('a first line of a snapshot with two bytes changed is not corrected', () => {
  for (let at = 0; at + 1 < FIRST.length; at++) {
    const bytes = Buffer.from(WHOLE);
    bytes.fill('~', at, at + 2);
    assert.equal(correctedHeader(bytes, 'snapshot'), undefined, `byte ${at}`);
  }
});

test('what is no first line of a snapshot is not made one', () => {
  for (const text of ['', '\n', BODY, '"snapshot":1}'])
    assert.equal(correctedHeader(Buffer.from(text), 'snapshot'), undefined, text);
});
