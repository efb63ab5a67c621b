import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { WalError } from '../../src/errors/errors.ts';
import { canonicalJson } from '../../src/format/canonical.ts';
import { crcOf, hex8 } from '../../src/format/crc.ts';
import type { Entry } from '../../src/format/entry.ts';
import type { FoldIdentity } from '../../src/format/fold-identity.ts';
import { keysOfLine } from '../../src/format/key-lines.ts';
import { type Envelope, MAX_LINE_BYTES } from '../../src/format/line.ts';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { readEnvelope } from '../../src/format/read-line.ts';
import { recordsOf } from '../../src/format/record.ts';
import { SegmentScan } from '../../src/format/scan.ts';
import { indexPlace } from '../../src/format/snapshot-index.ts';
import { type AppendResult, lastData, Wal } from '../../src/index.ts';
import { oldestSeq, type Start, startAtEnd, startFor } from '../../src/layout/layout.ts';
import { readBody, readHeader } from '../../src/layout/snapshots.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import { type Reference, readAsSpecified } from '../support/reference.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch, packageRoot } from '../support/scratch.ts';

interface SegmentCase extends Reference {
  readonly name: string;
  readonly firstSeq?: number;
  readonly text?: string;
  readonly base64?: string;
}

interface SegmentsCase {
  readonly name: string;
  readonly segments: readonly { readonly firstSeq: number; readonly text: string }[];
  readonly head: { readonly seq: number; readonly crc: string } | null;
  readonly error: 'missing' | 'foreign' | null;
}

function vectors<T>(file: string): T[] {
  const cases = JSON.parse(readFileSync(join(packageRoot(), 'test', 'vectors', `${file}.json`), 'utf8'));
  assert.ok(cases.length > 0);
  return cases;
}

const VERDICTS = ['accepted', 'superseded', 'stranded', 'pending', 'torn', 'damaged', 'missing'];

for (const file of VERDICTS) {
  test(`the vectors of "${file}" get the verdicts they name, however they are cut into reads`, () => {
    for (const { name, firstSeq, text, base64, ...expected } of vectors<SegmentCase>(file)) {
      const bytes = text === undefined ? Buffer.from(base64 as string, 'base64') : Buffer.from(text);
      assert.deepEqual(readAsSpecified(bytes, firstSeq), expected, `the reference: ${name}`);
      assert.deepEqual(readByScan(bytes, firstSeq), expected, name);
      if (bytes.length > 5000) continue;
      const everywhere = Array.from(bytes, (_, at) => (at % 3 === 1 ? -at : at));
      assert.deepEqual(readByScan(bytes, firstSeq, everywhere), expected, `${name}, byte by byte`);
    }
  });
}

test('every verdict and every cause of damage has a vector, but for the line that is too long', () => {
  const seen = new Set<string>();
  for (const { lines } of VERDICTS.flatMap((file) => vectors<SegmentCase>(file)))
    for (const { verdict, cause } of lines) seen.add(cause ?? verdict);
  const all =
    'accepted superseded stranded pending torn carriage-return byte-order-mark utf-16 white-space merge-conflict not-a-record checksum-mismatch';
  assert.deepEqual([...seen].sort(), all.split(' ').sort());
});

test('a line of more than 2^28 bytes is damaged, whatever it holds and however it is read', () => {
  const verdicts = (pieces: Iterable<Buffer>) => {
    const misfits: object[] = [];
    const scan = new SegmentScan(1, {
      invalidLine: ({ verdict, cause }, offset, length) =>
        misfits.push({ verdict, ...(cause && { cause }), offset, length }),
    });
    for (const piece of pieces) scan.push(piece);
    return misfits;
  };
  const line = Buffer.alloc(MAX_LINE_BYTES + 2, '~');
  line[line.length - 1] = 0x0a;
  const tooLong = [{ verdict: 'damaged', cause: 'too-long', offset: 0, length: MAX_LINE_BYTES + 1 }];
  const megabyte = line.subarray(0, 2 ** 20);
  const pieces = [...Array<Buffer>(MAX_LINE_BYTES / megabyte.length).fill(megabyte), Buffer.from('~\n')];
  assert.deepEqual(verdicts([line]), tooLong);
  assert.deepEqual(verdicts(pieces), tooLong);
  assert.deepEqual(verdicts([line.subarray(1)]), [{ verdict: 'torn', offset: 0, length: MAX_LINE_BYTES }]);
});

const SETTLED = 'a repair settles them in a later segment';
const BEFORE_THE_LAST = 'entries missing from a sealed segment are missing from the log';

test('segments that follow one another, and segments that do not, are told apart', async () => {
  for (const { name, segments, head, error } of vectors<SegmentsCase>('segments')) {
    await inScratch('segments', async (directory) => {
      await (await Wal.open(directory)).close();
      for (const { firstSeq, text } of segments) writeFileSync(join(directory, segmentName(firstSeq)), text);
      const opening = Wal.open(directory);
      if (error !== null) {
        const code = error === 'foreign' ? 'ERR_WAL_DIVERGED' : 'ERR_WAL_CORRUPT';
        // Opening reads the last segment only.
        if (name === BEFORE_THE_LAST) await (await opening).close();
        else await assert.rejects(opening, { code }, name);
        const reader = await Wal.open(directory, { readOnly: true }).catch((failure) => failure);
        if (reader instanceof Wal) {
          await assert.rejects(
            async () => {
              for await (const _ of reader.read());
            },
            { code },
            name,
          );
          assert.equal((await reader.verify()).error?.code, code, name);
          await reader.close();
        } else assert.equal(reader.code, code, name);
        return;
      }
      const wal = await opening;
      assert.deepEqual(await wal.head(), head, name);
      const seqs: number[] = [];
      for await (const { seq } of wal.read()) seqs.push(seq);
      assert.deepEqual(
        seqs,
        Array.from({ length: head?.seq as number }, (_, i) => i + 1),
        name,
      );
      await wal.append({ op: 'add', id: 'next' });
      assert.equal((await wal.head()).seq, seqs.length + 1);
      // Its whole line, which counts for nothing, a salvage would bring back.
      const cause = name === SETTLED ? 'passed-over' : undefined;
      assert.equal((await wal.verify()).error?.cause, cause, name);
      await wal.close();
    });
  }
});

test('values are written as the canonical vectors say', () => {
  for (const { name, json, canonical } of vectors<{ name: string; json: string; canonical: string }>(
    'canonical',
  ))
    assert.equal(canonicalJson(JSON.parse(json), 'stringify'), canonical, name);
});

test('the check value of CRC-32 is that of zlib', () => {
  assert.equal(crcOf(Buffer.from('123456789')), 'cbf43926');
});

test('the example in FORMAT.md is a log of two accepted lines', () => {
  const page = readFileSync(join(packageRoot(), 'docs', 'FORMAT.md'), 'utf8');
  const example = /\n(\{"crc":"[0-9a-f]{8}",.*\n.*\n)```/.exec(page)?.[1];
  const bytes = Buffer.from(example as string);
  const { lines, head, missing, doubt } = readByScan(bytes);
  assert.deepEqual(
    [lines.map(({ verdict }) => verdict), head.seq, missing, doubt],
    [['accepted', 'accepted'], 2, null, null],
  );
  for (const [, offset, hex] of page.matchAll(/^ *(\d+) {2}((?:[0-9a-f]{2} )+)/gm))
    assert.equal(bytes.toString('hex', Number(offset), Number(offset) + 16), hex?.replaceAll(' ', ''));
});

interface KeysCase {
  readonly name: string;
  readonly keyWindow: number;
  readonly segments: readonly { readonly firstSeq: number; readonly text: string }[];
  /** Null: the key is in the window of no line. Else what is answered, and which entries with what. */
  readonly asks: Readonly<Record<string, KnownKey | null>>;
}

interface KnownKey {
  readonly seq: number;
  readonly duplicate: readonly (readonly Entry[])[];
  readonly reused: readonly (readonly Entry[])[];
}

/** Appends entries with a key, one of them by itself. */
function appendWith(wal: Wal, entries: readonly Entry[], key: string): Promise<AppendResult> {
  const [first] = entries as [Entry];
  return entries.length === 1 ? wal.append(first, { key }) : wal.appendBatch(entries, { key });
}

test('keys are found where their vectors say so, and nowhere else', async () => {
  for (const { name, keyWindow, segments, asks } of vectors<KeysCase>('keys')) {
    for (const [key, known] of Object.entries(asks)) {
      await inScratch('keys', async (directory) => {
        await (await Wal.open(directory, { keyWindow })).close();
        for (const each of segments) writeFileSync(join(directory, segmentName(each.firstSeq)), each.text);
        const wal = await Wal.open(directory, { durability: 'os' });
        const next = (await wal.head()).seq + 1;
        const { seq, duplicate, reused } = known ?? { seq: next, duplicate: [], reused: [] };
        for (const entries of reused) {
          const told = { code: 'ERR_WAL_KEY_REUSED', seq };
          await assert.rejects(appendWith(wal, entries, key), told, `${name}: ${key}`);
        }
        for (const entries of duplicate) {
          const answer = await appendWith(wal, entries, key);
          assert.deepEqual([answer.seq, answer.duplicate], [seq, true], `${name}: ${key}`);
        }
        if (known === null)
          assert.equal((await appendWith(wal, [{ op: 'add', id: 'bd' }], key)).duplicate, undefined);
        assert.equal((await wal.head()).seq, known === null ? next : next - 1, `${name}: ${key}`);
        await wal.close();
      });
    }
  }
});

interface FoldsCase {
  readonly name: string;
  readonly made?: FoldIdentity;
  readonly segments: readonly { readonly firstSeq: number; readonly text: string }[];
  readonly fold: FoldIdentity | null;
}

test('the log’s fold is the one that its vectors say', async () => {
  for (const { name, made, segments, fold } of vectors<FoldsCase>('folds')) {
    await inScratch('folds', async (directory) => {
      await (await Wal.open(directory, { fold: made && { ...lastData, ...made } })).close();
      for (const each of segments) writeFileSync(join(directory, segmentName(each.firstSeq)), each.text);
      const wal = await Wal.open(directory, { readOnly: true });
      await wal.head();
      assert.deepEqual(wal.info().fold ?? null, fold, name);
      await wal.close();
    });
  }
});

interface RecordsCase {
  readonly name: string;
  readonly firstSeq?: number;
  readonly text?: string;
  readonly base64?: string;
  readonly entries: number;
  readonly key: string | null;
  readonly records: readonly object[] | null;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('the records of a line are what their vectors say, or it is unreadable', async () => {
  await inScratch('records', async (directory) => {
    await (await Wal.open(directory)).close();
    for (const { name, firstSeq = 1, text, base64, entries, key, records } of vectors<RecordsCase>(
      'records',
    )) {
      const bytes = text === undefined ? Buffer.from(base64 as string, 'base64') : Buffer.from(text);
      const line = readEnvelope(bytes, 0, bytes.length - 1) as Envelope;
      assert.deepEqual([line.count, line.key ?? null], [entries, key], name);
      const { crc, prev } = line;
      const expected = records?.map((record) => ({ ...record, crc, prev }));
      const read = () => recordsOf(line, bytes, 0, bytes.length - 1);
      if (expected === undefined) assert.throws(read, SyntaxError, name);
      else assert.deepEqual(read(), expected, name);
      if (firstSeq !== 1) continue;
      writeFileSync(join(directory, segmentName(1)), bytes);
      const wal = await Wal.open(directory, { readOnly: true });
      // The line counts, whatever its records are.
      assert.deepEqual(await wal.head(), { seq: entries, crc }, name);
      const delivered = all(wal.read());
      if (expected === undefined) await assert.rejects(delivered, { code: 'ERR_WAL_CORRUPT' }, name);
      else assert.deepEqual(await delivered, expected, name);
      await wal.close();
    }
  });
});

type Beginning =
  | { readonly segment: number; readonly follows: string | null; readonly head: string | null }
  | { readonly error: string };

interface BeginningsCase {
  readonly name: string;
  readonly log: string;
  readonly files: Readonly<Record<string, string>>;
  readonly oldest: number;
  readonly reads: Readonly<Record<string, Beginning>>;
  readonly write: Beginning;
}

const BEGINNING_ERRORS: Readonly<Record<string, string>> = {
  ERR_WAL_COMPACTED: 'compacted',
  ERR_WAL_DIVERGED: 'missing',
  ERR_WAL_CORRUPT: 'snapshot',
};

function beginning(find: () => Start): Beginning {
  try {
    const { firstSeq, before } = find();
    return { segment: firstSeq, follows: before?.link ?? null, head: before?.crc ?? null };
  } catch (error) {
    return { error: BEGINNING_ERRORS[(error as WalError).code] as string };
  }
}

test('reading and writing begin where the vectors of a directory say', async () => {
  for (const { name, log, files, oldest, reads, write } of vectors<BeginningsCase>('beginnings')) {
    await inScratch('beginnings', async (directory) => {
      for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
      const place = { storage: nodeStorage, directory, log };
      const found = Object.keys(reads).map((from) => [from, beginning(() => startFor(place, Number(from)))]);
      assert.deepEqual(Object.fromEntries(found), reads, name);
      assert.equal(oldestSeq(place), oldest, name);
      assert.deepEqual(
        beginning(() => startAtEnd(place, true)),
        write,
        `${name}: appending`,
      );
    });
  }
});

interface SnapshotCase {
  readonly name: string;
  readonly log: string;
  readonly seq: number;
  readonly text: string;
  readonly damaged: 'first line' | 'body' | null;
  readonly items?: readonly object[];
  readonly order?: readonly object[];
  readonly keys?: readonly object[];
}

test('snapshots hold what their vectors say, or are damaged where they say', async () => {
  for (const { name, log, seq, text, damaged, ...held } of vectors<SnapshotCase>('snapshots')) {
    await inScratch('snapshots', async (directory) => {
      const meta = { created: '2023-11-14T22:13:20.000Z', format: 'jsonl-wal', id: log, version: 1 };
      writeFileSync(join(directory, 'wal.json'), `${JSON.stringify(meta)}\n`);
      writeFileSync(join(directory, snapshotName(seq)), text);
      const wal = await Wal.open(directory, { readOnly: true });
      assert.equal((await wal.verify()).ok, damaged === null, name);
      await wal.close();
      const header = readHeader(nodeStorage, directory, seq, log);
      assert.equal(header === undefined, damaged === 'first line', name);
      if (header === undefined || damaged !== null) return;
      const body = Buffer.concat([...readBody(nodeStorage, directory, header)]);
      const lines = body.toString('utf8', 0, indexPlace(header.body).at).split('\n').slice(0, -1);
      const parsed = lines.map((line) => JSON.parse(line));
      const { ids, ordered = 0 } = header.body;
      const keys = parsed
        .slice(ids + ordered)
        .flatMap((line) => keysOfLine(line) ?? [])
        .map(({ count: entries, sum, ...key }) => ({ ...key, entries, sum: hex8(sum) }));
      assert.equal(keys.length, header.body.keys, name);
      const found = { items: parsed.slice(0, ids), order: parsed.slice(ids, ids + ordered), keys };
      assert.deepEqual(found, held, name);
    });
  }
});
