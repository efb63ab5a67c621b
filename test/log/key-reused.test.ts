import assert from 'node:assert/strict';
import { appendFileSync, cpSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchBody, type Entry, entryBody } from '../../src/format/entry.ts';
import { ENVELOPE_BYTES } from '../../src/format/line.ts';
import { segmentName } from '../../src/format/names.ts';
import { readEnvelope } from '../../src/format/read-line.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { Wal, type WalError, type WalOptions } from '../../src/index.ts';
import { changedEnvironment, changedStorage } from '../../src/lab/wrapped-storage.ts';
import { recordsIn } from '../support/audit.ts';
import { inScratch } from '../support/scratch.ts';

const OS: WalOptions = { durability: 'os' };
const FIRST = { op: 'add', id: 'bd-1', data: { title: 'Fix', tags: ['a', 'b'] } };
/** What differs from `FIRST` in one of its parts. */
const OTHERS: readonly Entry[] = [
  { ...FIRST, op: 'set' },
  { ...FIRST, id: 'bd-2' },
  { ...FIRST, data: { title: 'Fix', tags: ['b', 'a'] } },
  { ...FIRST, data: null },
  { op: 'add', id: 'bd-1' },
];
const REUSED = { code: 'ERR_WAL_KEY_REUSED', outcome: 'not-written', seq: 1 };

function withWal(work: (wal: Wal, directory: string) => Promise<void>): Promise<void> {
  return inScratch('key-reused', async (directory) => {
    const wal = await Wal.open(directory, OS);
    await work(wal, directory);
    await wal.close();
  });
}

test('a key that is appended again with another op, id or data is refused, and names the first entry', () =>
  withWal(async (wal, directory) => {
    await wal.append(FIRST, { key: 'k' });
    for (const other of OTHERS) {
      await assert.rejects(wal.append(other, { key: 'k' }), REUSED);
      await assert.rejects(wal.append({ ...other, key: 'k' }), REUSED);
      assert.throws(() => wal.appendSync(other, { key: 'k' }), REUSED);
    }
    await assert.rejects(wal.append(OTHERS[0] as Entry, { key: 'k' }), {
      message:
        'The key "k" belongs to entry 1, which has another op, id or data: to append this entry too, give it another key.',
    });
    assert.equal((await recordsIn(directory)).length, 1);
  }));

test('a key that is appended again with the same op, id and data is answered, whatever its ts', () =>
  withWal(async (wal, directory) => {
    const first = await wal.append({ ...FIRST, ts: 1e12 }, { key: 'k' });
    const again = { ...first, duplicate: true };
    assert.deepEqual(await wal.append(FIRST, { key: 'k' }), again);
    assert.deepEqual(await wal.append({ ...FIRST, ts: 5 }, { key: 'k' }), again);
    const data = { tags: ['a', 'b'], title: 'Fix', note: undefined };
    assert.deepEqual(wal.appendSync({ key: 'k', data, id: 'bd-1', op: 'add' }), again);
    assert.deepEqual(await wal.appendBatch([FIRST], { key: 'k' }), again);
    assert.equal((await recordsIn(directory)).length, 1);
  }));

test('of a batch that is appended again the entries are compared, without their ts', () =>
  withWal(async (wal) => {
    const entries = [FIRST, { ...FIRST, data: { ts: 1, text: '}],"ts":1}' }, ts: 7 }, { ...FIRST, ts: -3 }];
    const first = await wal.appendBatch(entries, { key: 'k' });
    const undated = entries.map(({ op, id, data }) => ({ op, id, data }));
    for (const same of [entries, undated, undated.map((entry, i) => ({ ...entry, ts: i }))])
      assert.deepEqual(await wal.appendBatch(same, { key: 'k' }), { ...first, duplicate: true });
    const [one, two, three] = undated as [Entry, Entry, Entry];
    for (const other of [
      [one],
      [one, two],
      [one, three, two],
      [one, two, three, one],
      [one, { ...two, data: { ts: 2, text: '}],"ts":1}' } }, three],
    ])
      await assert.rejects(wal.appendBatch(other, { key: 'k' }), REUSED);
    await assert.rejects(wal.append(one, { key: 'k' }), REUSED);
  }));

test('of appends with one key that are called at once, those like the first are answered, others refused', () =>
  withWal(async (wal, directory) => {
    const calls = [FIRST, ...OTHERS, FIRST].map((entry) => wal.append(entry, { key: 'k' }));
    const [first, ...rest] = await Promise.allSettled(calls);
    assert.equal(first?.status, 'fulfilled');
    const told = rest.map((each) =>
      each.status === 'fulfilled' ? each.value.duplicate : (each.reason as WalError).code,
    );
    assert.deepEqual(told, [...OTHERS.map(() => REUSED.code), true]);
    assert.equal((await recordsIn(directory)).length, 1);
  }));

test('a reused key is refused as that, and not as a conflict, where the append expects something too', () =>
  withWal(async (wal) => {
    await wal.append(FIRST, { key: 'k' });
    for (const expect of [{ seq: 0 }, { seq: 1 }, { rev: 0 }])
      await assert.rejects(wal.append(OTHERS[0] as Entry, { key: 'k', expect }), REUSED);
  }));

/** What overtakes an append with a key: the key with the same content, or with another. */
for (const [what, entry] of [
  ['the same', FIRST],
  ['another', OTHERS[0] as Entry],
] as const) {
  test(`an append is decided again where others came first with its key and ${what} content`, () =>
    inScratch('key-reused', async (directory) => {
      const other = await Wal.open(directory, { ...OS, lock: 'none' });
      let overtaken = false;
      const storage = changedStorage(
        {},
        {
          append: (file, pieces) => {
            if (!overtaken) other.appendSync({ ...entry, ts: 5 }, { key: 'k' });
            overtaken = true;
            return file.append(pieces);
          },
        },
      );
      const wal = await Wal.openIn(changedEnvironment({ storage }), directory, { ...OS, lock: 'none' });
      const appended = wal.append(FIRST, { key: 'k' });
      if (entry === FIRST) {
        const { seq, ts, duplicate } = await appended;
        assert.deepEqual([seq, ts, duplicate], [1, 5, true]);
      } else await assert.rejects(appended, REUSED);
      await Promise.all([wal.close(), other.close()]);
    }));
}

test('a reused key has an unknown outcome where the entry was written to a log that was replaced', () =>
  inScratch('key-reused', async (scratch) => {
    const [directory, other] = [join(scratch, 'log'), join(scratch, 'other')];
    await (await Wal.open(directory)).close();
    cpSync(directory, other, { recursive: true });
    const there = await Wal.open(other);
    await there.append(OTHERS[0] as Entry, { key: 'k' });
    await there.close();
    let isWritten = false;
    const replace = () => {
      // As a checkout does it.
      if (isWritten) renameSync(join(other, segmentName(1)), join(directory, segmentName(1)));
      isWritten = false;
    };
    const storage = changedStorage(
      {},
      {
        append: (file, pieces) => {
          isWritten = true;
          return file.append(pieces);
        },
        sync: (file) => {
          replace();
          return file.sync();
        },
        syncNow: (file) => {
          replace();
          file.syncNow();
        },
      },
    );
    const wal = await Wal.openIn(changedEnvironment({ storage }), directory);
    await assert.rejects(wal.append(FIRST, { key: 'k' }), { ...REUSED, outcome: 'unknown' });
    await wal.close();
  }));

test('a line of another writer is compared by its bytes: what is not canonical JSON is other content', () =>
  inScratch('key-reused', async (directory) => {
    await (await Wal.open(directory)).close();
    const line = (body: string, seq: number, prev: string) => {
      const bytes = Buffer.alloc(Buffer.byteLength(body) + ENVELOPE_BYTES);
      const place = { seq, prev, synced: 0, ts: 1e12, writer: 'k3j9x2ab.1', crc: '' };
      appendFileSync(join(directory, segmentName(1)), bytes.subarray(0, writeLine(bytes, 0, body, place)));
      return place.crc;
    };
    writeFileSync(join(directory, segmentName(1)), '');
    const crc = line('"data":{"n":1},"id":"bd-1","key":"canonical","op":"add"', 1, '00000000');
    line('"data":{"n": 1.0},"id":"bd-1","key":"spaced","op":"add"', 2, crc);
    const wal = await Wal.open(directory, OS);
    const entry = { op: 'add', id: 'bd-1', data: { n: 1 } };
    assert.equal((await wal.append(entry, { key: 'canonical' })).duplicate, true);
    await assert.rejects(wal.append(entry, { key: 'spaced' }), { ...REUSED, seq: 2 });
    await wal.close();
  }));

const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }),
  fc.constantFrom('"', '\\', '}', '],"key":"k"', ',"ts":5', '\\"}', '{[', '\ud800'),
);
const entry = fc
  .record({ op: text, id: text, data: fc.option(fc.jsonValue()), ts: fc.option(fc.maxSafeInteger()) })
  .filter(({ op }) => !op.startsWith('wal.'))
  .map(({ ts, ...rest }): Entry => (ts === null ? rest : { ...rest, ts }));

const RULES = { maxEntryBytes: 1e9, values: 'strict' } as const;

test('the checksum of a content that a writer keeps is the one that readers find in its line', () => {
  const property = fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), text, (entries, key) => {
    const bodies = [batchBody(entries, 0, RULES, key), entryBody(entries[0] as Entry, 0, RULES, key)];
    for (const { text: body, bytes, count, sum } of bodies) {
      const line = Buffer.alloc(bytes + ENVELOPE_BYTES);
      const place = { seq: 1, prev: '00000000', synced: 0, ts: 0, writer: 'k3j9x2ab.1', crc: '' };
      const end = writeLine(line, 0, body, place, count);
      assert.equal(readEnvelope(line, 0, end - 1)?.sum, sum, body);
    }
  });
  fc.assert(property);
});
