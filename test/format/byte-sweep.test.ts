import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { segmentName } from '../../src/format/names.ts';
import { type LogRecord, Wal, type WalError } from '../../src/index.ts';
import { type Reference, readAsSpecified } from '../support/reference.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch } from '../support/scratch.ts';

/** A line of the log as it was written. */
interface Line {
  readonly offset: number;
  /** Offset of its newline. */
  readonly newline: number;
  readonly seq: number;
  readonly entries: number;
  readonly synced: number;
}

let bytes: Buffer;
let records: LogRecord[];
let lines: Line[];
const MASKS = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff];

before(async () => {
  await inScratch('sweep-make', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append({ op: 'add', id: 'bd-1', data: { title: 'A space, a {"crc":" and é' } });
    await wal.append({ op: 'claim', id: 'bd-1', key: 'k\\"1' });
    await wal.appendBatch([
      { op: 'add', id: 'bd-2', data: [1, null] },
      { op: 'add', id: 'bd-3', ts: -4 },
    ]);
    await Promise.all(['a', 'b', 'c'].map((id) => wal.append({ op: 'note', id })));
    wal.appendSync({ op: 'close', id: 'bd-1', data: '@~' });
    await wal.append({ op: 'end', id: 'bd-9' });
    records = [];
    for await (const record of wal.read()) records.push(record);
    await wal.close();
    bytes = readFileSync(join(directory, segmentName(1)));
  });
  lines = [];
  for (let offset = 0; offset < bytes.length; offset = (lines.at(-1)?.newline as number) + 1) {
    const newline = bytes.indexOf('\n', offset);
    const { seq, synced, entries } = JSON.parse(bytes.toString('utf8', offset, newline));
    lines.push({ offset, newline, seq, synced, entries: entries?.length ?? 1 });
  }
  assert.equal(records.length, 9);
  assert.ok(
    lines.some(({ seq, synced }) => synced === seq - 1),
    'a line proves the one before it',
  );
});

/** What is left of the log when line `at` is altered: reckoned from what was written, not by reading it. */
function leftWithout(at: number, newlineToo: boolean) {
  const { seq } = lines[at] as Line;
  // A line that lost its newline takes the next with it; that one still bears witness.
  const witnesses = lines.slice(at + 1);
  const to = Math.max(0, ...witnesses.map(({ synced }) => synced));
  const proof = witnesses.find(({ synced }) => synced >= seq);
  const glued = newlineToo && proof === witnesses[0];
  return {
    head: seq - 1,
    missing: proof && { from: seq, to, offset: glued ? (lines[at] as Line).offset : proof.offset },
  };
}

function altered(at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
  return copy;
}

function check(found: Reference, at: number, mask: number): void {
  const name = `byte ${at} xor ${mask}`;
  const line = lines.findIndex(({ newline }) => at <= newline) as number;
  const newline = at === lines[line]?.newline;
  const { head, missing } = leftWithout(line, newline);
  assert.equal(
    found.head.seq,
    head,
    `${name}: accepted are the entries before the altered line, and no other`,
  );
  assert.deepEqual(
    found.missing ?? undefined,
    missing,
    `${name}: what later lines prove is missing, exactly`,
  );
  const [odd, ...later] = found.lines.filter(({ verdict }) => verdict !== 'accepted');
  assert.equal(
    odd?.offset,
    lines[line]?.offset,
    `${name}: the altered line is the first that does not count`,
  );
  const last = line === lines.length - 1;
  const nul = (bytes.readUInt8(at) ^ mask) === 0;
  const expected = newline ? (last ? 'pending' : 'torn') : nul ? 'torn' : 'damaged';
  assert.equal(odd?.verdict, expected, name);
  // A last line whose newline is another byte now would count: to end it as torn would bury it.
  if (expected !== 'torn') assert.equal(found.doubt?.offset, lines[line]?.offset, `${name}: in doubt`);
  else assert.equal(found.doubt, null, name);
  const split = (bytes.readUInt8(at) ^ mask) === 0x0a;
  assert.equal(later.length, lines.length - line - 1 + (split ? 1 : 0) - (newline && !last ? 1 : 0), name);
}

test('each bit of each byte of a log flipped: the line does not count, what came before does, and what is proven lost is told', () => {
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of MASKS) {
      const copy = altered(at, mask);
      const found = readByScan(copy);
      check(found, at, mask);
      assert.deepEqual(readAsSpecified(copy), found, `byte ${at} xor ${mask}: the reference says the same`);
    }
  }
});

test('a log cut at each byte: the whole lines count, the rest is pending, and nothing is in doubt', () => {
  for (let end = 0; end <= bytes.length; end++) {
    const copy = bytes.subarray(0, end);
    const found = readByScan(copy);
    const left = lines.filter(({ newline }) => newline < end);
    const rest = end - ((left.at(-1)?.newline ?? -1) + 1);
    assert.equal(found.lines.filter(({ verdict }) => verdict === 'accepted').length, left.length);
    assert.equal(found.lines.length, left.length + (rest > 0 ? 1 : 0));
    if (rest > 0) assert.equal(found.lines.at(-1)?.verdict, 'pending');
    assert.deepEqual([found.missing, found.doubt], [null, null]);
    assert.deepEqual(readAsSpecified(copy), found);
  }
});

async function readOut(wal: Wal): Promise<{ records: LogRecord[]; error: WalError | undefined }> {
  const got: LogRecord[] = [];
  try {
    for await (const record of wal.read()) got.push(record);
    return { records: got, error: undefined };
  } catch (error) {
    return { records: got, error: error as WalError };
  }
}

test('an altered log on disk: reading gives what came before and a located error, appending is refused, the file stays as it is', async () => {
  await inScratch('sweep-flip', async (directory) => {
    await (await Wal.open(directory)).close();
    const path = join(directory, segmentName(1));
    for (let at = 0; at < bytes.length; at += 41) {
      const mask = MASKS[at % MASKS.length] as number;
      const name = `byte ${at} xor ${mask}`;
      const copy = altered(at, mask);
      writeFileSync(path, copy);
      const { head, missing, doubt } = readByScan(copy);
      const corruption = missing ?? doubt;
      const opened = await Wal.open(directory).catch((error: WalError) => error);
      if (opened instanceof Wal) {
        await opened.close();
        assert.equal(corruption, null, `${name}: opened to append`);
      } else {
        assert.equal(opened.code, 'ERR_WAL_CORRUPT', name);
        const seq = missing?.from ?? doubt?.seq;
        assert.deepEqual(
          [opened.segment, opened.offset, opened.seq],
          [segmentName(1), corruption?.offset, seq],
          name,
        );
      }
      const reader = await Wal.open(directory, { readOnly: true });
      const got = await readOut(reader);
      assert.deepEqual(got.records, records.slice(0, head.seq), name);
      assert.equal(got.error?.code, corruption ? 'ERR_WAL_CORRUPT' : undefined, name);
      const report = await reader.verify();
      assert.equal(report.ok, corruption === null, name);
      const ranges = report.missing.map(({ from, to, offset, settled }) => ({ from, to, offset, settled }));
      assert.deepEqual(ranges, missing ? [{ ...missing, settled: false }] : [], name);
      await reader.close();
      assert.ok(readFileSync(path).equals(copy), `${name}: unchanged`);
    }
  });
});

test('a cut log goes on from its last line that lacks no more than its newline', async () => {
  await inScratch('sweep-cut', async (directory) => {
    await (await Wal.open(directory)).close();
    const path = join(directory, segmentName(1));
    const ends = [0, 1, ...lines.flatMap(({ newline }) => [newline - 1, newline, newline + 1]), 400, 700];
    for (const end of ends) {
      writeFileSync(path, bytes.subarray(0, end));
      const left = lines.filter(({ newline }) => newline <= end);
      const seq = left.reduce((sum, { entries }) => sum + entries, 0);
      const wal = await Wal.open(directory);
      assert.equal((await wal.append({ op: 'next', id: 'x' })).seq, seq + 1, `cut at ${end}`);
      const got = await readOut(wal);
      assert.equal(got.error, undefined);
      assert.deepEqual(got.records.slice(0, -1), records.slice(0, seq), `cut at ${end}`);
      assert.equal(got.records.at(-1)?.id, 'x');
      const report = await wal.verify();
      const torn = end > ((left.at(-1) as Line | undefined)?.newline ?? -1) + 1 ? 1 : 0;
      assert.deepEqual([report.ok, report.lines.torn, report.lines.pending], [true, torn, 0]);
      await wal.close();
    }
  });
});
