import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { segmentSeq } from '../../src/format/names.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { type LogRecord, type LostRange, lastData, Wal } from '../../src/index.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { environmentOn } from '../crash/workload.ts';
import type { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';

const LOG = '/disk/.beads';
const SMALL = { segmentBytes: 4096, lock: noLock() } as const;
/** What a given-up line holds: no entry of the log has such a number. */
const GIVEN_UP = 1000;

const open = (disk: SimDisk, options: object = {}) =>
  Wal.openIn(environmentOn(disk, 1), LOG, { ...SMALL, ...options });

/** 40 appends, some of them batches, some of Wals of their own; in three segments or so, or compacted before the last. */
async function makeLog(compacted: boolean): Promise<Image> {
  const disk = new SimDisk();
  let n = 0;
  const entry = () => ({ op: 'add', id: `bd-${++n % 7}`, data: { n, text: 'x'.repeat(100) } });
  for (let round = 0; round < 8; round++) {
    const wal = await Wal.openIn(environmentOn(disk, 100 + round), LOG, SMALL);
    for (let i = 0; i < 4; i++) await wal.append(entry());
    await wal.appendBatch([entry(), entry()]);
    if (compacted && (round === 3 || round === 5)) await wal.compact({ fold: lastData, retain: 2 });
    await wal.close();
  }
  const overtaken = disk.list(LOG).filter((name) => segmentSeq(name) !== undefined);
  for (const name of overtaken) putOvertaken(disk, `${LOG}/${name}`);
  return disk.image;
}

function read(disk: SimDisk, path: string): Buffer {
  const file = disk.open(path, 'read');
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0);
  return bytes;
}

function write(disk: SimDisk, path: string, bytes: Buffer): void {
  disk.remove(path);
  disk.open(path, 'create').append([bytes]);
}

/** After every third line one that came second: it was written again as the line two places further on, or given up. */
function putOvertaken(disk: SimDisk, path: string): void {
  const lines = read(disk, path).toString().split('\n').slice(0, -1);
  const all = lines.flatMap((line, i) => {
    const later = lines[i + 2];
    if (i % 3 !== 0 || later === undefined || i > lines.length - 5) return [line];
    const { prev, seq } = JSON.parse(line) as LogRecord;
    const { ts, writer } = JSON.parse(later) as LogRecord;
    const isGivenUp = i % 2 === 1;
    const own = later.slice(18, later.lastIndexOf(',"prev"'));
    const body = isGivenUp ? `"data":{"n":${GIVEN_UP + seq}},"id":"bd-x","op":"add"` : own;
    const bytes = Buffer.alloc(body.length + 300);
    const place = { prev, seq, synced: 0, ts, writer: isGivenUp ? `givenup0.${seq}` : writer, crc: '' };
    return [line, bytes.toString('utf8', 0, writeLine(bytes, 0, body, place) - 1)];
  });
  write(disk, path, Buffer.from(`${all.join('\n')}\n`));
}

const lineStart = (bytes: Buffer, at: number) => bytes.lastIndexOf(10, at) + 1;
const cut = (bytes: Buffer, from: number, to: number, between = '') =>
  Buffer.concat([bytes.subarray(0, from), Buffer.from(between), bytes.subarray(Math.max(from, to))]);

/** What is done to the bytes of a segment. */
const HARMS = {
  flip: (bytes: Buffer, at: number) => {
    const flipped = Buffer.from(bytes);
    if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ 4;
    return flipped;
  },
  'cut out': (bytes: Buffer, at: number, size: number) => cut(bytes, at, at + size),
  'take lines out': (bytes: Buffer, at: number, size: number) =>
    cut(bytes, lineStart(bytes, at), lineStart(bytes, at + size)),
  'write between': (bytes: Buffer, at: number) =>
    cut(bytes, lineStart(bytes, at), lineStart(bytes, at), 'somebody was here\n'),
  truncate: (bytes: Buffer, at: number) => bytes.subarray(0, at),
  zero: (bytes: Buffer, at: number, size: number) =>
    Buffer.from(bytes).fill(0, at, Math.min(bytes.length, at + size)),
} as const;

type Bytes = keyof typeof HARMS;
const KINDS = [...(Object.keys(HARMS) as Bytes[]), 'remove', 'remove wal.json'] as const;
const part = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const harm = fc.record({ what: fc.constantFrom(...KINDS), where: part, at: part, size: part });
type Harm = typeof harm extends fc.Arbitrary<infer T> ? T : never;

function inflict(disk: SimDisk, { what, where, at, size }: Harm): void {
  if (what === 'remove wal.json') {
    disk.remove(`${LOG}/wal.json`);
    return;
  }
  const names = disk.list(LOG).filter((name) => segmentSeq(name) !== undefined);
  const path = `${LOG}/${names[Math.floor(where * names.length)]}`;
  if (what !== 'remove') {
    const bytes = read(disk, path);
    write(disk, path, HARMS[what](bytes, Math.floor(at * bytes.length), Math.floor(size ** 3 * 1500)));
  } else if (names.length > 1) disk.remove(path);
}

/** What a reader can have of a log, whatever is wrong with it, and what it is told of the rest. */
async function readable(
  disk: SimDisk,
  meta: Buffer,
): Promise<{ readonly records: LogRecord[]; readonly skipped: LostRange[] }> {
  const copy = new SimDisk(disk.image.copy());
  if (copy.look(`${LOG}/wal.json`) === undefined) await putBackMeta(copy, meta);
  const records: LogRecord[] = [];
  const skipped: LostRange[] = [];
  const wal = await open(copy, { readOnly: true });
  for await (const record of wal.read({ onDamage: 'skip', onSkip: (range) => skipped.push(range) }))
    records.push(record);
  await wal.close();
  return { records: records.filter(({ op }) => !op.startsWith('wal.')), skipped };
}

/** As somebody does who goes on with the log: the next append takes in a last line that lacks only its newline. */
async function putBackMeta(disk: SimDisk, meta: Buffer): Promise<void> {
  disk.open(`${LOG}/wal.json`, 'create').append([meta]);
  const wal = await open(disk, { readOnly: true });
  const { pending, segments } = await wal.verify();
  await wal.close();
  if (pending !== undefined)
    disk.open(`${LOG}/${segments.at(-1)?.name}`, 'append').append([Buffer.from('\n')]);
}

const names = (records: readonly LogRecord[]) =>
  records.map(({ writer, id, op, ts, data }) => JSON.stringify([writer, id, op, ts, data]));
const seqs = (records: readonly LogRecord[]) => records.map(({ seq }) => seq);

async function wholeLog(disk: SimDisk): Promise<LogRecord[]> {
  const wal = await open(disk, { readOnly: true });
  assert.equal((await wal.verify()).error?.message, undefined);
  const records: LogRecord[] = [];
  for await (const record of wal.read({ from: await wal.oldest() })) records.push(record);
  await wal.table();
  await wal.close();
  return records.filter(({ op }) => !op.startsWith('wal.'));
}

/** All files, but for locks. */
function everything(disk: SimDisk, directory = LOG): Record<string, string> {
  return Object.assign(
    {},
    ...disk.list(directory).map((name) => {
      const path = `${directory}/${name}`;
      return disk.look(path)?.directory
        ? everything(disk, path)
        : { [path]: read(disk, path).toString('latin1') };
    }),
  );
}

for (const compacted of [false, true]) {
  test(`${compacted ? 'a compacted log' : 'a log'}, damaged anyhow and salvaged: verifies, has once and in order what could be read before, and nothing that was given up; a second run changes no byte`, async () => {
    const image = await makeLog(compacted);
    const meta = read(new SimDisk(image.copy()), `${LOG}/wal.json`);
    const written = new Set(names(await wholeLog(new SimDisk(image.copy()))));
    const property = fc.asyncProperty(fc.array(harm, { minLength: 1, maxLength: 3 }), async (harms) => {
      const disk = new SimDisk(image.copy());
      for (const each of harms) inflict(disk, each);
      const before = await readable(disk, meta);
      const untouched = everything(disk);
      const repair = (dryRun: boolean) =>
        repairLog(environmentOn(disk, 7), LOG, { mode: 'salvage', dryRun }, noLock());
      const plan = await repair(true);
      assert.deepEqual(everything(disk), untouched);
      const report = await repair(false);
      assert.deepEqual(
        [plan.reasons, plan.entries, plan.lost],
        [report.reasons, report.entries, report.lost],
      );
      const after = await wholeLog(disk);
      assert.equal(new Set(names(after)).size, after.length);
      // What is read past damage is what a salvage keeps.
      assert.deepEqual(names(before.records), names(after));
      assert.deepEqual(seqs(before.records), seqs(after));
      assert.deepEqual(before.skipped, report.lost);
      for (const name of names(after)) assert.ok(written.has(name), `${name} came back`);
      const now = everything(disk);
      assert.deepEqual((await repair(false)).reasons, []);
      assert.deepEqual(everything(disk), now);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test(`${compacted ? 'a compacted log' : 'a log'}, damaged anyhow, whose tail is mended: what could be read still can, and it verifies; else it is refused, and no byte changes`, async () => {
    const image = await makeLog(compacted);
    const meta = read(new SimDisk(image.copy()), `${LOG}/wal.json`);
    const property = fc.asyncProperty(harm, async (spoil) => {
      const disk = new SimDisk(image.copy());
      inflict(disk, spoil);
      const { records } = await readable(disk, meta);
      const before = names(records);
      const untouched = everything(disk);
      const repair = () => repairLog(environmentOn(disk, 7), LOG, { mode: 'tail' }, noLock());
      const report = await repair().catch((error: { code: string }) => error.code);
      if (typeof report === 'string') {
        assert.match(report, /^ERR_WAL_(CORRUPT|DIVERGED|FORMAT)$/);
        assert.deepEqual(everything(disk), untouched);
        return;
      }
      const after = names(await wholeLog(disk));
      assert.deepEqual(after, before);
      assert.deepEqual((await repair()).reasons, []);
    });
    await fc.assert(property, { numRuns: 30 });
  });
}
