import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { appendStream } from '../../src/cli/append-stream.ts';
import { type AppendResult, lastData, Wal, type WalError } from '../../src/index.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';
import { inLog, openChanged } from '../support/small-log.ts';

const KiB = 1024;
const add = (id: string, more: object = {}) => ({ op: 'add', id, ...more });
const idsIn = async (directory: string) => (await recordsIn(directory)).map(({ id }) => id);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `bd-${i}`);

/** What became of calls: `yes`, or the code and outcome they were rejected with. */
function outcomesOf(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const told = ({ code, outcome }: WalError) => `${code} ${outcome}`;
  return Promise.all(calls.map((call) => call.then(() => 'yes', told)));
}

const FULL = 'ERR_WAL_BACKLOG not-written';

test('beyond maxPendingBytes all that appends is rejected, and goes through once ready() says that there is room', () =>
  inLog(
    'backlog',
    async (wal, directory) => {
      const table = await wal.table();
      const held = numbered(8).map((id) => wal.append(add(id)));
      assert.deepEqual(
        await outcomesOf([
          wal.append(add('no')),
          wal.appendBatch([add('no')]),
          wal.append(add('no'), { expect: { rev: 0 } }),
          table.transaction((tx) => tx.set('no', 1)),
          table.update('no', () => 1),
        ]),
        Array(5).fill(FULL),
      );
      await wal.ready();
      await wal.append(add('bd-8'));
      await Promise.all(held);
      assert.deepEqual(await idsIn(directory), numbered(9));
      // What blocks waits for all others by itself.
      const more = numbered(8).map((id) => wal.append(add(id)));
      assert.equal(wal.appendSync(add('sync')).seq, 18);
      await Promise.all(more);
    },
    { maxPendingBytes: 8 * KiB, fold: lastData },
  ));

test('an entry is read and dated when append is called, though it is written much later', () =>
  inScratch('backlog', async (directory) => {
    let now = 0;
    const wal = await Wal.open(directory, { clock: { now: () => ++now }, fold: lastData });
    now = 0;
    const entry = { op: 'add', id: 'bd-0', data: { n: 0 }, key: 'k0' };
    const calls: Promise<AppendResult>[] = [];
    for (let n = 1; n <= 50; n++) {
      Object.assign(entry, { id: `bd-${n}`, key: `k${n}` });
      entry.data.n = n;
      calls.push(n % 2 ? wal.append(entry) : wal.append(entry, { expect: { rev: 0 } }));
    }
    now = 1000;
    assert.deepEqual(
      (await Promise.all(calls)).map(({ ts }) => ts),
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    await wal.close();
    for (const { ts, id, data, key } of await recordsIn(directory))
      assert.deepEqual([id, data, key], [`bd-${ts}`, { n: ts }, `k${ts}`]);
  }));

test('those who wait for room are let in one after the other, in the order they came, and none in vain', () =>
  inLog(
    'backlog',
    async (wal, directory) => {
      const ids = numbered(2000);
      const calls = ids.map(async (id) => {
        await wal.ready();
        return wal.append(add(id));
      });
      assert.deepEqual(new Set(await outcomesOf(calls)), new Set(['yes']));
      assert.deepEqual(await idsIn(directory), ids);
    },
    { maxPendingBytes: 20 * KiB, durability: 'os' },
  ));

/** A program that tells, of each kind of append, how much memory those on their way hold, as a share of maxPendingBytes. */
const HELD = `
import { lastData, Wal } from ${JSON.stringify(new URL('../../src/index.js', import.meta.url).href)};
const most = 4 * 1024 * 1024;
let open = true;
const lock = { kind: 'door', tryAcquire: () => open, release() {}, close() {} };
const wal = await Wal.open(process.argv[1], { fold: lastData, maxPendingBytes: most, durability: 'os', lock, lockTimeoutMs: Infinity });
const table = await wal.table();
const controllers = Array.from({ length: 3000 }, () => new AbortController());
const wide = 'x'.repeat(1000) + '\u{1f600}';
const kinds = {
  'to be written': (id) => wal.append({ op: 'add', id }),
  'of text with one wide character': (id) => wal.append({ op: 'add', id, data: wide + id }),
  'with a key': (id) => wal.append({ op: 'add', id }, { key: 'the key of ' + id }),
  'with a signal each': (id, i) => wal.append({ op: 'add', id }, { signal: controllers[i].signal }),
  'that expect a rev of a table that is not loaded': (id) => wal.append({ op: 'add', id }, { expect: { rev: 0 } }),
  'of transactions': (id) => table.transaction((tx) => tx.set(id, 1)),
  'of updates with a signal each': (id, i) => table.update(id, () => 1, { signal: controllers[i].signal }),
};
const held = {};
for (const [name, make] of Object.entries(kinds)) {
  // What the code itself takes is not counted.
  await Promise.all(Array.from({ length: 300 }, (_, i) => make('warm ' + name + i, i)));
  const calls = [];
  open = false;
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let refused = false; !refused; ) {
    const call = make(name + calls.length, calls.length);
    calls.push(call.then(() => {}, ({ code }) => { refused = code; }));
    // That one is refused is told in some microtask; before the event loop turns, nothing else is.
    for (let i = 0; i < 9; i++) await undefined;
  }
  gc();
  held[name] = [calls.length, (process.memoryUsage().heapUsed - before) / most];
  open = true;
  await Promise.all(calls);
}
await wal.close();
console.log(JSON.stringify(held));
`;

test('appends of all kinds on their way hold no more memory than maxPendingBytes', () =>
  inScratch('backlog', (directory) => {
    const args = ['--expose-gc', '--input-type=module', '-e', HELD, directory];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const held = Object.entries(JSON.parse(stdout || 'null') ?? {}) as [string, [number, number]][];
    assert.equal(held.length, 7, stderr);
    for (const [kind, [count, share]] of held) {
      // As many as there is room for, and one that is refused; a small one counts for 3 KiB at most.
      assert.ok(count > 1300 && share < 1.25, `${count} ${kind}: ${share}`);
    }
  }));

test('what a transaction was decided to be counts until it is acknowledged', () =>
  inScratch('backlog', async (directory) => {
    let atSync = () => {};
    const sync = async (file: StorageFile) => {
      atSync();
      await file.sync();
    };
    const wal = await openChanged(directory, { sync }, { maxPendingBytes: 50 * KiB });
    const table = await wal.table();
    let meanwhile: Promise<string[]> | undefined;
    atSync = () => {
      meanwhile = outcomesOf([wal.append(add('meanwhile'))]);
      atSync = () => {};
    };
    // Two, so that the sync is not made on this thread.
    const both = [table.update('large', () => 'x'.repeat(60 * KiB)), wal.append(add('bd-0'))];
    await Promise.all(both);
    assert.deepEqual(await meanwhile, [FULL]);
    await wal.append(add('bd-1'));
    await wal.close();
  }));

test('however appends end, nothing of them counts any more', () =>
  inLog(
    'backlog',
    async (wal) => {
      const table = await wal.table();
      const stop = new AbortController();
      const { signal } = stop;
      const ends: (() => Promise<unknown>)[] = [
        () => wal.append(add('a')),
        () => wal.append(add('a'), { key: 'k' }),
        () => wal.append(add('a'), { key: 'k' }),
        () => wal.append(add('a'), { expect: { seq: 7 } }),
        () => wal.append(add('a'), { expect: { rev: 7 } }),
        () => wal.append(add('')),
        () => wal.append(add('a'), { signal: AbortSignal.abort() }),
        () => table.transaction((tx) => tx.set('b', 'x'.repeat(2000))),
        () => table.transaction((tx) => tx.size),
        () =>
          table.transaction(() => {
            throw new Error('no');
          }),
        () => table.transaction((tx) => tx.set('c', 1), { signal }),
      ];
      for (const end of ends) {
        const call = end();
        if (end === ends.at(-1)) stop.abort();
        await call.catch(() => {});
        // Were less counted than there is, both would be let in; were more, none.
        assert.deepEqual(
          await outcomesOf([wal.append(add('x')), wal.append(add('y'))]),
          ['yes', FULL],
          `${end}`,
        );
      }
    },
    { maxPendingBytes: 1, fold: lastData },
  ));

test('close waits for what was appended before it; who waits for room then is told, and refused', () =>
  inScratch('backlog', async (directory) => {
    const wal = await Wal.open(directory, { maxPendingBytes: 4 * KiB });
    const held = numbered(4).map((id) => wal.append(add(id)));
    const late = wal.ready().then(() => wal.append(add('late')));
    const closed = wal.close();
    const refused = 'ERR_WAL_CLOSED not-written';
    assert.deepEqual(await outcomesOf([wal.append(add('no')), wal.ready(), late]), [
      refused,
      'ERR_WAL_CLOSED not-written',
      refused,
    ]);
    await closed;
    await Promise.all(held);
    assert.deepEqual(await idsIn(directory), numbered(4));
  }));

test('a stream of appends goes by the room there is', () =>
  inLog(
    'backlog',
    async (wal, directory) => {
      const lines = numbered(300).map((id, i) => ({ line: i + 1, bytes: 1, entry: add(id) }));
      const input = (async function* () {
        yield* lines;
      })();
      const observer = { acknowledged: () => {}, stop: () => {} };
      assert.equal((await appendStream(wal, input, observer)).appended, 300);
      assert.deepEqual(await idsIn(directory), numbered(300));
    },
    { maxPendingBytes: 10 * KiB, durability: 'os' },
  ));
