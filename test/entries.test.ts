import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeLine } from '../src/format/line.ts';
import { segmentName } from '../src/format/names.ts';
import { type Entry, type LogRecord, Wal, WalError } from '../src/index.ts';
import { readByScan } from '../src/lab/scanned.ts';
import { inScratch } from '../src/lab/scratch.ts';

const cycle: Record<string, unknown> = { a: {} };
cycle.self = { list: [cycle] };
let deep: unknown = 1;
for (let i = 0; i < 200_000; i++) deep = [deep];

/** Entries that are none, and the word of the message that says why. */
const BAD: readonly (readonly [string, unknown, string, RegExp])[] = [
  ['undefined', undefined, 'ERR_WAL_ENTRY', /object/],
  ['null', null, 'ERR_WAL_ENTRY', /object/],
  ['a string', 'add', 'ERR_WAL_ENTRY', /object/],
  ['a number', 7, 'ERR_WAL_ENTRY', /object/],
  ['an array', [{ op: 'add', id: 'a' }], 'ERR_WAL_ENTRY', /object/],
  ['a function', () => {}, 'ERR_WAL_ENTRY', /object/],
  ['no op', { id: 'a' }, 'ERR_WAL_ENTRY', /op/],
  ['an empty op', { op: '', id: 'a' }, 'ERR_WAL_ENTRY', /op/],
  ['an op that is a number', { op: 1, id: 'a' }, 'ERR_WAL_ENTRY', /op/],
  ['an op of the log itself', { op: 'wal.repair', id: 'a' }, 'ERR_WAL_ENTRY', /wal\./],
  ['no id', { op: 'add' }, 'ERR_WAL_ENTRY', /id/],
  ['an empty id', { op: 'add', id: '' }, 'ERR_WAL_ENTRY', /id/],
  ['an id that is a symbol', { op: 'add', id: Symbol('a') }, 'ERR_WAL_ENTRY', /id/],
  ['a field that is not the log’s', { op: 'add', id: 'a', title: 'x' }, 'ERR_WAL_ENTRY', /title/],
  ['a seq of its own', { op: 'add', id: 'a', seq: 1 }, 'ERR_WAL_ENTRY', /seq/],
  ['a ts with a fraction', { op: 'add', id: 'a', ts: 1.5 }, 'ERR_WAL_ENTRY', /ts/],
  ['a ts that is NaN', { op: 'add', id: 'a', ts: Number.NaN }, 'ERR_WAL_ENTRY', /ts/],
  ['a ts that is a Date', { op: 'add', id: 'a', ts: new Date() }, 'ERR_WAL_ENTRY', /ts/],
  ['a ts that is null', { op: 'add', id: 'a', ts: null }, 'ERR_WAL_ENTRY', /ts/],
  ['an empty key', { op: 'add', id: 'a', key: '' }, 'ERR_WAL_ENTRY', /key/],
  ['a key that is a number', { op: 'add', id: 'a', key: 1 }, 'ERR_WAL_ENTRY', /key/],
  ['a BigInt', { op: 'add', id: 'a', data: { n: [1n] } }, 'ERR_WAL_ENTRY', /BigInt/],
  ['a cycle', { op: 'add', id: 'a', data: cycle }, 'ERR_WAL_ENTRY', /has a circular structure\.$/],
  ['a function as data', { op: 'add', id: 'a', data: () => {} }, 'ERR_WAL_ENTRY', /function/],
  ['a function deep in data', { op: 'add', id: 'a', data: { b: [{ f() {} }] } }, 'ERR_WAL_ENTRY', /function/],
  ['a symbol in data', { op: 'add', id: 'a', data: [Symbol('s')] }, 'ERR_WAL_ENTRY', /symbol/],
  [
    'a function in a class',
    { op: 'add', id: 'a', data: Object.create({}, { f: { value() {}, enumerable: true } }) },
    'ERR_WAL_ENTRY',
    /function/,
  ],
  ['data nested too deeply', { op: 'add', id: 'a', data: deep }, 'ERR_WAL_ENTRY', /deep/],
  [
    'a getter that throws',
    {
      op: 'add',
      id: 'a',
      data: {
        get x() {
          throw new Error('no x');
        },
      },
    },
    'ERR_WAL_ENTRY',
    /no x/,
  ],
  [
    'a toJSON that throws',
    {
      op: 'add',
      id: 'a',
      data: {
        toJSON() {
          throw new Error('no JSON');
        },
      },
    },
    'ERR_WAL_ENTRY',
    /no JSON/,
  ],
  [
    'a getter that gives a BigInt',
    {
      op: 'add',
      id: 'a',
      data: {
        get x() {
          return 1n;
        },
      },
    },
    'ERR_WAL_ENTRY',
    /BigInt/,
  ],
  [
    'more than maxEntryBytes',
    { op: 'add', id: 'a', data: 'x'.repeat(5000) },
    'ERR_WAL_TOO_LARGE',
    /5\d\d\d bytes.*4000/,
  ],
  [
    'more than maxEntryBytes in UTF-8',
    { op: 'add', id: 'a', data: 'é'.repeat(3000) },
    'ERR_WAL_TOO_LARGE',
    /60\d\d bytes/,
  ],
];

async function inLog(name: string, body: (wal: Wal, bytes: () => string) => Promise<void>): Promise<void> {
  await inScratch(name, async (directory) => {
    const wal = await Wal.open(directory, { maxEntryBytes: 4000 });
    try {
      await body(wal, () => readFileSync(join(directory, segmentName(1)), 'utf8'));
    } finally {
      await wal.close();
    }
  });
}

test('an entry that cannot be written is refused with a code that says why, and the log stays as it is', async () => {
  await inLog('bad-entries', async (wal, bytes) => {
    await wal.append({ op: 'add', id: 'first' });
    const before = bytes();
    for (const [name, entry, code, message] of BAD) {
      const expected = { name: 'WalError', code, outcome: 'not-written', message };
      const append = wal.append(entry as Entry);
      await assert.rejects(append, expected, name);
      assert.throws(() => wal.appendSync(entry as Entry), expected, `${name}, synchronously`);
      await assert.rejects(
        wal.appendBatch([{ op: 'add', id: 'a' }, entry as Entry]),
        { ...expected },
        `${name}, in a batch`,
      );
    }
    assert.equal(bytes(), before);
    assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 2, 'the log goes on');
    assert.equal((await wal.verify()).ok, true);
  });
});

test('an entry larger than any string can be is refused like one that is merely too large', async () => {
  await inLog('huge-entry', async (wal, bytes) => {
    const data = Array(2).fill('x'.repeat(2 ** 28));
    const refused = { code: 'ERR_WAL_TOO_LARGE', outcome: 'not-written' };
    await assert.rejects(wal.append({ op: 'add', id: 'a', data }), refused);
    assert.equal(bytes(), '');
  });
});

test('a batch that is no list of entries, or has holes, is refused whole', async () => {
  await inLog('bad-batches', async (wal, bytes) => {
    const before = bytes();
    const holes = Object.assign(new Array(3), { 0: { op: 'add', id: 'a' } });
    const bad = [undefined, null, 'add', {}, [], new Set([{ op: 'add', id: 'a' }]), holes, [null], [[]]];
    const keyed = [{ op: 'add', id: 'a', key: 'k' }];
    for (const batch of [...bad, keyed])
      await assert.rejects(wal.appendBatch(batch as Entry[]), {
        code: 'ERR_WAL_ENTRY',
        outcome: 'not-written',
      });
    await assert.rejects(wal.appendBatch([{ op: 'add', id: 'a' }], { key: '' }), { code: 'ERR_WAL_ENTRY' });
    assert.equal(bytes(), before);
    assert.equal((await wal.verify()).ok, true);
  });
});

test('a bad entry among good ones called at once is refused alone', async () => {
  await inLog('bad-among-good', async (wal) => {
    const calls = [
      { op: 'add', id: 'a' },
      { op: 'add' },
      { op: 'add', id: 'b', data: 1n },
      { op: 'add', id: 'c' },
    ];
    const settled = await Promise.allSettled(calls.map((entry) => wal.append(entry as Entry)));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    const ids: string[] = [];
    for await (const { id } of wal.read()) ids.push(id);
    assert.deepEqual(ids, ['a', 'c']);
  });
});

test('what JSON.stringify takes is written as it would, and is read back safely', async () => {
  const proto = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"10":1,"9":2}');
  const values: unknown[] = [
    { a: undefined, b: 1 },
    Object.assign(new Array(3), { 2: 1 }),
    '\ud800 and \udc00',
    { '\ud83d': '\ud83d\ude00' },
    proto,
    { deep: [{ x: proto }] },
    -0,
    Number.NaN,
    null,
    new Date(0),
    { 'a\nb': 'c\r\n\u2028\0' },
    '"prev":"00000000","seq":1',
    Object.create(null),
    new Map([[1, 2]]),
  ];
  await inLog('fair-data', async (wal, bytes) => {
    for (const data of values) await wal.append({ op: 'add', id: '\ud800"\\', data });
    await wal.append({ op: 'add', id: 'none', data: undefined });
    await wal.append({ op: 'add', id: 'none', data: { toJSON: () => undefined } });
    const records: LogRecord[] = [];
    for await (const record of wal.read()) records.push(record);
    values.forEach((data, i) => {
      const plain = JSON.parse(JSON.stringify(data));
      assert.deepEqual(records[i]?.data, plain);
      assert.equal(records[i]?.id, '\ud800"\\');
    });
    assert.deepEqual(
      records.slice(values.length).map((record) => 'data' in record),
      [false, false],
    );
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    const back = records[4]?.data as object;
    assert.ok(Object.hasOwn(back, '__proto__') && Object.getPrototypeOf(back) === Object.prototype);
    assert.equal(bytes().split('\n').length - 1, values.length + 2, 'one line each');
    assert.equal((await wal.verify()).ok, true);
  });
});

test('an entry is taken as it is when append is called: what is changed later is not written', async () => {
  await inLog('changed-later', async (wal) => {
    const entry = { op: 'add', id: 'a', data: { n: 1 } };
    const append = wal.append(entry);
    entry.id = 'b';
    entry.data.n = 2;
    await append;
    for await (const { id, data } of wal.read()) assert.deepEqual([id, data], ['a', { n: 1 }]);
  });
});

test('an entry whose getters answer differently each time is written as it was checked', async () => {
  await inLog('getters', async (wal) => {
    let asked = 0;
    const entry = {
      id: 'a',
      get op() {
        return asked++ === 0 ? 'add' : (undefined as unknown as string);
      },
    };
    await wal.append(entry);
    asked = 0;
    await wal.appendBatch([entry]);
    const ops: string[] = [];
    for await (const { op } of wal.read()) ops.push(op);
    assert.deepEqual(ops, ['add', 'add']);
  });
});

/** An object with that field's getter throwing `thrown`. */
function throwing<T extends object>(rest: T, field: string, thrown: unknown): T {
  const get = () => {
    throw thrown;
  };
  return Object.defineProperty({ ...rest }, field, { enumerable: true, get });
}

test('an entry that cannot be read is refused, with what its getter threw as the cause', async () => {
  await inLog('unreadable-entries', async (wal, bytes) => {
    const thrown = new Error('not now');
    const unread: [unknown, unknown][] = ['op', 'id', 'data', 'ts', 'key'].map((field) => [
      throwing({ op: 'add', id: 'a' }, field, thrown),
      thrown,
    ]);
    const nameless = Object.create(null);
    unread.push([throwing({ op: 'add', id: 'a' }, 'op', nameless), nameless]);
    unread.push([{ op: 'add', id: 'a', data: throwing({}, 'x', nameless) }, nameless]);
    const trap = () => {
      throw thrown;
    };
    unread.push([new Proxy({ op: 'add', id: 'a' }, { ownKeys: trap }), thrown]);
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    unread.push([proxy, undefined], [{ op: 'add', id: 'a', ts: proxy }, undefined]);
    for (const [entry, cause] of unread) {
      const refused = (error: unknown) => {
        assert.ok(error instanceof WalError, String(error));
        assert.deepEqual([error.code, error.outcome], ['ERR_WAL_ENTRY', 'not-written']);
        assert.match(error.message, /cannot be (read|written)/);
        assert.ok(cause === undefined ? error.cause instanceof TypeError : error.cause === cause);
        return true;
      };
      await assert.rejects(wal.append(entry as Entry), refused);
      assert.throws(() => wal.appendSync(entry as Entry), refused);
      await assert.rejects(wal.appendBatch([{ op: 'add', id: 'a' }, entry as Entry]), refused);
    }
    const array = [{ op: 'add', id: 'a' }];
    Object.defineProperty(array, '0', { get: trap });
    await assert.rejects(wal.appendBatch(array), { code: 'ERR_WAL_ENTRY', cause: thrown });
    await assert.rejects(wal.appendBatch(proxy as Entry[]), { code: 'ERR_WAL_ENTRY' });
    assert.equal(bytes(), '');
    assert.equal((await wal.append({ op: 'add', id: 'next' })).seq, 1, 'the log goes on');
  });
});

test('a name or a key longer than any line is refused like data that is', async () => {
  await inLog('long-names', async (wal, bytes) => {
    const long = 'x'.repeat(constants.MAX_STRING_LENGTH);
    const refused = { name: 'WalError', code: 'ERR_WAL_TOO_LARGE', outcome: 'not-written' };
    await assert.rejects(wal.append({ op: 'add', id: long }), refused);
    await assert.rejects(wal.append({ op: 'add', id: 'a' }, { key: long }), refused);
    await assert.rejects(wal.appendBatch([{ op: 'add', id: 'a' }], { key: long }), refused);
    assert.equal(bytes(), '');
  });
});

test('a line whose data is more than one JSON value counts, and its record is unreadable', () =>
  inScratch('entries', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append({ op: 'add', id: 'bd-1' });
    await wal.close();
    const path = join(directory, segmentName(1));
    for (const data of ['1,"data":2', '{},"seq":99', '{},"id":"z"', '1,2', '1],[2', '{}},{{}']) {
      const { head } = readByScan(readFileSync(path));
      const buffer = Buffer.alloc(1000);
      const place = { prev: head.crc as string, seq: head.seq + 1, synced: 0, ts: 1, crc: '' };
      const end = writeLine(buffer, 0, `"data":${data},"id":"a","op":"b"`, {
        ...place,
        writer: 'zzzzzzzz.1',
      });
      appendFileSync(path, buffer.subarray(0, end));
      const reader = await Wal.open(directory, { readOnly: true });
      const unreadable = { code: 'ERR_WAL_CORRUPT', seq: head.seq + 1, message: /not JSON/ };
      await assert.rejects(async () => {
        for await (const { seq } of reader.read({ from: head.seq + 1 }))
          assert.fail(`entry ${seq} of ${data}`);
      }, unreadable);
      assert.deepEqual([(await reader.head()).seq, (await reader.verify()).ok], [head.seq + 1, false]);
      await reader.close();
    }
  }));
