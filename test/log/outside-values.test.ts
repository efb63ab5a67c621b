import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { crcOf } from '../../src/format/crc.ts';
import { GENESIS_CRC } from '../../src/format/line.ts';
import { segmentName, segmentSeq, snapshotName } from '../../src/format/names.ts';
import { encodeHeader } from '../../src/format/snapshot.ts';
import { SnapshotBodyMaker } from '../../src/format/snapshot-body.ts';
import { type LogRecord, lastData, Wal } from '../../src/index.ts';
import { changedEnvironment } from '../../src/lab/wrapped-storage.ts';
import { readAsSpecified } from '../support/reference.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch } from '../support/scratch.ts';

const OPTIONS = { durability: 'os', segmentBytes: 4096 } as const;
const WHOLE = Number.MAX_SAFE_INTEGER;

/** Runs `body` with another `Date.now` and another pid, as tests of applications put in their places. */
async function pretending<T>(now: () => unknown, pid: unknown, body: () => Promise<T>): Promise<T> {
  const [machineNow, machinePid] = [Date.now, Object.getOwnPropertyDescriptor(process, 'pid')];
  Date.now = now as typeof Date.now;
  Object.defineProperty(process, 'pid', { value: pid, configurable: true });
  try {
    return await body();
  } finally {
    Date.now = machineNow;
    Object.defineProperty(process, 'pid', machinePid as PropertyDescriptor);
  }
}

async function recordsOf(directory: string): Promise<LogRecord[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    const records = [];
    for await (const record of wal.read()) records.push(record);
    return records;
  } finally {
    await wal.close();
  }
}

/** What both readers say of each line that lies in a directory. */
function verdictsIn(directory: string): string[] {
  const segments = readdirSync(directory).filter((name) => segmentSeq(name) !== undefined);
  return segments.flatMap((name) => {
    const bytes = readFileSync(join(directory, name));
    const seq = segmentSeq(name) as number;
    const reference = readAsSpecified(bytes, seq);
    assert.deepEqual(readByScan(bytes, seq), reference);
    return reference.lines.map(({ verdict }) => verdict);
  });
}

const number = fc.oneof(
  fc.double(),
  fc.integer({ min: -4, max: 4 }).map((ms) => ms / 2),
  fc.constantFrom(1e20, -1e20, 2 ** 53, WHOLE, -WHOLE, 8.64e15, 8.64e15 + 2, 1.7e12 + 0.5, -0, Infinity),
);
const anything = fc.oneof(
  number,
  fc.anything({ withBigInt: true, withDate: true }),
  fc.date({ noInvalidDate: false }),
  fc.constantFrom<unknown>(undefined, null, Symbol('now'), '1700000000000', ''),
);
const clock = fc.oneof(
  anything.map((value) => () => value),
  fc.constant(() => {
    throw new Error('no clock here');
  }),
);
const call = fc.record({
  kind: fc.constantFrom('append', 'appendSync', 'appendBatch', 'transaction', 'seal'),
  ts: fc.oneof(fc.constant(undefined), fc.maxSafeInteger(), number),
  text: fc.string({ unit: 'binary', maxLength: 6 }),
});

async function make(wal: Wal, { kind, ts, text }: { kind: string; ts: number | undefined; text: string }) {
  const entry = { op: `o${text}`, id: `i${text}`, data: text, ts };
  if (kind === 'append') return (await wal.append({ ...entry, key: `k${text}` })).duplicate ? 0 : 1;
  if (kind === 'appendSync') return wal.appendSync(entry) && 1;
  if (kind === 'appendBatch') return (await wal.appendBatch([entry, { op: 'a', id: 'b' }])) && 2;
  if (kind === 'seal') return (await wal.compact({ fold: lastData, retain: Infinity })) && 0;
  const table = await wal.table();
  await table.transaction((tx) => {
    tx.append(entry);
    tx.set('b', text);
  });
  return 2;
}

test('whatever clock, pid and ts a process has, each line that it writes is one that readers accept', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(clock, call), { minLength: 1, maxLength: 8 }),
    anything,
    fc.boolean(),
    (calls, pid, byOption) =>
      inScratch('outside', async (directory) => {
        let entries = 0;
        let now: () => unknown = calls[0]?.[0] as () => unknown;
        const told: (readonly [seq: number, ts: number])[] = [];
        await pretending(
          () => (byOption ? 0 : now()),
          pid,
          async () => {
            const clock = { now: () => now() as number };
            const wal = await Wal.open(directory, byOption ? { ...OPTIONS, clock } : OPTIONS);
            try {
              for (const [each, made] of calls) {
                now = each;
                const refused = made.ts !== undefined && !Number.isSafeInteger(made.ts);
                if (refused && made.kind !== 'seal')
                  await assert.rejects(make(wal, made), { code: 'ERR_WAL_ENTRY', outcome: 'not-written' });
                else entries += await make(wal, made);
                const { seq, ts } = await wal.append({ op: 'x', id: 'x' });
                told.push([seq, ts]);
                entries++;
              }
            } finally {
              await wal.close();
            }
          },
        );
        const records = await recordsOf(directory);
        assert.equal(records.length, entries);
        for (const [seq, ts] of told) assert.equal(records[seq - 1]?.ts, ts);
        assert.deepEqual(new Set(verdictsIn(directory)), new Set(['accepted']));
        const wal = await Wal.open(directory, { readOnly: true });
        const { ok } = await wal.verify();
        await wal.close();
        assert.ok(ok);
      }),
  );
  await fc.assert(property, { numRuns: 60 });
});

test('a date with a fraction is rounded down; what tells no date gives way to the machine’s', () =>
  inScratch('outside', async (directory) => {
    const machine = Date.now();
    const tsAt = (now: () => unknown) =>
      pretending(now, 1, async () => {
        const wal = await Wal.open(directory, OPTIONS);
        const { ts } = await wal.append({ op: 'add', id: 'x' });
        await wal.close();
        return ts;
      });
    assert.equal(await tsAt(() => 1.5), 1);
    assert.equal(await tsAt(() => -0.5), -1);
    assert.equal(await tsAt(() => new Date(12)), 12);
    const oneDay = 86_400_000;
    for (const odd of [undefined, Number.NaN, 1e20, new Date(Number.NaN), '5', 5n])
      assert.ok(Math.abs((await tsAt(() => odd)) - machine) < oneDay, String(odd));
  }));

test('each line that is written while a test stands in for JSON.stringify is one that readers accept', (t) =>
  inScratch('outside', async (directory) => {
    const wal = await Wal.open(directory, { ...OPTIONS, fold: lastData });
    t.mock.method(JSON, 'stringify', () => undefined);
    const entry = { op: 'a"', id: 'b\n', data: { 'ü"': [new Date(0).toJSON(), { toJSON: () => '"' }] } };
    try {
      for (const key of ['k"', undefined]) {
        await wal.append({ ...entry, key });
        await wal.appendBatch([entry, entry], { key: key && `${key}2` });
        await wal.compact({ retain: Infinity });
      }
      await wal.append(entry);
    } finally {
      await wal.close();
      t.mock.restoreAll();
    }
    assert.deepEqual(new Set(verdictsIn(directory)), new Set(['accepted']));
    const reader = await Wal.open(directory, { readOnly: true });
    const table = await reader.table();
    assert.deepEqual(
      [(await reader.verify()).ok, table.size, (await recordsOf(directory)).length],
      [true, 1, 7],
    );
    await reader.close();
  }));

test('randomness that gives no writer’s name is refused before anything is made', () =>
  inScratch('outside', async (directory) => {
    const place = join(directory, 'log');
    for (const digits of ['', 'abc', '00000000 0', undefined as unknown as string]) {
      const environment = changedEnvironment({ randomHex: () => digits });
      await assert.rejects(Wal.openIn(environment, place), { code: 'ERR_WAL_ARGUMENT' });
    }
    assert.ok(!existsSync(place));
  }));

/** A log that was compacted at that entry. */
function makeLogAt(directory: string, seq: number): void {
  const id = '00000000deadbeef';
  const meta = { format: 'jsonl-wal', version: 1, id, created: new Date(0).toISOString() };
  writeFileSync(join(directory, 'wal.json'), JSON.stringify(meta));
  const header = {
    ...{ log: id, created: 0, head: { seq, crc: GENESIS_CRC }, latest: 0, seal: GENESIS_CRC },
    fold: { name: 'last-data', version: 1 },
    keys: { from: 1, window: 100_000 },
    body: new SnapshotBodyMaker().end(false),
  };
  writeFileSync(join(directory, snapshotName(seq)), encodeHeader(header));
  writeFileSync(join(directory, segmentName(seq + 1)), '');
}

test('an entry for which no number is left is refused as not written, and the log stays whole', () =>
  inScratch('outside', async (directory) => {
    makeLogAt(directory, WHOLE - 4);
    const wal = await Wal.open(directory, { durability: 'os' });
    const entry = { op: 'add', id: 'x' };
    const full = (seq: number) => ({ code: 'ERR_WAL_FULL', outcome: 'not-written', seq });
    await assert.rejects(wal.appendBatch(Array(4).fill(entry)), full(WHOLE - 4));
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => wal.append(entry)));
    const seqs = results.map((result) => (result.status === 'fulfilled' ? result.value.seq : 0));
    assert.deepEqual(seqs, [WHOLE - 3, WHOLE - 2, WHOLE - 1, 0]);
    assert.throws(() => wal.appendSync(entry), full(WHOLE - 1));
    await wal.close();
    assert.deepEqual(new Set(verdictsIn(directory)), new Set(['accepted']));
    const reader = await Wal.open(directory);
    assert.equal((await reader.head()).seq, WHOLE - 1);
    assert.ok((await reader.verify()).ok);
    await reader.close();
  }));

test('a salvage keeps lines whose clock told no whole number, each with a whole date', () =>
  inScratch('outside', async (directory) => {
    const wal = await Wal.open(directory);
    for (let n = 1; n <= 3; n++) await wal.append({ op: 'add', id: `bd-${n}`, data: { n }, ts: n * 1000 });
    await wal.close();
    const path = join(directory, segmentName(1));
    let text = readFileSync(path, 'utf8');
    let prev = text.slice(text.lastIndexOf('{"crc":"') + 8).slice(0, 8);
    const date = new Date(90_000);
    const odd = [4000.5, undefined, Number.NaN, 1e20, 1e21, -Infinity, null, '', date, -0.5, 2 ** 53, true];
    for (const [i, ts] of odd.entries()) {
      const seq = 4 + i;
      const body = i === 1 ? `"entries":[{"id":"bd-${seq}","op":"add"}]` : `"id":"bd-${seq}","op":"add"`;
      const rest = `${body},"prev":"${prev}","seq":${seq},"synced":${seq - 1},"ts":${ts},"writer":"aaaaaaaa.${i + 1}"}`;
      prev = crcOf(Buffer.from(rest));
      text += `{"crc":"${prev}",${rest}\n`;
    }
    writeFileSync(path, text);
    await assert.rejects(Wal.open(directory), { code: 'ERR_WAL_CORRUPT' });
    await assert.rejects(Wal.repair(directory, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
    const { lost, entries, recovered } = await Wal.repair(directory, { mode: 'salvage' });
    assert.deepEqual([lost, entries, recovered], [[], 15, 12]);
    const records = await recordsOf(directory);
    assert.deepEqual(
      records.map(({ id }) => id),
      records.map((_, i) => `bd-${i + 1}`),
    );
    const like = 90_000;
    const dates = [1000, 2000, 3000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, like, -1, -1, -1];
    assert.deepEqual(
      records.map(({ ts }) => ts),
      dates,
    );
    assert.deepEqual(new Set(verdictsIn(directory)), new Set(['accepted']));
  }));
