import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { segmentName } from '../../src/format/names.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { type Entry, type LogRecord, Wal, WalError } from '../../src/index.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch } from '../support/scratch.ts';

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
  [
    'a cycle',
    { op: 'add', id: 'a', data: cycle },
    'ERR_WAL_ENTRY',
    /data\.self\.list\[0\]: it has a circular structure\.$/,
  ],
  ['a function as data', { op: 'add', id: 'a', data: () => {} }, 'ERR_WAL_ENTRY', /function/],
  ['a function deep in data', { op: 'add', id: 'a', data: { b: [{ f() {} }] } }, 'ERR_WAL_ENTRY', /function/],
  ['a symbol in data', { op: 'add', id: 'a', data: [Symbol('s')] }, 'ERR_WAL_ENTRY', /symbol/],
  [
    'a function after toJSON',
    { op: 'add', id: 'a', data: { toJSON: () => ({ f() {} }) } },
    'ERR_WAL_ENTRY',
    /holds a function at .*data\.f: JSON has no form for it/,
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
    '\ud800 and \udc00',
    { '\ud83d': '\ud83d\ude00' },
    proto,
    { deep: [{ x: proto }] },
    -0,
    null,
    new Date(0),
    { 'a\nb': 'c\r\n\u2028\0' },
    '"prev":"00000000","seq":1',
    Object.create(null),
    runInNewContext('({ a: [1, { b: 2 }] })'),
    new Named('Ada'),
    Buffer.from('a'),
    { hidden: Object.defineProperty({ [Symbol('s')]: 1 }, 'h', { value: 1 }) },
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
    const back = records[3]?.data as object;
    assert.ok(Object.hasOwn(back, '__proto__') && Object.getPrototypeOf(back) === Object.prototype);
    assert.equal(bytes().split('\n').length - 1, values.length + 2, 'one line each');
    assert.equal((await wal.verify()).ok, true);
  });
});

/** What JSON would change, made by a text that any thread can run; where it is; and the word that the error has for it. */
const UNKEPT: readonly (readonly [made: string, path: string, what: string])[] = [
  ['NaN', 'data', 'NaN'],
  ['{ a: [{ "b c": -Infinity }] }', 'data.a[0]["b c"]', '-Infinity'],
  ['[undefined]', 'data[0]', 'undefined'],
  ['{ list: [1, , 3] }', 'data.list[1]', 'a hole'],
  ['[{ toJSON: () => undefined }]', 'data[0]', 'undefined'],
  ['{ toJSON: () => ({ n: NaN }) }', 'data.n', 'NaN'],
  ['{ due: new Date(NaN) }', 'data.due', 'an invalid Date'],
  ['new Map([[1, 2]])', 'data', 'an instance of Map'],
  ['{ tags: new Set(["a"]) }', 'data.tags', 'an instance of Set'],
  ['{ toJSON: () => [new Set()] }', 'data[0]', 'an instance of Set'],
  ['[new WeakMap()]', 'data[0]', 'an instance of WeakMap'],
  ['[Promise.resolve()]', 'data[0]', 'an instance of Promise'],
  ['{ error: new TypeError("no") }', 'data.error', 'an instance of TypeError'],
  ['{ pattern: /x/ }', 'data.pattern', 'an instance of RegExp'],
  ['{ bytes: new Uint8Array(2) }', 'data.bytes', 'an instance of Uint8Array'],
  ['[new ArrayBuffer(1)]', 'data[0]', 'an instance of ArrayBuffer'],
  ['[0, Object(1)]', 'data[1]', 'an instance of Number'],
  ['{ at: new (class Point { x = 1 })() }', 'data.at', 'an instance of Point'],
  ['new (class List extends Array {})(1, 2)', 'data', 'an instance of List'],
  ['Object.create({ inherited: 1 })', 'data', 'an object with a prototype'],
];

const evaluated = (made: string): unknown => new Function(`return (${made})`)();

class Named {
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  toJSON() {
    return { name: this.#name };
  }
}

test('what JSON would change is refused by each way to append, with its path, and nothing is written', async () => {
  await inLog('unkept', async (wal, bytes) => {
    const table = await wal.table();
    for (const [made, path, what] of UNKEPT) {
      const data = evaluated(made);
      const entry = { op: 'set', id: 'a', data };
      const refusal = (at: string) => ({
        name: 'WalError',
        code: 'ERR_WAL_ENTRY',
        outcome: 'not-written',
        path: at,
        message: new RegExp(`^The entry holds ${what} at .*values: 'stringify'`),
      });
      await assert.rejects(wal.append(entry), refusal(path), made);
      assert.throws(() => wal.appendSync(entry), refusal(path), made);
      const batch = wal.appendBatch([{ op: 'set', id: 'a' }, entry]);
      await assert.rejects(batch, refusal(`entries[1].${path}`), made);
      await assert.rejects(
        table.transaction((tx) => tx.set('a', data)),
        refusal(path),
        made,
      );
      await assert.rejects(
        table.update('a', () => data),
        refusal(path),
        made,
      );
      assert.throws(() => table.list({ a: data }), { code: 'ERR_WAL_ARGUMENT' }, made);
    }
    assert.equal(bytes(), '');
  });
});

test('a worker thread refuses the same values with the same paths', async () => {
  await inLog('unkept-thread', async (wal, bytes) => {
    const { location } = wal.info();
    const library = new URL('../../src/index.js', import.meta.url).href;
    const code = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.library).then(async ({ Wal }) => {
        const wal = await Wal.open(workerData.location);
        const paths = [];
        for (const made of workerData.made) {
          const data = new Function('return (' + made + ')')();
          paths.push(await wal.append({ op: 'set', id: 'a', data }).then(() => 'written', ({ path }) => path));
        }
        await wal.close();
        parentPort.postMessage(paths);
      });`;
    const worker = new Worker(code, {
      eval: true,
      workerData: { library, location, made: UNKEPT.map(([made]) => made) },
    });
    const [paths] = await once(worker, 'message');
    assert.deepEqual(
      paths,
      UNKEPT.map(([, path]) => path),
    );
    assert.equal(bytes(), '');
    await worker.terminate();
  });
});

test("with values: 'stringify' they are written as JSON.stringify writes them, by each way to append", async () => {
  await inScratch('stringify', async (directory) => {
    const wal = await Wal.open(directory, { values: 'stringify', durability: 'os' });
    const table = await wal.table();
    for (const [made] of UNKEPT) {
      const data = evaluated(made);
      const entry = { op: 'set', id: 'a', data };
      await wal.append(entry);
      wal.appendSync(entry);
      await wal.appendBatch([entry, entry]);
      await table.update('a', () => data);
      await table.transaction((tx) => tx.set('a', data));
    }
    const written: unknown[] = [];
    for await (const { data } of wal.read()) written.push(data);
    const wanted = UNKEPT.map(([made]) => JSON.parse(JSON.stringify(evaluated(made))));
    assert.deepEqual(
      written,
      wanted.flatMap((data) => Array(6).fill(data)),
    );
    const formless = { code: 'ERR_WAL_ENTRY', path: 'data.f[0]', message: /JSON has no form for it/ };
    for (const data of [{ f: [() => {}] }, { f: [1n] }, { f: [Object(1n)] }, { f: [Symbol('s')] }])
      await assert.rejects(wal.append({ op: 'set', id: 'a', data }), formless);
    await wal.close();
    await assert.rejects(Wal.open(directory, { values: 'json' as 'strict' }), { code: 'ERR_WAL_ARGUMENT' });
  });
});

test('a negative zero is written as 0, and is 0 in a transaction and in the state', async () => {
  await inLog('negative-zero', async (wal, bytes) => {
    await wal.append({ op: 'set', id: 'a', data: { n: [-0] } });
    const table = await wal.table();
    const inside = await table.transaction((tx) => {
      tx.set('b', -0);
      return tx.get('b');
    });
    assert.ok(Object.is(inside, 0));
    assert.ok(Object.is(table.get('b'), 0));
    assert.equal(bytes().match(/"data":(0|\{"n":\[0\]\}),/g)?.length, 2);
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
    const named = { [long]: 1 };
    await assert.rejects(wal.append({ op: 'add', id: 'a', data: named }), refused);
    await assert.rejects(wal.append({ op: 'add', id: 'a', data: [new Date(0), named] }), refused);
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
