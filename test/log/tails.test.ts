import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crcOf } from '../../src/format/crc.ts';
import { ENVELOPE_BYTES, GENESIS_CRC } from '../../src/format/line.ts';
import { segmentName } from '../../src/format/names.ts';
import { SegmentScan } from '../../src/format/scan.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { type LogRecord, Wal, type WalError } from '../../src/index.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch } from '../support/scratch.ts';

/** Runs `body` with a closed log of three entries; what its lines prove depends on `oneWal`. */
async function withLog(
  name: string,
  body: (directory: string, path: string, bytes: Buffer) => Promise<void>,
  { oneWal = true } = {},
): Promise<void> {
  await inScratch(name, async (directory) => {
    for (let i = 0; i < 3; ) {
      const wal = await Wal.open(directory);
      do await wal.append({ op: 'add', id: `bd-${++i}`, data: { n: i } });
      while (oneWal && i < 3);
      await wal.close();
    }
    const path = join(directory, segmentName(1));
    await body(directory, path, readFileSync(path));
  });
}

/** A line of somebody's, as bytes with its newline. */
function line(
  body: string,
  { prev = GENESIS_CRC, seq = 1, synced = 0, writer = 'zzzzzzzz.1' },
): { bytes: Buffer; crc: string } {
  const buffer = Buffer.alloc(Buffer.byteLength(body) + ENVELOPE_BYTES);
  const placed = { prev, seq, synced, ts: 1, writer, crc: '' };
  const end = writeLine(buffer, 0, body, placed);
  return { bytes: buffer.subarray(0, end), crc: placed.crc };
}

async function drain(
  wal: Wal,
  options = {},
): Promise<{ seqs: number[]; records: LogRecord[]; error?: WalError }> {
  const records: LogRecord[] = [];
  let error: WalError | undefined;
  try {
    for await (const record of wal.read(options)) records.push(record);
  } catch (failure) {
    error = failure as WalError;
  }
  return { seqs: records.map(({ seq }) => seq), records, ...(error && { error }) };
}

const WHOLE = line('"id":"lost","op":"add"', { seq: 4, prev: '0badcafe' }).bytes;

const LONE = 'a line whose predecessor is not there';

/** Tails that a crash leaves, and a whole line that one does not leave: the log goes on after them. */
const HARMLESS: readonly (readonly [string, Buffer])[] = [
  ['a piece of a line', WHOLE.subarray(0, 60)],
  ['a stranded line that lacks its newline', WHOLE.subarray(0, -1)],
  ['one byte', Buffer.from('{')],
  ['a torn line that was ended already', Buffer.concat([WHOLE.subarray(0, 60), Buffer.from('~\n')])],
  ['NULs', Buffer.alloc(4096)],
  ['NULs and a newline', Buffer.concat([Buffer.alloc(50), Buffer.from('\n')])],
  ['a line with NULs in it', Buffer.concat([WHOLE.subarray(0, 60), Buffer.alloc(20), Buffer.from('\n')])],
  ['a line glued to a piece of another', Buffer.concat([WHOLE.subarray(0, 60), WHOLE])],
  [LONE, WHOLE],
];

for (const [name, tail] of HARMLESS) {
  test(`a log that ends in ${name} is read to its last entry, and goes on`, async () => {
    await withLog('harmless', async (directory, path, bytes) => {
      appendFileSync(path, tail);
      const reader = await Wal.open(directory, { readOnly: true });
      assert.deepEqual(await drain(reader).then(({ seqs, error }) => [seqs, error]), [[1, 2, 3], undefined]);
      await reader.close();
      const wal = await Wal.open(directory);
      assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 4);
      const { records, error } = await drain(wal);
      assert.deepEqual([records.map(({ id }) => id), error], [['bd-1', 'bd-2', 'bd-3', 'next'], undefined]);
      const report = await wal.verify();
      assert.deepEqual([report.ok, report.entries, report.odd.length], [name !== LONE, 4, 1]);
      assert.equal(report.error?.cause, name === LONE ? 'passed-over' : undefined);
      await wal.close();
      assert.ok(
        readFileSync(path)
          .subarray(0, bytes.length + tail.length)
          .equals(Buffer.concat([bytes, tail])),
      );
    });
  });
}

const second = (bytes: Buffer) => bytes.indexOf('\n') + 1;
const insert = (bytes: Buffer, at: number, what: string) =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(what), bytes.subarray(at)]);

/** What people and their tools do to a file: the log must not be taken for empty, nor go on. */
const HARM: readonly (readonly [
  name: string,
  change: (bytes: Buffer) => Buffer,
  cause: string,
  /** How many entries come before the damage. */
  left: number,
  /** What can be read past it. */
  kept: readonly number[],
])[] = [
  [
    'was checked out with autocrlf',
    (b) => Buffer.from(b.toString().replaceAll('\n', '\r\n')),
    'carriage-return',
    0,
    [1, 2, 3],
  ],
  ['begins with a byte-order mark', (b) => insert(b, 0, '\ufeff'), 'byte-order-mark', 0, [1, 2, 3]],
  ['was saved as UTF-16', (b) => Buffer.from(`\ufeff${b}`, 'utf16le'), 'byte-order-mark', 0, [1, 2, 3]],
  ['has a merge conflict in it', (b) => insert(b, second(b), '<<<<<<< HEAD\nx\n=======\n'), '', 3, [1, 2, 3]],
  ['ends in a merge conflict', (b) => insert(b, b.length, '<<<<<<< HEAD\n'), 'merge-conflict', 3, [1, 2, 3]],
  ['ends in a line of white space', (b) => insert(b, b.length, ' \n'), 'white-space', 3, [1, 2, 3]],
  [
    'has a letter changed in its last line',
    (b) => insert(b.subarray(0, -3), b.length - 3, 'x"}\n'),
    'checksum-mismatch',
    2,
    [1, 2],
  ],
  [
    'has a letter changed in its second line',
    (b) => insert(b, second(b) + 30, 'x'),
    'checksum-mismatch',
    1,
    [1, 3],
  ],
  ['lacks its first line, but for a piece', (b) => b.subarray(20), 'not-a-record', 0, [2, 3]],
];

for (const oneWal of [true, false]) {
  const written = oneWal
    ? 'written by one Wal'
    : 'written by a Wal for each entry, so that nothing proves what was synced';
  for (const [name, change, cause, left, kept] of HARM) {
    test(`a log ${written}, that ${name}, ${cause === '' ? 'goes on' : 'is refused, and nothing is added'}`, async () => {
      await withLog(
        'harm',
        async (directory, path, bytes) => {
          const changed = change(bytes);
          writeFileSync(path, changed);
          const opened = await Wal.open(directory).catch((error: WalError) => error);
          const reader = await Wal.open(directory, { readOnly: true });
          const { seqs, error } = await drain(reader);
          const skipped = await drain(reader, { onDamage: 'skip' });
          const report = await reader.verify();
          await reader.close();
          assert.deepEqual(seqs, [1, 2, 3].slice(0, left));
          assert.deepEqual([skipped.seqs, skipped.error], [kept, undefined]);
          if (cause === '') {
            assert.ok(opened instanceof Wal && report.ok && error === undefined);
            await opened.close();
            return;
          }
          assert.ok(!(opened instanceof Wal), 'opened to append');
          assert.equal(opened.code, 'ERR_WAL_CORRUPT');
          assert.equal(error?.code, 'ERR_WAL_CORRUPT');
          assert.equal(error?.segment, segmentName(1));
          assert.ok([cause, 'missing'].includes(error?.cause as string), String(error?.cause));
          assert.ok(report.odd.some((odd) => odd.cause === cause));
          assert.deepEqual([report.ok, report.error?.code], [false, 'ERR_WAL_CORRUPT']);
          assert.ok(readFileSync(path).equals(changed));
        },
        { oneWal },
      );
    });
  }
}

test('damage under an open Wal: it appends no more, and neither does it once the damage is followed by a glued line', async () => {
  await withLog('under-open', async (directory, path) => {
    const wal = await Wal.open(directory);
    appendFileSync(path, 'somebody typed this\n');
    const refused = {
      code: 'ERR_WAL_CORRUPT',
      outcome: 'not-written',
      segment: segmentName(1),
      seq: 4,
    };
    await assert.rejects(wal.append({ op: 'add', id: 'x' }), refused);
    appendFileSync(path, Buffer.concat([Buffer.from('abc'), WHOLE]));
    await assert.rejects(wal.append({ op: 'add', id: 'x' }), refused);
    assert.throws(() => wal.appendSync({ op: 'add', id: 'x' }), refused);
    await wal.close();
  });
});

test('a foreign file where a segment should be is refused, and left alone', async () => {
  const files: readonly (readonly [string, string])[] = [
    ['[INFO] started\n[INFO] stopped\n', 'ERR_WAL_CORRUPT'],
    ['{"id":"bd-1","title":"an export of a tracker"}\n', 'ERR_WAL_CORRUPT'],
    [' \n', 'ERR_WAL_CORRUPT'],
    [line('"id":"a","op":"b"', { prev: '0badcafe' }).bytes.toString(), 'ERR_WAL_DIVERGED'],
  ];
  for (const [content, code] of files) {
    await withLog('foreign', async (directory, path) => {
      writeFileSync(path, content);
      await assert.rejects(Wal.open(directory), { code });
      const reader = await Wal.open(directory, { readOnly: true });
      assert.deepEqual((await drain(reader)).records, []);
      assert.equal((await drain(reader)).error?.code, code);
      await reader.close();
      assert.equal(readFileSync(path, 'utf8'), content);
    });
  }
});

test('a segment that nothing leads to is refused, whatever is in it', async () => {
  for (const seq of [2, 3, 4, 9]) {
    await withLog('stray', async (directory, _path, bytes) => {
      writeFileSync(join(directory, segmentName(seq)), seq === 4 ? '' : bytes);
      await assert.rejects(Wal.open(directory), { code: 'ERR_WAL_DIVERGED', segment: segmentName(seq) });
    });
  }
});

test('a directory where a segment should be is an error with a code, to writers and readers', async () => {
  await withLog('directory', async (directory, path) => {
    rmSync(path);
    mkdirSync(path);
    await assert.rejects(Wal.open(directory), { code: 'ERR_WAL_FORMAT' });
    const reader = await Wal.open(directory, { readOnly: true });
    assert.equal((await drain(reader)).error?.code, 'ERR_WAL_FORMAT');
    await reader.close();
  });
});

test('a segment that holds nothing but a seal is not taken for sealed', async () => {
  await withLog('empty-seal', async (directory, path) => {
    writeFileSync(path, line('"entries":[]', {}).bytes);
    const wal = await Wal.open(directory);
    assert.equal((await wal.append({ op: 'add', id: 'first' })).seq, 1);
    assert.deepEqual((await drain(wal)).seqs, [1]);
    await wal.close();
  });
});

test('a sealed log goes on in the segment that the seal tells, and cursors lead across it', async () => {
  await withLog('sealed', async (directory, path, bytes) => {
    const { head } = readByScan(bytes);
    const seal = line('"entries":[]', { seq: 4, prev: head.crc as string, synced: 3 });
    writeFileSync(path, Buffer.concat([bytes, seal.bytes]));
    const wal = await Wal.open(directory);
    const sealed = await wal.head();
    assert.deepEqual(sealed, head);
    assert.deepEqual(await drain(wal, { from: sealed }), { seqs: [], records: [] });
    await wal.append({ op: 'add', id: 'bd-4' });
    await wal.append({ op: 'add', id: 'bd-5' });
    assert.deepEqual((await drain(wal)).seqs, [1, 2, 3, 4, 5]);
    assert.deepEqual((await drain(wal, { from: sealed })).seqs, [4, 5]);
    for (const crc of [seal.crc, '0badcafe'])
      assert.equal((await drain(wal, { from: { seq: 3, crc } })).error?.code, 'ERR_WAL_DIVERGED');
    const late = line('"id":"late","op":"add"', { seq: 4, prev: head.crc as string });
    appendFileSync(path, late.bytes);
    assert.deepEqual((await drain(wal)).seqs, [1, 2, 3, 4, 5]);
    const report = await wal.verify();
    assert.deepEqual(
      [report.ok, report.entries, report.segments.length, report.lines.superseded],
      [true, 5, 2, 1],
    );
    assert.ok(readFileSync(join(directory, segmentName(4)), 'utf8').startsWith('{"crc":"'));
    await wal.close();
  });
});

test('a repair settles what is missing before it: reading and appending go on, and verify keeps reporting', async () => {
  await withLog('repair', async (directory, path, bytes) => {
    const { head } = readByScan(bytes);
    const at = bytes.length;
    const proof = line('"id":"x","op":"add"', { seq: 9, prev: '0badcafe', synced: 7 });
    const more = line('"id":"y","op":"add"', { seq: 10, prev: proof.crc, synced: 8 });
    appendFileSync(path, Buffer.concat([proof.bytes, more.bytes]));
    await assert.rejects(Wal.open(directory), {
      code: 'ERR_WAL_CORRUPT',
      cause: 'missing',
      seq: 4,
      offset: at,
    });
    const reader = await Wal.open(directory, { readOnly: true });
    const unsettled = await drain(reader);
    assert.deepEqual(
      [unsettled.seqs, unsettled.error?.cause, unsettled.error?.offset],
      [[1, 2, 3], 'missing', at],
    );
    const missing = { from: 4, to: 8, segment: segmentName(1), offset: at };
    assert.deepEqual((await reader.verify()).missing, [{ ...missing, settled: false }]);

    // Somebody who had not seen the proof yet wrote one more.
    const own = { writer: 'between0.1' };
    const between = line('"id":"bd-4","op":"add"', { seq: 4, prev: head.crc as string, synced: 3, ...own });
    appendFileSync(path, between.bytes);
    assert.deepEqual((await drain(reader)).seqs, [1, 2, 3]);
    const repair = line('"data":{"from":4,"reason":"looked","to":8},"id":"wal","op":"wal.repair"', {
      seq: 5,
      prev: between.crc,
      synced: 3,
    });
    appendFileSync(path, repair.bytes);
    assert.deepEqual((await drain(reader)).seqs, [1, 2, 3, 4, 5]);
    const wal = await Wal.open(directory);
    await wal.append({ op: 'add', id: 'bd-6' });
    await wal.append({ op: 'add', id: 'bd-7' });
    const { seqs, error } = await drain(wal);
    assert.deepEqual([seqs, error], [[1, 2, 3, 4, 5, 6, 7], undefined]);
    const report = await wal.verify();
    assert.deepEqual([report.ok, report.missing], [true, [{ ...missing, settled: true }]]);
    await wal.close();

    const { head: now } = readByScan(readFileSync(path));
    const later = line('"id":"z","op":"add"', { seq: now.seq + 5, prev: '0badcafe', synced: now.seq + 2 });
    const writer = 'after000.1';
    const next = line('"id":"after","op":"add"', { seq: now.seq + 1, prev: now.crc as string, writer });
    const end = readFileSync(path).length;
    appendFileSync(path, Buffer.concat([later.bytes, next.bytes]));
    const again = await drain(reader);
    assert.deepEqual(
      [again.seqs, again.error?.cause, again.error?.offset],
      [[1, 2, 3, 4, 5, 6, 7], 'missing', end],
    );
    assert.deepEqual((await drain(reader, { onDamage: 'skip' })).seqs, [1, 2, 3, 4, 5, 6, 7, 8]);
    const settled = (await reader.verify()).missing.map((range) => [range.from, range.to, range.settled]);
    assert.deepEqual(settled, [
      [4, 8, true],
      [8, 9, false],
    ]);
    await reader.close();
  });
});

test('what a pause forgets does not come back: a tail that looks otherwise when it is read again is judged anew', () => {
  const [first, lost] = [line('"id":"a","op":"b"', {}), line('"id":"x","op":"y"', { seq: 9, synced: 8 })];
  for (const tail of [Buffer.from('junk\n'), Buffer.concat([Buffer.from('glued'), lost.bytes])]) {
    const scan = new SegmentScan(1);
    scan.push(Buffer.concat([first.bytes, tail]));
    assert.notEqual(scan.corruption, undefined);
    scan.pause();
    assert.equal(scan.end, first.bytes.length);
    scan.push(Buffer.from('{"crc":'));
    assert.equal(scan.corruption, undefined);
    scan.finish();
    assert.equal(scan.chain.corruption, undefined);
  }
});

const MEGABYTE = 1024 * 1024;

/** Bytes that would take very long if some step looked at the rest of them for each of its places. */
const HOSTILE: readonly (readonly [string, string, number])[] = [
  ['a hundred megabytes that nothing ends', 'x', 100 * MEGABYTE],
  ['beginnings of lines, cut short', '{"crc":"', 2 * MEGABYTE],
  ['beginnings of lines', '{"crc":"01234567",', 2 * MEGABYTE],
  ['beginnings of batches', '{"crc":"01234567","entries":[', 2 * MEGABYTE],
  ['quotes', '"', 2 * MEGABYTE],
  ['backslashes', '\\', 2 * MEGABYTE],
  ['empty lines', '\n', MEGABYTE],
  ['lines of one byte', 'x\n', MEGABYTE],
  ['torn lines', '~\n', MEGABYTE],
  ['carriage returns', '\r\n', MEGABYTE],
];

for (const [name, pattern, size] of HOSTILE) {
  test(`a tail of ${name} is read in one go, and not for ever`, { timeout: 60_000 }, () => {
    const bytes = Buffer.alloc(size, pattern);
    const scan = new SegmentScan(1);
    for (let at = 0; at < size; at += MEGABYTE) scan.push(bytes.subarray(at, at + MEGABYTE));
    scan.push(Buffer.from('x\n'));
    assert.equal(scan.corruption?.kind, 'doubt');
    assert.equal(scan.end, size + 2);
    assert.equal(scan.resume, 0);
  });
}

test('a fragment in which each beginning of a batch has the right crc is judged in one go', {
  timeout: 60_000,
}, () => {
  const size = 256 * 1024;
  const bytes = Buffer.alloc(size);
  let start = size;
  const prepend = (text: string) => {
    start -= text.length;
    bytes.write(text, start, 'latin1');
  };
  while (start > 100) {
    prepend('"entries":[');
    prepend(`{"crc":"${crcOf(bytes.subarray(start))}",`);
  }
  const scan = new SegmentScan(1);
  scan.push(Buffer.concat([Buffer.from('zz'), bytes.subarray(start), Buffer.from('\n')]));
  assert.equal(scan.corruption?.kind, 'doubt');
});
