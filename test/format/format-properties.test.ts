import assert from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import stableStringify from 'fast-json-stable-stringify';
import { canonicalJson } from '../../src/format/canonical.ts';
import { changedNumber } from '../../src/format/changed-number.ts';
import { SuffixCrcs } from '../../src/format/crc.ts';
import { type Body, batchBody, type Entry, entryBody } from '../../src/format/entry.ts';
import { COVERED_OFFSET, ENVELOPE_BYTES } from '../../src/format/line.ts';
import { lineAtEndOf, readAny, readEnvelope, readPlain } from '../../src/format/read-line.ts';
import { type LogRecord, recordsOf } from '../../src/format/record.ts';
import { SegmentScan } from '../../src/format/scan.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { readAsSpecified } from '../support/reference.ts';
import { readByScan } from '../support/scanned.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom('"', '\\', '\\"', '"op":"', '{"crc":"', '~', '\n', '\u2028', '\0'),
);
const name = fc.oneof(
  text,
  fc.nat({ max: 12 }).map(String),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', 'toString', 'length', '01', '-1', '4294967295', ''),
);
const jsonWith = (names: fc.Arbitrary<string>) =>
  fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      fc.constantFrom<unknown>(null, true, false, 0, -0, 1e21, 1e-7, Number.MAX_VALUE, 2 ** 53),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      text,
      fc.array(tie('json'), { maxLength: 4 }),
      // Object.fromEntries makes __proto__ a name like others.
      fc.array(fc.tuple(names, tie('json')), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs)),
    ),
  })).json;
const json = jsonWith(name);

/** Whether JSON.parse keeps apart keys that begin alike as they are written: not on Node 24 and 26 (nodejs/node#63785). */
function parsesEveryKey(): boolean {
  JSON.parse('{"probe":0,"\\\\":1}');
  return '\n' in JSON.parse('{"probe":0,"\\n":1}');
}
/** Names for what goes through JSON.parse. */
const readable = parsesEveryKey() ? name : name.filter((x) => JSON.stringify(x) === `"${x}"`);
const readableJson = jsonWith(readable);

class Point {
  readonly y = 1;
  readonly x = { b: 1, a: 2 };
}
/** What JSON.stringify takes, and is not itself JSON. */
const strange = fc.constantFrom<() => unknown>(
  () => undefined,
  () => Number.NaN,
  () => -Infinity,
  () => new Date(0),
  () => new Point(),
  () => new Map([[1, 2]]),
  () => Object.assign(Object.create(null), { z: 1, a: undefined }),
  () => Object('boxed'),
  () => Object(1),
  () => ({ toJSON: () => ({ z: 1, a: [undefined] }) }),
  () => ({ toJSON: () => undefined }),
  () => Object.assign([3, 2], { toJSON: () => 'list' }),
  () => Object.assign(new Array(4), { 1: 1, 3: undefined }),
  () => Object.defineProperty({ b: 1, a: 2 }, 'hidden', { value: 3, enumerable: false }),
  () => ({ b: 1, a: 2, [Symbol('s')]: 3 }),
  () => new Uint8Array([2, 1]),
);
const value = fc
  .tuple(
    fc.array(
      fc.tuple(
        readable,
        fc.oneof(
          readableJson,
          strange.map((make) => make()),
        ),
      ),
      { maxLength: 6 },
    ),
    fc.nat(2),
  )
  .map(([pairs, shape]) => {
    if (shape === 0) return Object.fromEntries(pairs);
    const items = pairs.map(([, item]) => item);
    return shape === 1 ? items : { z: items, a: Object.fromEntries(pairs) };
  });

test('any JSON value is written with the bytes of fast-json-stable-stringify', () => {
  fc.assert(
    fc.property(json, (x) => assert.equal(canonicalJson(x), stableStringify(x))),
    { numRuns: 3000 },
  );
});

test('what is not quite JSON is written as JSON.stringify leaves it, with its names in order', () => {
  fc.assert(
    fc.property(value, (x) => {
      const plain = JSON.stringify(x);
      assert.equal(canonicalJson(x, 'stringify'), stableStringify(JSON.parse(plain)));
    }),
    { numRuns: 2000 },
  );
  assert.equal(canonicalJson(undefined), undefined);
  assert.equal(canonicalJson({ toJSON: () => undefined }), undefined);
});

/** Values of so many items that they go the way of large ones. */
const largeOf = (item: fc.Arbitrary<unknown>) =>
  fc.tuple(fc.array(item, { minLength: 1, maxLength: 12 }), fc.nat(3)).map(([some, shape]) => {
    const items = Array.from({ length: 4500 }, (_, i) => some[i % some.length]);
    if (shape === 0) return items;
    if (shape === 1) return { z: { b: 1, a: [[items, 'after']] }, '': items, a: some };
    const byKey = items.map((each, i) => [`${shape === 2 ? 'n' : ''}${(i * 7919) % 4500}`, each] as const);
    return Object.fromEntries(byKey);
  });

test('large values are written with the bytes of fast-json-stable-stringify, whatever lies in them', () => {
  fc.assert(
    fc.property(largeOf(json), (x) => assert.equal(canonicalJson(x), stableStringify(x))),
    { numRuns: 60 },
  );
  fc.assert(
    fc.property(largeOf(value), (x) => {
      const plain = JSON.parse(JSON.stringify(x));
      assert.equal(canonicalJson(x, 'stringify'), stableStringify(plain));
    }),
    { numRuns: 60 },
  );
});

test('a large value is refused by the path of what is no JSON, and its getters are asked once', () => {
  const items: unknown[] = Array.from({ length: 5000 }, (_, i) => ({ b: i, a: [i] }));
  let asked = 0;
  const getter = Object.defineProperty({}, 'late', { get: () => ++asked, enumerable: true });
  assert.equal(canonicalJson([...items, getter])?.slice(-13), ',{"late":1}]'.padStart(13, '}'));
  for (const wrong of [Number.NaN, undefined, new Map(), () => {}]) {
    items[4999] = { deep: [wrong] };
    assert.throws(() => canonicalJson({ items }), {
      code: 'ERR_WAL_ENTRY',
      path: 'data.items[4999].deep[0]',
    });
  }
});

test('a number in a JSON text is found if it would be another one in the log, and only then', () => {
  const around = (number: string) => `{"9":["\\\\","${number}","\\"1e999",[${number}]]}`;
  const changes = (number: string) => {
    const alone = changedNumber(number)?.text === number;
    assert.equal(changedNumber(around(number))?.text === number, alone, number);
    return alone;
  };
  const digits = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 24n }))
    .map(([minus, n]) => `${minus && n > 0n ? '-' : ''}${n}`);
  fc.assert(
    fc.property(digits, (number) => {
      const written = BigInt(Number(number).toLocaleString('en-US', { useGrouping: false }));
      assert.equal(changes(number), written !== BigInt(number));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(json, (x) => assert.equal(changedNumber(JSON.stringify(x)), undefined)),
    { numRuns: 1000 },
  );
  const kept = [
    '0.1234567890123456789',
    '1e-999',
    '-0',
    '1e308',
    '12345678901234567890.5',
    '9007199254740992',
    `1${'0'.repeat(300)}`,
  ];
  for (const number of kept) assert.equal(changes(number), false, number);
  for (const number of [
    '9007199254740993',
    '1e309',
    '-1.5E+999',
    `1${'0'.repeat(309)}`,
    `${'1'.repeat(300)}.5e10`,
  ])
    assert.equal(changes(number), true, number);
  const at = changedNumber('[1e999]')?.at;
  assert.deepEqual([at, changedNumber('1e999')?.becomes], [1, undefined]);
});

test('a value of any depth is written in order, or refused with a code', () => {
  const nested = (depth: number, odd: boolean) => {
    let x: unknown = { b: 1, a: 2 };
    for (let i = 0; i < depth; i++) x = i % 2 === 0 || odd ? { z: x, y: 1 } : [x];
    return x;
  };
  for (const depth of [1, 63, 64, 65, 66, 67, 200, 999])
    for (const odd of [true, false])
      assert.equal(canonicalJson(nested(depth, odd)), stableStringify(nested(depth, odd)), `depth ${depth}`);
  assert.throws(() => canonicalJson(nested(1_000_000, true)), {
    code: 'ERR_WAL_ENTRY',
    outcome: 'not-written',
  });
});

const RULES = { maxEntryBytes: 1e9, values: 'strict' } as const;
const filled = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  name.filter((x) => x !== ''),
);
const op = filled.filter((x) => !x.startsWith('wal.'));
const whole = fc.maxSafeInteger();
const entry = fc.record(
  { op, id: filled, data: fc.oneof(readableJson, fc.constant(undefined)), ts: whole },
  { requiredKeys: ['op', 'id'] },
);
const place = fc.record({
  prev: fc.nat({ max: 0xffffffff }).map((n) => n.toString(16).padStart(8, '0')),
  seq: fc.integer({ min: 1, max: 2 ** 53 - 100 }),
  writer: fc
    .tuple(fc.stringMatching(/^[0-9a-z]{8}$/), fc.integer({ min: 1, max: 2 ** 53 - 1 }))
    .map(([session, number]) => `${session}.${number}`),
});

/** What the quick reading of a line adds to the whole one. */
const UNREAD = { id: undefined, op: undefined, data: undefined };

function roundTrip(body: Body, at: { prev: string; seq: number; writer: string }): readonly LogRecord[] {
  const buffer = Buffer.alloc(body.bytes + ENVELOPE_BYTES, 0x5f);
  const line = { ...at, synced: at.seq - 1, ts: body.ts, crc: '' };
  const end = writeLine(buffer, 0, body.text, line);
  assert.equal(buffer.indexOf('\n'), end - 1, 'one line, and its newline within the room that was reckoned');
  const envelope = readEnvelope(buffer, 0, end - 1);
  const { key, sum, count } = body;
  assert.deepEqual(
    { ...envelope, ...UNREAD, batch: undefined, idAt: undefined, entries: undefined },
    {
      ...line,
      ...UNREAD,
      key,
      sum,
      count,
      batch: undefined,
      idAt: undefined,
      entries: undefined,
      repair: false,
      keyWindow: undefined,
      keys: undefined,
      fold: undefined,
    },
  );
  return recordsOf(envelope as NonNullable<typeof envelope>, buffer, 0, end - 1);
}

/** The record that an entry becomes: its data as JSON leaves it. */
function recordOf({ op, id, data }: Entry, seq: number, ts: number, key: string | undefined) {
  const json = canonicalJson(data);
  return {
    seq,
    ts,
    op,
    id,
    ...(json !== undefined && { data: JSON.parse(json) }),
    ...(key !== undefined && { key }),
  };
}

test('an entry that is written and read is the same entry', () => {
  fc.assert(
    fc.property(entry, fc.option(filled, { nil: undefined }), place, (x, key, at) => {
      const [record, ...more] = roundTrip(
        entryBody({ ...x, ...(key !== undefined && { key }) } as Entry, 7, RULES),
        at,
      );
      const { writer, crc, prev, ...rest } = record as LogRecord;
      assert.deepEqual(rest, recordOf(x as Entry, at.seq, x.ts ?? 7, key));
      assert.deepEqual([writer, prev, crc.length, more], [at.writer, at.prev, 8, []]);
    }),
    { numRuns: 1500 },
  );
});

test('a batch that is written and read is the same entries, in order', () => {
  const entries = fc.array(entry, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(entries, fc.option(filled, { nil: undefined }), place, (xs, key, at) => {
      const records = roundTrip(batchBody(xs as Entry[], 7, RULES, key), at);
      assert.deepEqual(
        records.map(({ writer, crc, prev, ...rest }) => rest),
        xs.map((x, i) => recordOf(x as Entry, at.seq + i, x.ts ?? 7, key)),
      );
    }),
    { numRuns: 800 },
  );
});

/** A line that one is made of by a few changes, with the crc that its bytes have, unless that is changed too. */
const changedLine = fc
  .tuple(
    fc.oneof(
      entry,
      fc.record({ op: fc.constant('set'), id: fc.constantFrom('bd-1', 'x', ']'), data: readableJson }),
    ),
    fc.option(filled, { nil: undefined, freq: 1 }),
    place,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom('', '"', '\\', ',', '0', '-', 'é', '\u0001', ' ', '"id":"', ',"key":"k"', '{}'),
      ),
      { maxLength: 3 },
    ),
    fc.constantFrom('right', 'right', 'right', 'right', 'right', 'right', 'wrong', 'short', 'upper'),
  )
  .map(([x, key, at, changes, crc]) => {
    const body = entryBody({ ...x, ...(key !== undefined && { key }) } as Entry, 7, RULES);
    const buffer = Buffer.alloc(body.bytes + ENVELOPE_BYTES);
    // Most numbers are as in a log, and few as large as may be.
    const [seq, ts] = at.seq % 7 === 0 ? [at.seq, body.ts] : [1 + (at.seq % 100_000), body.ts % 10 ** 13];
    const end = writeLine(buffer, 0, body.text, { ...at, seq, synced: seq - 1, ts, crc: '' });
    let covered = buffer.toString('utf8', COVERED_OFFSET, end - 1);
    for (const [n, piece] of changes) {
      const from = n % (covered.length + 1);
      covered = covered.slice(0, from) + piece + covered.slice(from + (n % 3));
    }
    const bytes = Buffer.from(covered);
    const right = (crc === 'wrong' ? crc32(bytes) ^ 1 : crc32(bytes)) >>> 0;
    const digits = right.toString(16).padStart(crc === 'short' ? 7 : 8, '0');
    return Buffer.concat([
      Buffer.from(`{"crc":"${crc === 'upper' ? digits.toUpperCase() : digits}",`),
      bytes,
    ]);
  });

test('the quick reading of a line says the same as the whole one, of any bytes', () => {
  const seen = { plain: 0, data: 0 };
  fc.assert(
    fc.property(fc.oneof(changedLine, fc.uint8Array({ maxLength: 300 }).map(Buffer.from)), (line) => {
      const around = Buffer.concat([Buffer.from('x\n'), line, Buffer.from('\ny')]);
      const [start, end] = [2, 2 + line.length];
      const read = readEnvelope(around, start, end);
      const told = readPlain(around, start, end, isAscii(line)) ?? readAny(around, start, end);
      assert.deepEqual(read && { ...read, ...UNREAD }, readAny(around, start, end));
      assert.deepEqual(told && { ...told, data: undefined }, read);
      if (told?.op === undefined) {
        assert.equal(told?.data, undefined);
        return;
      }
      seen.plain++;
      const names = JSON.parse(`{${line.toString('utf8', told.idAt).replace(/,"prev".*/s, '')}}`);
      assert.deepEqual(names, { id: told.id, op: told.op });
      const data = told.idAt === COVERED_OFFSET ? undefined : line.toString('utf8', 25, told.idAt - 1);
      assert.equal(told.data, isAscii(line) ? data : undefined);
      if (told.data !== undefined) seen.data++;
    }),
    { numRuns: 6000 },
  );
  assert.ok(Math.min(seen.plain, seen.data) > 100, `${JSON.stringify(seen)} lines were read quickly`);
});

const OTHER = '{"data":[{"a":1},{"a":2}],"id":"i","op":"o"},{"id":"é","op":"o"}';
const mostly = (usual: string, ...others: string[]) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 12 }, fc.constantFrom(...others));
/** What may stand between the long entries of a batch, and after the last of them: as a writer puts it, and as none does. */
const between = mostly(
  `,${OTHER},`,
  '',
  ' , ',
  ',1},{"id":"i","op":"o",',
  ',[{"a":1},{"b',
  ',[1,',
  ',2],',
  ',"},{",',
);
const ends = mostly(
  ']',
  ',"key":"k"',
  '],"key":"k"',
  '],"entries":[]',
  '] ',
  ']]',
  '}',
  '',
  'x',
  '],"x":[1]',
);

test('a batch that is parsed in pieces has the entries that its whole text has, and otherwise is none', () => {
  const seen = { batches: 0, others: 0 };
  fc.assert(
    fc.property(
      fc.array(between, { maxLength: 4 }),
      ends,
      fc.constantFrom('a', 'é'),
      (parts, end, letter) => {
        const long = `{"data":"${letter.repeat(33_000)}","id":"long","op":"o"}`;
        const body = `"entries":[${parts.map((part) => long + part).join('')}${long}${end}`;
        const bytes = lineOf(body, 1, { seq: 0, crc: '00000000' }, 0);
        const { lines } = readAsSpecified(bytes);
        const read = readEnvelope(bytes, 0, bytes.length - 1);
        assert.equal(read?.count, lines[0]?.entries);
        if (read === undefined) seen.others++;
        else {
          seen.batches++;
          assert.deepEqual(read.entries, JSON.parse(`{${body}}`).entries);
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(Math.min(seen.batches, seen.others) > 20, JSON.stringify(seen));
});

test('data that is not ASCII is read as it was written, also where its line is cut into pieces', () => {
  const datas = ['plain', 'é', '日本', 'plain'];
  const head = { seq: 0, crc: '00000000' };
  const bytes = Buffer.concat(datas.map((data) => lineOf(`"data":"${data}","id":"i","op":"o"`, 1, head, 0)));
  for (const cut of Array(bytes.length + 1).keys()) {
    const read: unknown[] = [];
    const scan = new SegmentScan(1, {
      accepted: (line, piece, start, end) => {
        for (const { data } of recordsOf(line, piece, start, end)) read.push(data);
      },
    });
    scan.push(bytes.subarray(0, cut));
    scan.push(bytes.subarray(cut));
    assert.deepEqual(read, datas, `cut at ${cut}`);
  }
});

test('the crcs of suffixes, told from place to place, are those of their bytes', () => {
  const check = (bytes: Buffer, places: readonly number[], wrong: number) => {
    const crcs = new SuffixCrcs(bytes);
    for (const place of [...places].sort((a, b) => a - b)) {
      const right = crc32(bytes.subarray(place));
      assert.ok(crcs.isRight(place, right));
      assert.ok(!crcs.isRight(place, (right ^ wrong) >>> 0));
    }
  };
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 2000 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      (bytes, ns, wrong) =>
        check(
          Buffer.from(bytes),
          ns.map((n) => n % (bytes.length + 1)),
          wrong,
        ),
    ),
    { numRuns: 500 },
  );
  const long = Buffer.alloc(3_000_001, 'a long one');
  check(long, [5, 6, 1000, 2_000_000, 2_000_001, long.length], 1);
});

test('of a line full of beginnings, none is tried where it does not end as a line, and none is cut out', (context) => {
  const beginnings = Buffer.alloc(2 ** 20, '{"crc":"00000000",');
  const end = '"id":"a","op":"b","prev":"00000000","seq":1,"synced":0,"ts":1,"writer":"aaaaaaaa.1"}';
  const lines = [beginnings, Buffer.concat([beginnings, Buffer.from(end)])];
  const sought = context.mock.method(Buffer.prototype, 'indexOf');
  const cut = context.mock.method(Buffer.prototype, 'subarray');
  const verdicts = lines.map((line) => [lineAtEndOf(line), sought.mock.callCount() > 0]);
  const cuts = cut.mock.callCount();
  context.mock.restoreAll();
  assert.deepEqual(verdicts, [
    [undefined, false],
    [undefined, true],
  ]);
  assert.ok(cuts < 10, `${cuts} pieces`);
});

/** A step in the making of a segment: what is put down, and whether its newline comes with it. */
type Step = (made: { lines: Buffer[]; head: { seq: number; crc: string } }) => Buffer;

function lineOf(body: string, count: number, head: { seq: number; crc: string }, synced: number): Buffer {
  const buffer = Buffer.alloc(Buffer.byteLength(body) + ENVELOPE_BYTES);
  const seq = head.seq + 1;
  const line = { prev: head.crc, seq, synced, ts: 1, writer: `aaaaaaaa.${seq}`, crc: '' };
  const end = writeLine(buffer, 0, body, line);
  head.seq += count;
  head.crc = line.crc;
  return buffer.subarray(0, end);
}

const BODIES = [
  ['"data":{"a":"b c"},"id":"i","op":"o"', 1],
  ['"id":"i","key":"k","op":"o"', 1],
  ['"entries":[{"id":"a","op":"x"},{"id":"b","op":"y"}]', 2],
  ['"entries":[{"id":"a","op":"x"},{"id":"b","op":"y"}]', 2],
  ['"id":"wal","op":"wal.repair"', 1],
] as const;

const goesOn = fc.tuple(fc.nat(BODIES.length - 1), fc.nat(3)).map(
  ([which, lag]): Step =>
    ({ head }) => {
      const [body, count] = BODIES[which] as (typeof BODIES)[number];
      return lineOf(body, count, head, Math.max(0, head.seq - lag));
    },
);
const overtaken = fc.tuple(fc.nat(2), fc.nat(2)).map(
  ([back, synced]): Step =>
    ({ lines }) => {
      const { head, link } = readAsSpecified(Buffer.concat(lines));
      const place = { seq: Math.max(0, head.seq - back), crc: link ?? '00000000' };
      return lineOf('"id":"late","op":"o"', 1, place, Math.min(synced, place.seq));
    },
);
const stray = fc.nat(9).map(
  (far): Step =>
    ({ head }) => {
      const place = { seq: head.seq + far, crc: '0badcafe' };
      return lineOf('"id":"far","op":"o"', 1, place, Math.max(0, place.seq - 5));
    },
);
const seal: Step = ({ head }) => lineOf('"entries":[]', 0, head, 0);
const again = fc.nat().map(
  (n): Step =>
    ({ lines }) =>
      lines[n % (lines.length || 1)] ?? Buffer.from('x\n'),
);
const junk = fc
  .constantFrom('~', 'x~', '', '\0', '\r', '=======', '\ufeff', '{"crc":"', '{"crc":"00000000",', 'z')
  .map(
    (line): Step =>
      () =>
        Buffer.from(`${line}\n`),
  );
const glued = fc.tuple(fc.nat(150), goesOn).map(
  ([cut, step]): Step =>
    (made) => {
      const line = step(made);
      return Buffer.concat([line.subarray(0, Math.min(cut, line.length - 1)), line]);
    },
);
/** A write that is taken in two parts, another line between them. */
const split = fc.tuple(fc.nat(150), goesOn, goesOn, fc.boolean()).map(
  ([cut, step, other, seen]): Step =>
    (made) => {
      const head = { ...made.head };
      const line = step({ ...made, head });
      const at = 1 + (cut % (line.length - 1));
      return Buffer.concat([
        line.subarray(0, at),
        Buffer.from(seen ? '~\n' : ''),
        other(made),
        line.subarray(at),
      ]);
    },
);
const headless = goesOn.map(
  (step): Step =>
    (made) =>
      step(made).subarray(0, -1),
);

const segment = fc
  .array(
    fc.oneof({ arbitrary: goesOn, weight: 8 }, overtaken, stray, again, junk, glued, split, headless, {
      arbitrary: fc.constant(seal),
      weight: 1,
    }),
    { maxLength: 12 },
  )
  .map((steps) => {
    const made = { lines: [] as Buffer[], head: { seq: 0, crc: '00000000' } };
    for (const step of steps) made.lines.push(step(made));
    return Buffer.concat(made.lines);
  });

const altered = fc
  .tuple(segment, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 2 }), fc.nat())
  .map(([bytes, flips, cut]) => {
    const copy = Buffer.from(bytes);
    for (const [at, mask] of flips)
      if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at % copy.length) ^ mask, at % copy.length);
    return cut % 4 === 0 && copy.length > 0 ? copy.subarray(0, cut % copy.length) : copy;
  });

test('the chain gives the verdicts that FORMAT.md says, however the bytes are cut into reads and pauses', () => {
  const cuts = fc.array(fc.integer({ min: -2500, max: 2500 }), { maxLength: 12 });
  fc.assert(
    fc.property(altered, cuts, (bytes, at) => {
      const expected = readAsSpecified(bytes);
      assert.deepEqual(readByScan(bytes), expected);
      assert.deepEqual(readByScan(bytes, 1, at), expected);
    }),
    { numRuns: 4000 },
  );
});
