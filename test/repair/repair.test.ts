import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/clock/clock.ts';
import { crcOf } from '../../src/format/crc.ts';
import { ENVELOPE_BYTES, GENESIS_CRC } from '../../src/format/line.ts';
import { decodeMeta } from '../../src/format/meta.ts';
import { META_FILE, segmentName, snapshotName } from '../../src/format/names.ts';
import { decodeHeader, encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { type LogRecord, lastData, setLockKind, Wal, type WalError } from '../../src/index.ts';
import { changedEnvironment, changedStorage, systemError } from '../../src/lab/wrapped-storage.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { nodeStorage } from '../../src/storage/node.ts';
import type { StorageFile } from '../../src/storage/storage.ts';
import { readByScan } from '../support/scanned.ts';
import { inScratch } from '../support/scratch.ts';
import { files, SEGMENT, SMALL } from '../support/small-log.ts';

const entry = (n: number) => ({ op: 'update', id: `bd-${n % 10}`, data: { n, text: 'x'.repeat(150) } });

async function fill(wal: Wal, count: number, from = 1): Promise<void> {
  for (let n = from; n < from + count; n++) await wal.append(entry(n));
}

async function change(log: string, body: (wal: Wal) => Promise<unknown>): Promise<void> {
  const wal = await Wal.open(log, SMALL);
  await body(wal);
  await wal.close();
}

/** Gives `body` a log of 60 entries in several segments, closed. */
function inLog(body: (log: string) => Promise<void>): Promise<void> {
  return inScratch('repair', async (scratch) => {
    const log = join(scratch, 'log');
    await change(log, (wal) => fill(wal, 60));
    await body(log);
  });
}

const segments = (log: string) => files(log, SEGMENT);

/** All files below a directory, with what is in them. */
function everything(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((name) => statSync(join(directory, name)).isFile() && !/wal\.(lock|mark)/.test(name))
      .map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
  );
}

/** The entries of a log that is whole: the log's own left out. */
async function entriesOf(log: string): Promise<LogRecord[]> {
  const wal = await Wal.open(log, { readOnly: true });
  try {
    assert.equal((await wal.verify()).error?.message, undefined);
    const records: LogRecord[] = [];
    for await (const record of wal.read({ from: await wal.oldest() })) records.push(record);
    return records.filter(({ op }) => !op.startsWith('wal.'));
  } finally {
    await wal.close();
  }
}

const numbers = (records: readonly LogRecord[]) => records.map(({ data }) => (data as { n: number }).n);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Flips a bit in the line of an entry. */
function damage(log: string, seq: number): string {
  const segment = segments(log).findLast((name) => Number(name.slice(0, 20)) <= seq) as string;
  const bytes = readFileSync(join(log, segment));
  const at = bytes.indexOf(`"seq":${seq},`);
  bytes[at - 30] = (bytes[at - 30] as number) ^ 1;
  writeFileSync(join(log, segment), bytes);
  return segment;
}

/** Salvages, looks that a dry run says the same and writes nothing, that the original is whole, and that a second run does nothing. */
async function salvaged(log: string) {
  const before = everything(log);
  const { dryRun: _, kept: none, ...plan } = await Wal.repair(log, { mode: 'salvage', dryRun: true });
  assert.deepEqual(everything(log), before);
  assert.equal(none, undefined);
  const { dryRun, kept, ...report } = await Wal.repair(log, { mode: 'salvage' });
  assert.equal(dryRun, false);
  assert.deepEqual({ ...report, head: report.head.seq }, { ...plan, head: plan.head.seq });
  assert.notDeepEqual(report.reasons, []);
  const original = Object.entries(before).filter(([name]) => !name.startsWith('backups'));
  assert.deepEqual(everything(kept as string), Object.fromEntries(original));
  const after = everything(log);
  const again = await Wal.repair(log, { mode: 'salvage' });
  assert.deepEqual([again.reasons, again.kept], [[], undefined]);
  assert.deepEqual(everything(log), after);
  assert.deepEqual((await Wal.repair(log, { mode: 'tail' })).reasons, []);
  await change(log, async (wal) => assert.equal((await wal.append(entry(0))).seq, report.head.seq + 1));
  return report;
}

test('a damaged line in the middle: all other entries keep their numbers, and a repair takes the place of the one that is lost', () =>
  inLog(async (log) => {
    const before = await entriesOf(log);
    const segment = damage(log, 30);
    const { lost, entries, head } = await salvaged(log);
    assert.deepEqual(
      [lost.map(({ from, to, cause }) => [from, to, cause]), lost[0]?.segment, entries, head.seq],
      [[[30, 30, 'checksum-mismatch']], segment, 59, 60],
    );
    const now = (await entriesOf(log)).slice(0, -1);
    const facts = ({ seq, ts, op, id, data, writer }: LogRecord) => ({ seq, ts, op, id, data, writer });
    assert.deepEqual(now.map(facts), before.filter(({ seq }) => seq !== 30).map(facts));
  }));

test('lines before the first damage stay the same to the byte, with their segments', () =>
  inLog(async (log) => {
    const before = everything(log);
    const broken = damage(log, 50);
    await salvaged(log);
    for (const name of segments(log).filter((name) => name < broken))
      assert.equal(readFileSync(join(log, name), 'latin1'), before[name]);
  }));

test('a disk that gives each read in parts: a salvage, and its plan, lose nothing that can be read', () =>
  inLog(async (log) => {
    damage(log, 30);
    const read = (file: StorageFile, target: Buffer, position: number) =>
      file.read(target.subarray(0, Math.min(target.length, 100)), position);
    const environment = changedEnvironment({ storage: changedStorage({}, { read }) });
    for (const dryRun of [true, false]) {
      const { entries, lost } = await repairLog(environment, log, { mode: 'salvage', dryRun });
      assert.deepEqual([entries, lost.map(({ from, to }) => [from, to])], [59, [[30, 30]]]);
    }
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 29), ...range(31, 60)]);
  }));

for (const [name, spoil] of [
  ['is missing', (path: string) => rmSync(path)],
  ['is empty', (path: string) => writeFileSync(path, '')],
  ['is half a file', (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 40))],
] as const) {
  test(`a wal.json that ${name} is made anew, and no line changes`, () =>
    inLog(async (log) => {
      const all = await entriesOf(log);
      const before = everything(log);
      spoil(join(log, 'wal.json'));
      await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_FORMAT' });
      const { lost, entries } = await salvaged(log);
      assert.deepEqual([lost, entries], [[], 60]);
      assert.deepEqual((await entriesOf(log)).slice(0, -1), all);
      for (const segment of segments(log).slice(0, -1))
        assert.equal(readFileSync(join(log, segment), 'latin1'), before[segment]);
    }));
}

test('segments that are missing in the middle: what comes after them is kept, under its numbers', () =>
  inLog(async (log) => {
    const [first, second, third, fourth] = segments(log) as [string, string, string, string];
    const before = everything(log);
    for (const name of [second, third]) rmSync(join(log, name));
    const [from, to] = [Number(second.slice(0, 20)), Number(fourth.slice(0, 20)) - 1];
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_DIVERGED' });
    const { lost } = await salvaged(log);
    assert.deepEqual(
      lost.map((range) => [range.from, range.to, range.cause]),
      [[from, to, 'missing']],
    );
    const now = await entriesOf(log);
    assert.deepEqual(numbers(now), [...range(1, from - 1), ...range(to + 1, 60), 0]);
    assert.equal(everything(log)[first], before[first]);
    assert.ok(now.slice(0, -1).every(({ seq, data }) => seq === (data as { n: number }).n));
  }));

test('a log whose first segments are missing is one again, which says so', () =>
  inLog(async (log) => {
    const [first, second] = segments(log) as [string, string];
    rmSync(join(log, first));
    const { lost } = await salvaged(log);
    assert.deepEqual([lost[0]?.from, lost[0]?.to], [1, Number(second.slice(0, 20)) - 1]);
  }));

for (const [what, spoil] of [
  ['empty', () => ''],
  ['noise', () => 'noise\n'],
  ['gone, but the last, which is empty', (isLast: boolean) => (isLast ? '' : undefined)],
] as const)
  test(`segments that are ${what}: the loss is told, and no number is given again`, () =>
    inLog(async (log) => {
      const [, second, ...rest] = segments(log) as [string, string, ...string[]];
      const last = Number(rest.at(-1)?.slice(0, 20)) - 1;
      for (const name of [second, ...rest]) {
        const bytes = spoil(name === rest.at(-1));
        if (bytes === undefined) rmSync(join(log, name));
        else writeFileSync(join(log, name), bytes);
      }
      const { lost, head } = await salvaged(log);
      const ranges = lost.map(({ from, to }) => [from, to]);
      assert.deepEqual([ranges, head.seq], [[[Number(second.slice(0, 20)), last]], last]);
    }));

test('an empty segment whose name cannot be right is not filled up to: the error names it', () =>
  inLog(async (log) => {
    const name = segmentName(10_000_100);
    writeFileSync(join(log, name), '');
    const refused = { code: 'ERR_WAL_CORRUPT', segment: name, message: /remove it if its name/ };
    await assert.rejects(Wal.repair(log, { mode: 'salvage' }), refused);
    rmSync(join(log, name));
    assert.deepEqual((await Wal.repair(log, { mode: 'salvage' })).lost, []);
  }));

test('a broken seal: no entry is lost, and what came late to the sealed segment is there once', () =>
  inLog(async (log) => {
    const [first] = segments(log) as [string];
    const path = join(log, first);
    const lines = readFileSync(path, 'utf8').split('\n');
    const last = JSON.parse(lines.at(-3) as string);
    lines[lines.length - 2] = (lines.at(-2) as string).replace('"entries"', '"Entries"');
    // The writer of what is the second entry of the next segment had not seen the seal at first.
    const next = readFileSync(join(log, segments(log)[1] as string), 'utf8').split('\n')[1] as string;
    const { writer, ts } = JSON.parse(next);
    const body = next.slice(18, next.lastIndexOf(',"prev"'));
    const bytes = Buffer.alloc(body.length + ENVELOPE_BYTES);
    const end = writeLine(bytes, 0, body, {
      prev: last.crc,
      seq: last.seq + 1,
      synced: last.seq,
      ts,
      writer,
      crc: '',
    });
    writeFileSync(path, Buffer.concat([Buffer.from(lines.join('\n')), bytes.subarray(0, end)]));
    await salvaged(log);
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 60), 0]);
  }));

test('foreign lines, torn ones and what is damaged at the end are left out; what a writer wrote again is there once', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-1) as string);
    const text = readFileSync(path, 'utf8');
    const { crc: prev, seq } = JSON.parse(text.trimEnd().split('\n').at(-1) as string);
    const line = (writer: string, place: { prev: string; seq: number }) => {
      const bytes = Buffer.alloc(500);
      const placed = { ...place, synced: 0, ts: 1, writer, crc: '' };
      const end = writeLine(bytes, 0, '"data":{"n":61},"id":"bd-1","op":"add"', placed);
      return { text: bytes.toString('utf8', 0, end), crc: placed.crc };
    };
    const [winner, loser] = [
      line('aaaaaaaa.1', { prev, seq: seq + 1 }),
      line('bbbbbbbb.1', { prev, seq: seq + 1 }),
    ];
    const rest = line('bbbbbbbb.2', { prev: loser.crc, seq: seq + 2 });
    const again = line('bbbbbbbb.1', { prev: winner.crc, seq: seq + 2 });
    const torn = `${again.text.slice(0, 50)}~\n`;
    appendFileSync(
      path,
      `${winner.text}${loser.text}${rest.text}[INFO] started\n${torn}${again.text}not a record\n`,
    );
    const { entries, recovered, lost, damaged } = await salvaged(log);
    assert.deepEqual([entries, recovered, lost.map(({ from }) => from)], [62, 0, [63]]);
    assert.deepEqual(
      damaged.map(({ cause }) => cause),
      ['not-a-record', 'not-a-record'],
    );
    const writers = (await entriesOf(log)).map(({ writer }) => writer).slice(60, 62);
    assert.deepEqual(writers, ['aaaaaaaa.1', 'bbbbbbbb.1']);
  }));

test('a line that was overtaken, and then given up, does not come back from beyond the damage', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-1) as string);
    const text = readFileSync(path, 'utf8');
    const { crc: prev, seq } = JSON.parse(text.trimEnd().split('\n').at(-2) as string);
    const bytes = Buffer.alloc(500);
    const end = writeLine(bytes, 0, '"data":{"n":99},"id":"bd-1","op":"add"', {
      ...{ prev, seq: seq + 1, synced: 0, ts: 1, writer: 'bbbbbbbb.1', crc: '' },
    });
    appendFileSync(path, bytes.subarray(0, end));
    damage(log, 10);
    await salvaged(log);
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 9), ...range(11, 60), 0]);
  }));

test('a line that counts and is not JSON is named, and its number kept', () =>
  inLog(async (log) => {
    const wal = await Wal.open(log, { readOnly: true });
    const { crc: prev } = await wal.head();
    await wal.close();
    const bytes = Buffer.alloc(1000);
    const place = { prev, seq: 61, synced: 0, ts: 0, writer: 'aaaaaaaa.1', crc: '' };
    const end = writeLine(bytes, 0, '"data":{,"id":"bd-1","op":"add"', place);
    appendFileSync(join(log, segments(log).at(-1) as string), bytes.subarray(0, end));
    const { lost } = await salvaged(log);
    assert.deepEqual(
      lost.map(({ from, to, cause }) => [from, to, cause]),
      [[61, 61, 'unreadable']],
    );
  }));

/** A log in git style whose two sides both went on from 20 entries, and what their segment is with both. */
function inConflict(body: (log: string, join: (markers: boolean) => void) => Promise<void>): Promise<void> {
  return inScratch('repair', async (scratch) => {
    const [log, other] = [join(scratch, 'log'), join(scratch, 'other')];
    const write = async (directory: string, from: number, to: number) => {
      for (let n = from; n <= to; n++) {
        const wal = await Wal.open(directory, { git: true });
        await wal.append(entry(n));
        await wal.close();
      }
    };
    await write(log, 1, 20);
    cpSync(log, other, { recursive: true });
    await write(log, 21, 23);
    await write(other, 31, 34);
    const [path, theirs] = [join(log, segmentName(1)), join(other, segmentName(1))];
    const lines = (at: string) => readFileSync(at, 'utf8').split('\n').slice(0, -1);
    await body(log, (markers) => {
      const marker = (text: string) => (markers ? [text] : []);
      const all = [
        ...lines(path).slice(0, 20),
        ...marker('<<<<<<< HEAD'),
        ...lines(path).slice(20),
        ...marker('======='),
        ...lines(theirs).slice(20),
        ...marker('>>>>>>> other'),
      ];
      writeFileSync(path, `${all.join('\n')}\n`);
    });
  });
}

for (const markers of [true, false]) {
  test(`a merge conflict ${markers ? 'with its markers' : 'whose markers were deleted'}: the entries of both sides are there, theirs after ours`, () =>
    inConflict(async (log, merge) => {
      merge(markers);
      if (markers)
        await assert.rejects(Wal.repair(log, { mode: 'tail' }), { message: /other side of the merge/ });
      const { recovered, lost, head } = await salvaged(log);
      assert.deepEqual([recovered, lost, head.seq], [4, [], 27]);
      assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 23), ...range(31, 34), 0]);
      assert.deepEqual(segments(log), [segmentName(1)]);
    }));
}

test('segments whose names were changed: what is in them is kept, in the order of its numbers', () =>
  inLog(async (log) => {
    const [, second, third, fourth] = segments(log) as [string, string, string, string];
    renameSync(join(log, second), join(log, segmentName(999)));
    renameSync(join(log, third), join(log, second));
    renameSync(join(log, fourth), join(log, third));
    const { lost } = await salvaged(log);
    assert.deepEqual(lost, []);
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 60), 0]);
  }));

for (const { name, move } of [
  { name: 'sorted', move: (lines: string[]) => lines.sort() },
  { name: 'reversed', move: (lines: string[]) => lines.reverse() },
  { name: 'moved', move: (lines: string[]) => lines.concat(lines.splice(2, 2)) },
]) {
  test(`lines that were ${name}: a salvage puts each back after the one it follows`, () =>
    inLog(async (log) => {
      const all = () => segments(log).map((segment) => readFileSync(join(log, segment), 'latin1'));
      const before = all().join('');
      for (const segment of segments(log)) {
        const lines = readFileSync(join(log, segment), 'latin1').trimEnd().split('\n');
        writeFileSync(join(log, segment), `${move(lines).join('\n')}\n`, 'latin1');
      }
      const { lost, entries } = await salvaged(log);
      assert.deepEqual([lost, entries], [[], 60]);
      // The record of the check's own append comes after them.
      assert.ok(all().join('').startsWith(before));
    }));
}

const idOf = (line: string) => /"id":"(.*?)"/.exec(line)?.[1] ?? '';

for (const { name, move } of [
  { name: 'sorted by id', move: (lines: string[]) => lines.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1)) },
  { name: 'reversed', move: (lines: string[]) => lines.reverse() },
]) {
  test(`lines that were ${name} and of which some are damaged keep their numbers`, () =>
    inLog(async (log) => {
      for (const segment of segments(log)) {
        const lines = readFileSync(join(log, segment), 'latin1').trimEnd().split('\n');
        for (const at of [1, 2]) lines[at] = lines[at]?.replace('xxx', 'xyx') ?? '';
        writeFileSync(join(log, segment), `${move(lines).join('\n')}\n`, 'latin1');
      }
      const { lost, entries } = await salvaged(log);
      const kept = (await entriesOf(log)).slice(0, -1);
      assert.deepEqual([lost.length, entries], [5, 50]);
      assert.deepEqual(
        kept.map(({ seq }) => seq),
        numbers(kept),
      );
      assert.deepEqual(
        lost.flatMap(({ from, to }) => range(from, to)),
        range(1, 60).filter((seq) => !kept.some((record) => record.seq === seq)),
      );
    }));
}

test('entries of another branch take numbers of their own, which a gap that comes later gives back but for one', () =>
  inLog(async (log) => {
    const path = join(log, segments(log)[0] as string);
    const lines = readFileSync(path, 'utf8').split('\n');
    const branch: string[] = [];
    let { crc: prev } = JSON.parse(lines[7] as string);
    for (const [i, writer] of ['cccccccc.1', 'dddddddd.1', 'eeeeeeee.1'].entries()) {
      const bytes = Buffer.alloc(500);
      const place = { prev, seq: 9 + i, synced: 8 + i, ts: 1, writer, crc: '' };
      const end = writeLine(bytes, 0, `"data":{"n":${101 + i}},"id":"bd-1","op":"add"`, place);
      branch.push(bytes.toString('utf8', 0, end - 1));
      prev = place.crc;
    }
    writeFileSync(path, lines.toSpliced(11, 0, ...branch).join('\n'));
    for (const seq of [20, 21]) damage(log, seq);
    const { lost, recovered } = await salvaged(log);
    assert.deepEqual([lost.map(({ from, to }) => [from, to]), recovered > 0], [[[23, 23]], true]);
    const now = await entriesOf(log);
    const order = [...range(1, 11), 101, 102, 103, ...range(12, 19), ...range(22, 60), 0];
    assert.deepEqual(numbers(now), order);
    assert.equal(now.at(-2)?.seq, 62);
  }));

const stateOf = async (log: string) => {
  const wal = await Wal.open(log, { readOnly: true });
  const table = await wal.table();
  const items = table.list().map(({ id, rev, version, value }) => ({ id, rev, version, value }));
  await wal.close();
  return items;
};

test('lines that a crash left, and that the log went on without, take no number from an entry that counts', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-1) as string);
    const bytes = Buffer.alloc(500);
    // The power took entry 61, which was not synced, and kept what followed it.
    for (const [i, prev] of ['0badcafe', undefined].entries()) {
      const last = prev ?? bytes.toString('latin1', 8, 16);
      const placed = { prev: last, seq: 62 + i, synced: 60, ts: 1, writer: `aaaaaaaa.${i + 1}`, crc: '' };
      const end = writeLine(bytes, 0, '"id":"x","op":"add"', placed);
      appendFileSync(
        path,
        i === 0 ? Buffer.concat([Buffer.from('\0\0\n'), bytes.subarray(0, end)]) : bytes.subarray(0, end),
      );
    }
    await change(log, async (wal) => assert.equal((await wal.append(entry(61))).seq, 61));
    const before = await entriesOf(log);
    rmSync(join(log, 'wal.json'));
    const { lost } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual(lost, []);
    assert.deepEqual(await entriesOf(log), before);
  }));

for (const [what, damaged] of [
  ['the line', 60],
  ['a line further', 58],
] as const)
  test(`entries after what a crash left keep their numbers, also where ${what} before that is damaged`, () =>
    inLog(async (log) => {
      const path = join(log, segments(log).at(-1) as string);
      const bytes = Buffer.alloc(500);
      // The power took entry 61, which was not synced, and kept entry 62, without a newline between.
      const placed = { prev: '0badcafe', seq: 62, synced: 60, ts: 1, writer: 'aaaaaaaa.1', crc: '' };
      const end = writeLine(bytes, 0, '"id":"x","op":"add"', placed);
      appendFileSync(path, Buffer.concat([Buffer.alloc(20), bytes.subarray(0, end)]));
      await change(log, async (wal) => {
        const batch = [entry(61), entry(62), entry(63)];
        await wal.appendBatch(batch);
        await wal.append(entry(64));
      });
      const before = await entriesOf(log);
      damage(log, damaged);
      await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
      const { lost } = await Wal.repair(log, { mode: 'salvage' });
      assert.deepEqual(
        lost.map(({ from, to }) => [from, to]),
        [[damaged, damaged]],
      );
      assert.deepEqual(
        (await entriesOf(log)).map(({ seq, id }) => [seq, id]),
        before.map(({ seq, id }) => [seq, id]).filter(([seq]) => seq !== damaged),
      );
    }));

test('a log that was compacted keeps its snapshots and its state, also where entries are damaged that a snapshot stands for', () =>
  inLog(async (log) => {
    await change(log, async (wal) => {
      await wal.compact({ fold: lastData, retain: 1 });
      await fill(wal, 30, 61);
      await wal.compact({ fold: lastData, retain: 2 });
      await fill(wal, 30, 91);
    });
    const before = await stateOf(log);
    damage(log, 75);
    rmSync(join(log, 'wal.json'));
    const { lost } = await salvaged(log);
    assert.deepEqual(
      lost.map(({ from, to }) => [from, to]),
      [[75, 75]],
    );
    assert.deepEqual(
      (await stateOf(log)).filter(({ id }) => id !== 'bd-0'),
      before.filter(({ id }) => id !== 'bd-0'),
    );
    assert.equal(readdirSync(log).filter((name) => name.startsWith('snapshot')).length, 2);
    await change(log, (wal) => wal.compact({ fold: lastData, retain: 1 }));
  }));

test('a damaged snapshot that no other stands in for: what is left of it is the state that the log goes on from', () =>
  inScratch('repair', async (scratch) => {
    const log = join(scratch, 'log');
    await change(log, async (wal) => {
      for (let n = 1; n <= 60; n++)
        await wal.append({ op: 'add', id: `bd-${n}`, data: 'x'.repeat(300) }, { key: `key-${n}` });
      await wal.compact({ fold: lastData, retain: 1 });
      for (let n = 61; n <= 65; n++) await wal.append({ op: 'add', id: `late-${n}`, data: { n } });
    });
    const before = await stateOf(log);
    const name = readdirSync(log).find((each) => each.startsWith('snapshot')) as string;
    const bytes = readFileSync(join(log, name));
    const spoil = (...places: readonly number[]) => {
      const spoilt = Buffer.from(bytes);
      for (const at of places) spoilt[at] = (spoilt[at] as number) ^ 1;
      writeFileSync(join(log, name), spoilt);
    };
    spoil(1000);
    const { lost, lostIds, entries } = await salvaged(log);
    assert.deepEqual([lost, entries, lostIds > 0 && lostIds < 40], [[], 5, true]);
    const now = (await stateOf(log)).filter(({ id }) => id !== 'bd-0');
    assert.equal(now.length, before.length - lostIds);
    const known = new Map(before.map((item) => [item.id, item]));
    for (const item of now) assert.deepEqual(item, known.get(item.id));
    await change(log, async (wal) => {
      const entry = { op: 'add', id: 'bd-60', data: 'x'.repeat(300) };
      const again = await wal.append(entry, { key: 'key-60' });
      assert.deepEqual([again.seq, again.duplicate], [60, true]);
    });
    // Without its first line nothing says what it is the state of.
    spoil(20, 21);
    const gone = await salvaged(log);
    assert.deepEqual([gone.lost.map(({ from, to }) => [from, to]), gone.lostIds], [[[1, 60]], 60]);
  }));

test('a snapshot with a flipped bit in its first line, and nothing before it: a salvage loses nothing', () =>
  inScratch('repair', async (scratch) => {
    const log = join(scratch, 'log');
    await change(log, async (wal) => {
      for (let n = 1; n <= 60; n++)
        await wal.append({ op: 'add', id: `bd-${n}`, data: { n } }, { key: `key-${n}` });
      await wal.compact({ fold: lastData, retain: 1 });
    });
    const before = await stateOf(log);
    const path = join(log, snapshotName(60));
    const bytes = readFileSync(path);
    const end = bytes.indexOf('\n');
    const places = [0, 12, bytes.indexOf('"created"') + 12, bytes.indexOf('"fold"'), end - 1, end];
    for (const isMetaLost of [false, true])
      for (const at of places) {
        const spoilt = Buffer.from(bytes);
        spoilt[at] = (spoilt[at] as number) ^ 1;
        writeFileSync(path, spoilt);
        const meta = readFileSync(join(log, META_FILE));
        if (isMetaLost) rmSync(join(log, META_FILE));
        const { lost, lostIds } = await salvaged(log);
        assert.deepEqual([lost, lostIds], [[], 0], `byte ${at}`);
        assert.deepEqual(readFileSync(path), bytes, `byte ${at}`);
        assert.equal(
          decodeMeta(readFileSync(join(log, META_FILE), 'utf8'), '').id,
          decodeMeta(`${meta}`, '').id,
        );
        const now = (await stateOf(log)).filter(({ id }) => id !== 'bd-0');
        assert.deepEqual(now, before, `byte ${at}`);
      }
    await change(log, async (wal) => {
      const again = await wal.append({ op: 'add', id: 'bd-60', data: { n: 60 } }, { key: 'key-60' });
      assert.deepEqual([again.seq, again.duplicate], [60, true]);
    });
  }));

test('a snapshot under the name of another, and nothing before it: a salvage tells what is lost', () =>
  inLog(async (log) => {
    await change(log, async (wal) => {
      await wal.compact({ fold: lastData, retain: 1 });
      await fill(wal, 5, 61);
    });
    renameSync(join(log, snapshotName(60)), join(log, snapshotName(50)));
    const { lost, lostIds } = await salvaged(log);
    const ranges = lost.map(({ from, to, segment }) => [from, to, segment]);
    assert.deepEqual(
      [ranges, lostIds],
      [
        [
          [1, 50, snapshotName(50)],
          [51, 60, segmentName(61)],
        ],
        10,
      ],
    );
  }));

test('the tail: a damaged end is named by a record, and the log goes on; nothing that is there changes', () =>
  inLog(async (log) => {
    const last = join(log, segments(log).at(-1) as string);
    damage(log, 60);
    const before = readFileSync(last);
    const all = everything(log);
    const plan = await Wal.repair(log, { mode: 'tail', dryRun: true });
    assert.deepEqual([plan.head.seq, everything(log)], [59, all]);
    const { head, lost, kept } = await Wal.repair(log, { mode: 'tail' });
    assert.deepEqual(
      [head.seq, kept, lost.map(({ from, cause }) => [from, cause])],
      [60, undefined, [[60, 'checksum-mismatch']]],
    );
    assert.ok(readFileSync(last).subarray(0, before.length).equals(before));
    const after = everything(log);
    assert.deepEqual((await Wal.repair(log, { mode: 'tail' })).reasons, []);
    assert.deepEqual((await Wal.repair(log, { mode: 'salvage' })).reasons, []);
    assert.deepEqual(everything(log), after);
    await change(log, async (wal) => assert.equal((await wal.append(entry(61))).seq, 61));
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 59), 61]);
  }));

test('the tail: refused where the seal of an earlier segment is damaged, and no byte changes', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-3) as string);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"entries":[]', '"entries":[ '));
    const before = everything(log);
    const facts = { code: 'ERR_WAL_CORRUPT', message: /not the end of the log that is damaged/ };
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), facts);
    assert.deepEqual(everything(log), before);
  }));

test('the tail: entries that are proven to be missing are settled; what could still be read beyond is not buried', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-1) as string);
    const whole = readFileSync(path);
    const { head } = readByScan(whole, Number(segments(log).at(-1)?.slice(0, 20)));
    const bytes = Buffer.alloc(500);
    const placed = (prev: string) => ({ prev, seq: 70, synced: 65, ts: 1, writer: 'aaaaaaaa.1', crc: '' });
    const end = writeLine(bytes, 0, '"id":"x","op":"add"', placed('0badcafe'));
    appendFileSync(path, bytes.subarray(0, end));
    const facts = { code: 'ERR_WAL_CORRUPT', message: /an entry beyond the damage.*--mode salvage/ };
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), facts);
    const again = (line: string | undefined) => {
      const { writer } = JSON.parse(line as string);
      const proof = writeLine(bytes, 0, '"id":"x","op":"add"', { ...placed('0badcafe'), writer });
      writeFileSync(path, Buffer.concat([whole, bytes.subarray(0, proof)]));
    };
    // The last append, written again: as entry 70 it counted, and a salvage keeps it as that.
    const text = whole.toString().trimEnd().split('\n');
    again(text.at(-1));
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), facts);
    const { recovered } = await Wal.repair(log, { mode: 'salvage', dryRun: true });
    assert.equal(recovered, 1);
    // An append that others were built on, written again, tells the same, and holds nothing of its own.
    again(text.at(-2));
    const { lost } = await Wal.repair(log, { mode: 'tail' });
    assert.deepEqual(
      lost.map(({ from, to }) => [from, to]),
      [[61, 65]],
    );
    assert.equal(head.seq, 60);
    await change(log, async (wal) => assert.equal((await wal.append(entry(62))).seq, 62));
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 60), 62]);
  }));

test('a salvage that fails before anything is put in place leaves the log as it was; one that fails then says so, and is gone on with', () =>
  inLog(async (log) => {
    damage(log, 30);
    const before = everything(log);
    let written = 0;
    const full = changedStorage(
      {},
      {
        append: (file, pieces) => {
          if (++written === 2) throw systemError('ENOSPC');
          return file.append(pieces);
        },
      },
    );
    const tried = repairLog(changedEnvironment({ storage: full }), log, { mode: 'salvage' });
    await assert.rejects(tried, { code: 'ERR_WAL_NO_SPACE' });
    assert.deepEqual(everything(log), before);
    const controller = new AbortController();
    const aborted = Wal.repair(log, {
      mode: 'salvage',
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await assert.rejects(aborted, { code: 'ERR_WAL_ABORTED' });
    assert.deepEqual(everything(log), before);

    let renamed = 0;
    const storage = changedStorage({
      rename: (from, to) => {
        if (SEGMENT.test(basename(to)) && ++renamed === 2) throw systemError('EIO');
        nodeStorage.rename(from, to);
      },
    });
    const half = repairLog(changedEnvironment({ storage }), log, { mode: 'salvage' });
    await assert.rejects(half, { code: 'ERR_WAL_IO', message: /closed until you run the repair again/ });
    await assert.rejects(Wal.open(log), {
      code: 'ERR_WAL_FORMAT',
      message: /was interrupted.*repair --mode salvage.*Do not put/,
    });
    const { reasons, kept } = await Wal.repair(log, { mode: 'salvage' });
    assert.equal(reasons[0], 'A repair was interrupted.');
    assert.deepEqual(everything(kept as string), before);
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 29), ...range(31, 60)]);
    assert.deepEqual(
      readdirSync(join(log, 'backups')).map((name) => name.slice(0, 6)),
      ['before'],
    );
  }));

test('a salvage is cut short once the log is open again, which loses wal.json later: entries since are kept', () =>
  inLog(async (log) => {
    damage(log, 30);
    let isBack = false;
    const storage = changedStorage({
      rename: (from, to) => {
        nodeStorage.rename(from, to);
        if (basename(to) === META_FILE) isBack = true;
      },
      syncDirectory: (path) => {
        if (isBack) throw systemError('EIO');
        nodeStorage.syncDirectory(path);
      },
    });
    const cut = repairLog(changedEnvironment({ storage }), log, { mode: 'salvage' });
    await assert.rejects(cut, { code: 'ERR_WAL_IO', message: /The log is repaired and open/ });
    await change(log, (wal) => wal.append({ op: 'add', id: 'bd-since' }));
    rmSync(join(log, META_FILE));
    const { reasons } = await Wal.repair(log, { mode: 'salvage' });
    assert.match(reasons.join(), /wal\.json is missing/);
    const [last] = (await entriesOf(log)).slice(-1);
    assert.deepEqual([last?.seq, last?.id], [61, 'bd-since']);
    assert.deepEqual(files(log, /\.tmp$/), []);
  }));

test('a marker that leads elsewhere is not followed', () =>
  inLog(async (log) => {
    const precious = join(log, '..', 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), '');
    const kept = 'before-repair-20250101T000000.000Z';
    for (const made of ['../../precious', 'repaired-../../../precious']) {
      writeFileSync(
        join(log, 'wal.repairing.tmp'),
        `${JSON.stringify({ kept, made, phase: 'replacing' })}\n`,
      );
      await assert.rejects(Wal.repair(log, { mode: 'salvage' }), { code: 'ERR_WAL_FORMAT' });
    }
    assert.deepEqual(readdirSync(precious), ['file']);
    mkdirSync(join(log, 'backups'));
    const made = 'repaired-20250101T000000.000Z-a';
    for (const name of [made, kept]) {
      symlinkSync(precious, join(log, 'backups', name));
      writeFileSync(
        join(log, 'wal.repairing.tmp'),
        `${JSON.stringify({ kept, made, phase: 'replacing' })}\n`,
      );
      await assert.rejects(Wal.repair(log, { mode: 'salvage' }), { code: 'ERR_WAL_FORMAT' });
      rmSync(join(log, 'backups', name));
    }
    assert.deepEqual(readdirSync(precious), ['file']);
  }));

test('blocks of a snapshot whose checksums are right of what no snapshot holds, or that lie in one another: they are left out', () =>
  inLog(async (log) => {
    await change(log, async (wal) => {
      await wal.compact({ fold: lastData, retain: 1 });
      await fill(wal, 5, 61);
    });
    const path = join(log, snapshotName(60));
    const bytes = readFileSync(path);
    const header = bytes.subarray(0, bytes.indexOf('\n') + 1);
    const item = '{"id":"bd-77","rev":7,"ts":1,"value":"x","version":1}\n';
    const key = (i: number) => `{"keys":["k"],"seqs":[${1000 + i}],"sums":"AAAAAA==","ts":[1]}\n`;
    const keys = Array.from({ length: 100 }, (_, i) => key(i)).join('');
    const strange = [
      'not JSON',
      'null',
      '{"id":5,"rev":1,"ts":1,"value":1,"version":1}',
      '{"id":"bd-78","rev":1}',
    ];
    const body = Buffer.from(`${strange.map((line) => `${line}\n`).join('')}${item}${keys}`);
    const at = body.indexOf(keys);
    const line = (from: number, end: number) =>
      `${JSON.stringify({ id: '', at: from, bytes: end - from, crc: crcOf(body.subarray(from, end)) })}\n`;
    const starts = Array.from({ length: 100 }, (_, i) => at + i * key(i).length);
    const index = [line(0, at), ...starts.map((start) => line(start, body.length))].join('');
    writeFileSync(path, Buffer.concat([header, body, Buffer.from(index)]));
    await salvaged(log);
    const made = readFileSync(path);
    assert.equal(decodeHeader(made.subarray(0, made.indexOf('\n')), path)?.body.keys, 100);
    const items = await stateOf(log);
    assert.deepEqual(
      items.filter(({ rev }) => rev < 61).map(({ id }) => id),
      ['bd-77'],
    );
  }));

test('what a snapshot says in place of the id of a log does not get into wal.json', () =>
  inLog(async (log) => {
    await change(log, (wal) => wal.compact({ fold: lastData, retain: 1 }));
    const path = join(log, snapshotName(60));
    const bytes = readFileSync(path);
    const end = bytes.indexOf('\n');
    const header = decodeHeader(bytes.subarray(0, end), path) as SnapshotHeader;
    const other = Buffer.from(encodeHeader({ ...header, log: '../elsewhere' }));
    writeFileSync(path, Buffer.concat([other, bytes.subarray(end + 1)]));
    rmSync(join(log, 'wal.json'));
    await salvaged(log);
    assert.equal((await stateOf(log)).length, 10);
  }));

test('a log of a newer version, a file, and a directory without a log are refused, and stay as they are', () =>
  inLog(async (log) => {
    const meta = join(log, 'wal.json');
    writeFileSync(meta, readFileSync(meta, 'utf8').replace('"version":1', '"version":2'));
    const before = everything(log);
    for (const mode of ['tail', 'salvage'] as const) {
      await assert.rejects(Wal.repair(log, { mode }), { code: 'ERR_WAL_VERSION' });
      await assert.rejects(Wal.repair(meta, { mode }), { code: 'ERR_WAL_NOT_A_DIRECTORY' });
      await assert.rejects(Wal.repair(join(log, 'none'), { mode }), { code: 'ERR_WAL_NOT_FOUND' });
      await assert.rejects(Wal.repair(join(log, '..'), { mode }), { code: 'ERR_WAL_NOT_FOUND' });
    }
    await assert.rejects(Wal.repair(log, { mode: 'other' as 'tail' }), { code: 'ERR_WAL_ARGUMENT' });
    assert.deepEqual(everything(log), before);
  }));

test('a whole log is left as it is, also with what crashes and races leave in one', () =>
  inLog(async (log) => {
    const path = join(log, segments(log).at(-1) as string);
    const [first] = readFileSync(path, 'utf8').split('\n') as [string];
    const bytes = Buffer.alloc(500);
    const place = { prev: '0badcafe', seq: 70, synced: 0, ts: 1, writer: 'aaaaaaaa.1', crc: GENESIS_CRC };
    const stranded = bytes.subarray(0, writeLine(bytes, 0, '"id":"x","op":"add"', place));
    appendFileSync(
      path,
      Buffer.concat([Buffer.from(`${first}\n${first.slice(0, 30)}~\n`), stranded, Buffer.alloc(9)]),
    );
    const before = everything(log);
    for (const mode of ['tail', 'salvage'] as const)
      assert.deepEqual((await Wal.repair(log, { mode })).reasons, []);
    assert.deepEqual(everything(log), before);
  }));

test('a Wal that is open while its log is salvaged loses nothing that it acknowledged, and goes on', () =>
  inLog(async (log) => {
    const wal = await Wal.open(log, SMALL);
    damage(log, 5);
    let going = true;
    const acknowledged: number[] = [];
    const writing = (async () => {
      for (let n = 1001; going || acknowledged.length < 20; n++) {
        await wal.append(entry(n));
        acknowledged.push(n);
      }
    })();
    const { kept } = await Wal.repair(log, { mode: 'salvage' }).finally(() => {
      going = false;
    });
    await writing;
    await wal.close();
    assert.notEqual(kept, undefined);
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 4), ...range(6, 60), ...acknowledged]);
  }));

test('a Wal that is open when a salvage is cut short half-way makes no segment until it is gone on with: nothing acknowledged is lost', () =>
  inLog(async (log) => {
    const wal = await Wal.open(log, SMALL);
    damage(log, 5);
    let renamed = 0;
    const storage = changedStorage({
      rename: (from, to) => {
        if (SEGMENT.test(basename(to)) && ++renamed === 2) throw systemError('EIO');
        nodeStorage.rename(from, to);
      },
    });
    await assert.rejects(repairLog(changedEnvironment({ storage }), log, { mode: 'salvage' }), {
      code: 'ERR_WAL_IO',
    });
    const acknowledged: number[] = [];
    const refused = assert.rejects(
      (async () => {
        for (let n = 1001; n < 1100; n++) {
          await wal.append(entry(n));
          acknowledged.push(n);
        }
      })(),
      { code: 'ERR_WAL_NOT_FOUND', outcome: 'not-written' },
    );
    await refused;
    await Wal.repair(log, { mode: 'salvage' });
    await wal.close();
    assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 4), ...range(6, 60), ...acknowledged]);
  }));

test('a segment that somebody makes without the lock, just before a salvage closes the log, is in the new one', () =>
  inLog(async (log) => {
    damage(log, 5);
    const wal = await Wal.open(log, { ...SMALL, lock: 'none' });
    const before = segments(log).length;
    let added = 0;
    const storage = changedStorage({
      remove: (path) => {
        if (added === 0 && basename(path) === 'wal.json') {
          for (added = 1; segments(log).length === before; added++) wal.appendSync(entry(1000 + added));
          added--;
        }
        nodeStorage.remove(path);
      },
    });
    await repairLog(changedEnvironment({ storage }), log, { mode: 'salvage' });
    await wal.close();
    assert.deepEqual(numbers(await entriesOf(log)), [
      ...range(1, 4),
      ...range(6, 60),
      ...range(1001, 1000 + added),
    ]);
  }));

for (const kind of ['kernel', 'lockfile'] as const) {
  test(`a salvage while another is under way is refused with the ${kind} lock, and harms neither the log nor what is kept`, () =>
    inLog(async (log) => {
      setLockKind(log, kind);
      damage(log, 5);
      const { id } = JSON.parse(readFileSync(join(log, 'wal.json'), 'utf8'));
      let second: Promise<unknown> | undefined;
      const clock = {
        ...systemClock,
        yield: async () => {
          const isUnderWay = readdirSync(log).includes('backups');
          if (isUnderWay) second ??= Wal.repair(log, { mode: 'salvage' }).catch((error) => error);
          await second;
        },
      };
      const { kept } = await repairLog(changedEnvironment({ clock }), log, { mode: 'salvage' });
      assert.equal(((await second) as WalError).code, 'ERR_WAL_LOCK_TIMEOUT');
      assert.deepEqual(numbers(await entriesOf(log)), [...range(1, 4), ...range(6, 60)]);
      assert.equal(JSON.parse(readFileSync(join(log, 'wal.json'), 'utf8')).id, id);
      assert.deepEqual(readdirSync(join(log, 'backups')), [basename(kept as string)]);
      assert.deepEqual(files(log, /repair/), []);
      assert.deepEqual((await Wal.repair(log, { mode: 'salvage' })).reasons, []);
    }));
}
