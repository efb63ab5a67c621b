import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crcOf } from '../../src/format/crc.ts';
import { COVERED_OFFSET } from '../../src/format/line.ts';
import { segmentName, snapshotName } from '../../src/format/names.ts';
import { writeLine } from '../../src/format/write-line.ts';
import { lastData, type SurveyedDamage, type VerifyReport, Wal, type WalError } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const FIRST = segmentName(1);
const entry = (n: number) => ({ op: 'add', id: `bd-${n}`, data: { n, text: 'x'.repeat(20) } });

/** A closed log of so many entries; by one Wal, so that each line says that all before it were synced. */
async function fill(directory: string, entries: number, segmentBytes = 262_144): Promise<void> {
  const wal = await Wal.open(directory, { segmentBytes });
  for (let n = 1; n <= entries; n++) await wal.append(entry(n));
  await wal.close();
}

/** The log's segments: name, lines with their newlines, and where each begins. */
function linesOf(directory: string, name = FIRST): { text: string; at: number }[] {
  const bytes = readFileSync(join(directory, name), 'latin1');
  const starts = [0, ...[...bytes.matchAll(/\n/g)].map(({ index }) => index + 1)].slice(0, -1);
  return starts.map((at, i) => ({ at, text: bytes.slice(at, starts[i + 1]) }));
}

function write(directory: string, lines: readonly string[], name = FIRST): void {
  writeFileSync(join(directory, name), lines.join(''), 'latin1');
}

const flipped = (line: string) => line.replace('xxxx', 'xxyx');

function segmentsOf(directory: string): string[] {
  return readdirSync(directory).filter((name) => /^\d{20}\.jsonl$/.test(name));
}

const seqIn = (name: string) => Number(name.slice(0, 20));

async function verify(directory: string): Promise<VerifyReport> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    return await wal.verify();
  } finally {
    await wal.close();
  }
}

/** What reading, and opening to append, end in. */
async function failures(directory: string): Promise<(WalError | undefined)[]> {
  const wal = await Wal.open(directory, { readOnly: true });
  let read: WalError | undefined;
  try {
    for await (const _ of wal.read());
  } catch (error) {
    read = error as WalError;
  } finally {
    await wal.close();
  }
  const opened = await Wal.open(directory).then(
    (writer) => writer.close(),
    (error: WalError) => error,
  );
  return [read, opened as WalError | undefined];
}

/** The report's only stretch. */
function only(report: VerifyReport): SurveyedDamage {
  assert.equal(report.damage.length, 1, JSON.stringify(report.damage));
  return report.damage[0] as SurveyedDamage;
}

const around = (before: number, after: number, stranded = 0) => ({ before, after, stranded, settled: false });

test('a flipped bit in the middle: one record, acknowledged as the next but one line proves; those after it are stranded', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 10);
    const lines = linesOf(directory);
    const fifth = lines[4] as { text: string; at: number };
    write(
      directory,
      lines.map(({ text }, i) => (i === 4 ? flipped(text) : text)),
    );
    const report = await verify(directory);
    const place = { kind: 'damaged', segment: FIRST, offset: fifth.at, length: fifth.text.length, line: 5 };
    const evidence = { segment: FIRST, offset: lines[5]?.at, synced: 5 };
    assert.deepEqual(only(report), {
      ...{ ...place, cause: 'checksum-mismatch', from: 5, to: 5, records: 1, exact: true },
      ...{ acknowledged: 'yes', evidence, ...around(4, 0, 5) },
    });
    assert.deepEqual([report.ok, report.readable, report.head.seq], [false, 4, 4]);
    for (const error of await failures(directory)) {
      assert.equal(error?.code, 'ERR_WAL_CORRUPT');
      const { damage } = error as WalError;
      assert.deepEqual(damage, {
        ...{ ...place, cause: 'checksum-mismatch', from: 5, to: 5, records: 1, exact: false },
        ...{ acknowledged: 'yes', evidence: { ...evidence, synced: damage?.evidence?.synced } },
      });
      assert.match(
        error?.message ?? '',
        /^Entry 5 is damaged .*though acknowledged.*\(line 5\).*up to entry 4, can be read\. Entries 6 to 10 come after it, are whole/,
      );
    }
  }));

test('a flipped bit in the last line: how many records, and whether they had been acknowledged, is not known', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 3);
    const lines = linesOf(directory);
    const last = lines[2] as { text: string; at: number };
    write(
      directory,
      lines.map(({ text }, i) => (i === 2 ? flipped(text) : text)),
    );
    const place = { kind: 'damaged', segment: FIRST, offset: last.at, length: last.text.length, line: 3 };
    const told = { from: 3, records: 0, exact: false, acknowledged: 'unknown', cause: 'checksum-mismatch' };
    assert.deepEqual(only(await verify(directory)), { ...place, ...told, ...around(2, 0) });
    for (const error of await failures(directory)) {
      assert.deepEqual(error?.damage, { ...place, ...told });
      assert.match(error?.message ?? '', /whether it had been acknowledged.*up to entry 2, can be read/);
    }
  }));

test('what a Wal that wrote itself finds damaged under it has no line number, but the rest', () =>
  inScratch('verify', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append(entry(1));
    const { length } = readFileSync(join(directory, FIRST));
    appendFileSync(join(directory, FIRST), 'typed by somebody\n');
    const error = await wal.append(entry(2)).catch((failure: WalError) => failure);
    const place = { kind: 'damaged', segment: FIRST, offset: length, length: 18, cause: 'not-a-record' };
    const told = { from: 2, records: 0, exact: false, acknowledged: 'unknown' };
    assert.deepEqual((error as WalError).damage, { ...place, ...told });
    await wal.close();
  }));

test('a deleted line is missing between its neighbours, and acknowledged where a later line proves it', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 8);
    const lines = linesOf(directory);
    const at = lines[3]?.at as number;
    write(
      directory,
      lines.filter((_, i) => i !== 3 && i !== 4).map(({ text }) => text),
    );
    const evidence = { segment: FIRST, offset: at, synced: 5 };
    const found = only(await verify(directory));
    assert.deepEqual(found, {
      ...{ kind: 'missing', segment: FIRST, offset: at, length: 0, line: 4, from: 4, to: 5, records: 2 },
      ...{ exact: true, acknowledged: 'yes', evidence, ...around(3, 0, 3) },
    });
  }));

test('a line deleted from a group: nothing tells whether it had been acknowledged, and the rest can be brought back', () =>
  inScratch('verify', async (directory) => {
    const wal = await Wal.open(directory);
    await Promise.all([1, 2, 3, 4].map((n) => wal.append(entry(n))));
    await wal.close();
    const lines = linesOf(directory);
    assert.equal(lines.length, 4);
    write(
      directory,
      lines.filter((_, i) => i !== 1).map(({ text }) => text),
    );
    const report = await verify(directory);
    const { acknowledged, from, to, records, exact, stranded } = only(report);
    assert.deepEqual(
      { acknowledged, from, to, records, exact, stranded },
      {
        ...{ acknowledged: 'unknown', from: 2, to: 2, records: 1, exact: true, stranded: 2 },
      },
    );
    assert.deepEqual([report.ok, report.error?.cause, report.readable], [false, 'passed-over', 1]);
    const again = await Wal.open(directory);
    assert.equal((await again.append(entry(5))).seq, 2, 'every reader and writer goes on');
    await again.close();
    const { entries, recovered, lost } = await Wal.repair(directory, { mode: 'salvage' });
    assert.deepEqual([entries, recovered, lost.length], [4, 2, 1]);
    assert.equal((await verify(directory)).ok, true);
  }));

test('lines of a later group prove a part: the rest of what is missing is not said to have been acknowledged', () =>
  inScratch('verify', async (directory) => {
    const wal = await Wal.open(directory);
    await wal.append(entry(1));
    await wal.append(entry(2));
    await Promise.all([3, 4, 5].map((n) => wal.append(entry(n))));
    await wal.close();
    const lines = linesOf(directory);
    write(
      directory,
      lines.filter((_, i) => i === 0 || i === 4).map(({ text }) => text),
    );
    const { evidence, ...found } = only(await verify(directory));
    assert.deepEqual([found.from, found.to, found.records, found.acknowledged], [2, 4, 3, 'yes']);
    assert.equal(evidence?.synced, 2);
    const { stdout } = await run(directory, ['verify', '-C', '.']);
    assert.match(
      stdout,
      /^ {2}acknowledged +yes, entries 2 to 2: .*byte \d+ says.*; nothing says it of the rest$/m,
    );
  }));

test('what was put between two lines that follow one another held nothing that counted', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 6);
    const texts = linesOf(directory).map(({ text }) => text);
    write(directory, [...texts.slice(0, 3), '<<<<<<< HEAD\n', 'ours\n', ...texts.slice(3)]);
    const report = await verify(directory);
    const found = only(report);
    assert.deepEqual(
      [found.line, found.length, found.from, found.to, found.records, found.exact, found.acknowledged],
      [4, 18, 4, 3, 0, true, 'no'],
    );
    assert.deepEqual([report.ok, found.before, found.after, found.stranded], [true, 3, 3, 0]);
    // With one line after it, a superseded line may have taken the place of what is damaged.
    write(directory, [...texts.slice(0, 5), 'ours\n', ...texts.slice(5)]);
    assert.equal(only(await verify(directory)).acknowledged, 'unknown');
    // With a group after it, a superseded one may have.
    const wal = await Wal.open(join(directory, 'group'));
    await Promise.all([1, 2, 3, 4].map((n) => wal.append(entry(n))));
    await wal.close();
    const [first, ...group] = linesOf(join(directory, 'group')).map(({ text }) => text);
    write(join(directory, 'group'), [first as string, 'ours\n', ...group]);
    assert.equal(only(await verify(join(directory, 'group'))).acknowledged, 'unknown');
  }));

test('a superseded line that comes to count, and that others have appended to since, is no proof either: what was written after it says so', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 1);
    const texts = linesOf(directory).map(({ text }) => text);
    const crcOfLine = (line: string) => line.slice(8, 16);
    const put = (id: string, writer: string, seq: number, prev: string) => {
      const bytes = Buffer.alloc(500);
      const body = `"data":"xxxx","id":"${id}","op":"add"`;
      const end = writeLine(bytes, 0, body, { prev, seq, synced: 1, ts: 1, writer, crc: '' });
      texts.push(bytes.toString('latin1', 0, end));
      return crcOfLine(texts.at(-1) as string);
    };
    const last = crcOfLine(texts[0] as string);
    const winner = put('bd-2', 'aaaaaaaa.1', 2, last);
    const loser = put('bd-3', 'bbbbbbbb.1', 2, last);
    put('bd-4', 'bbbbbbbb.2', 3, loser);
    put('bd-3', 'bbbbbbbb.1', 3, winner);
    write(directory, [texts[0] as string, flipped(texts[1] as string), ...texts.slice(2)]);
    await fill(directory, 2);
    const report = await verify(directory);
    assert.deepEqual([report.head.seq, only(report).acknowledged], [5, 'unknown']);
  }));

test('a superseded line that comes to count, for the one before it is damaged, is not taken for proof that nothing is gone', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 6);
    const lines = linesOf(directory).map(({ text }) => text);
    // Somebody else's group from the third on, who came second.
    const group: string[] = [];
    for (const line of lines.slice(2, 5)) {
      const prev = group.at(-1)?.slice(8, 16) ?? /"prev":"(\w+)"/.exec(line)?.[1];
      const covered = line
        .slice(COVERED_OFFSET, -1)
        .replace('bd-', 'bd-9')
        .replace(/"prev":"\w+"/, `"prev":"${prev}"`)
        .replace(/"synced":\d+/, '"synced":2')
        .replace(/"writer":"\w+/, '"writer":"zzzzzzzz');
      group.push(`{"crc":"${crcOf(Buffer.from(covered))}",${covered}\n`);
    }
    write(directory, [...lines.slice(0, 3), ...group, ...lines.slice(3)]);
    const whole = await verify(directory);
    assert.deepEqual([whole.damage, whole.lines.superseded], [[], 3], 'superseded lines are no damage');
    const [late = ''] = group;
    write(directory, [...lines.slice(0, 2), flipped(lines[2] as string), late, ...lines.slice(3)]);
    const report = await verify(directory);
    assert.equal(report.ok, false);
    assert.equal(report.damage[0]?.acknowledged, 'unknown');
    assert.deepEqual(
      report.damage.slice(1).map(({ kind, acknowledged }) => [kind, acknowledged]),
      [['missing', 'yes']],
    );
  }));

test('torn lines were never acknowledged: they are no damage, nor is what they leave stranded', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 3);
    const lines = linesOf(directory).map(({ text }) => text);
    const [, , third] = lines as [string, string, string];
    for (const torn of [`${third.slice(0, 50)}~\n`, third.slice(0, 50), `${'\0'.repeat(40)}\n`]) {
      write(directory, [...lines.slice(0, 2), torn]);
      const report = await verify(directory);
      assert.deepEqual([report.ok, report.damage], [true, []], JSON.stringify(torn));
    }
    // The lines of a group of which a page is lost: the third follows what was never there.
    const wal = await Wal.open(join(directory, 'group'));
    await Promise.all([1, 2, 3].map((n) => wal.append(entry(n))));
    await wal.close();
    const [first, second, last] = linesOf(join(directory, 'group')) as { text: string }[];
    const nuls = `${'\0'.repeat((second?.text.length ?? 1) - 1)}\n`;
    write(join(directory, 'group'), [first?.text ?? '', nuls, last?.text ?? '']);
    const report = await verify(join(directory, 'group'));
    assert.deepEqual([report.ok, report.lines.stranded, report.damage], [true, 1, []]);
  }));

test('a deleted segment in the middle: its entries are missing, acknowledged as the next one’s first line proves; the rest is read', () =>
  inScratch('verify', async (directory) => {
    // The first line of a segment is another writer's, who has not synced what is before it.
    const wals = [
      await Wal.open(directory, { segmentBytes: 4096 }),
      await Wal.open(directory, { segmentBytes: 4096 }),
    ];
    for (let n = 1; n <= 100; n++) {
      const isSealed = /"entries":\[\]/.test(
        readFileSync(join(directory, segmentsOf(directory).at(-1) as string), 'utf8'),
      );
      await wals[isSealed ? 1 : 0]?.append(entry(n));
    }
    for (const wal of wals) await wal.close();
    const names = segmentsOf(directory);
    const [, second, third] = names as [string, string, string];
    const [from, to] = [seqIn(second), seqIn(third) - 1];
    rmSync(join(directory, second));
    const place = { kind: 'missing', segment: second, offset: 0, length: 0 };
    const held = { from, to, records: to - from + 1, exact: true, acknowledged: 'yes' };
    const told = { ...place, ...held, evidence: { segment: third, offset: 0, synced: to } };
    const report = await verify(directory);
    assert.deepEqual(only(report), { ...told, ...around(from - 1, 100 - to) });
    assert.deepEqual([report.ok, report.readable, report.head.seq], [false, from - 1, 100]);
    assert.deepEqual([report.error?.code, report.error?.damage], ['ERR_WAL_DIVERGED', told]);
    const [read] = await failures(directory);
    assert.deepEqual(read?.damage, told);
    assert.match(
      read?.message ?? '',
      new RegExp(`Entries ${from} to ${to} are missing, though acknowledged`),
    );
  }));

test('a segment cut where another follows: what is gone is told by the name of that one, with the seal', () =>
  inScratch('verify', async (scratch) => {
    const directory = join(scratch, 'log');
    await fill(directory, 100, 4096);
    const [, second, third] = segmentsOf(directory) as [string, string, string];
    const lines = linesOf(directory, second);
    const [one, two] = [lines.at(-2), lines.at(-3)] as { at: number; text: string }[];
    // Its last entry and its seal; only its seal.
    for (const [cut, records] of [
      [one?.at, 1],
      [lines.at(-1)?.at, 0],
      [two?.at, 2],
    ] as const) {
      const copy = join(scratch, `copy-${records}`);
      cpSync(directory, copy, { recursive: true });
      truncateSync(join(copy, second), cut);
      const report = await verify(copy);
      const found = only(report);
      const to = seqIn(third) - 1;
      assert.deepEqual(
        [found.kind, found.segment, found.offset, found.from, found.to, found.records, found.acknowledged],
        ['missing', second, cut, to - records + 1, to, records, records === 0 ? 'no' : 'yes'],
      );
      assert.deepEqual([report.ok, found.before, found.after], [false, to - records, 100 - to]);
      const [read] = await failures(copy);
      assert.deepEqual([read?.damage?.from, read?.damage?.records], [found.from, records]);
    }
  }));

test('damage in an earlier segment, with whole ones after it: each is told, and all that is whole is counted', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 100, 4096);
    const [, second, third] = segmentsOf(directory) as [string, string, string];
    const lines = linesOf(directory, second).map(({ text }) => text);
    const from = seqIn(second);
    const entries = seqIn(third) - from;
    write(
      directory,
      lines.map((text, i) => (i === 1 ? flipped(text) : text)),
      second,
    );
    const report = await verify(directory);
    const found = only(report);
    assert.deepEqual(
      [found.kind, found.from, found.to, found.acknowledged, found.before, found.after, found.stranded],
      ['damaged', from + 1, from + 1, 'yes', from, 100 - seqIn(third) + 1, entries - 2],
    );
    assert.deepEqual([report.readable, report.error?.code], [from, 'ERR_WAL_CORRUPT']);
    // And where the damage is what ends the segment.
    write(directory, [...lines.slice(0, -2), ...lines.slice(-2).map(() => 'x\n')], second);
    const end = only(await verify(directory));
    assert.deepEqual(
      [end.from, end.to, end.records, end.acknowledged],
      [...Array(2).fill(seqIn(third) - 1), 1, 'yes'],
    );
    assert.equal(end.evidence?.segment, third);
  }));

test('a log that lacks its first segment, and has no snapshot, is not whole', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 100, 4096);
    const [first, second] = segmentsOf(directory) as [string, string];
    rmSync(join(directory, first));
    const report = await verify(directory);
    const found = only(report);
    const to = seqIn(second) - 1;
    assert.deepEqual([report.ok, report.readable, found.segment], [false, 0, first]);
    assert.deepEqual([found.from, found.to, found.acknowledged], [1, to, 'yes']);
    const [read] = await failures(directory);
    assert.deepEqual([read?.code, read?.damage?.to], ['ERR_WAL_DIVERGED', to]);
    // Of which there is no more than the last.
    for (const name of segmentsOf(directory).slice(0, -1)) rmSync(join(directory, name));
    const last = only(await verify(directory));
    assert.deepEqual([last.from, last.to], [1, seqIn(segmentsOf(directory)[0] as string) - 1]);
  }));

test("another log's segment in the place of one: nothing tells what that held", () =>
  inScratch('verify', async (directory) => {
    const [log, other] = [join(directory, 'log'), join(directory, 'other')];
    await fill(log, 100, 4096);
    await fill(other, 100, 4096);
    const [, second] = segmentsOf(log) as [string, string];
    cpSync(join(other, second), join(log, second));
    const [found] = (await verify(log)).damage;
    const told = [found?.kind, found?.segment, found?.from, found?.exact, found?.acknowledged];
    assert.deepEqual(told, ['foreign', second, seqIn(second), false, 'unknown']);
    assert.equal(found?.length, readFileSync(join(log, second)).length);
  }));

test('a line that counts and is not JSON held what it says, and a later line proves it', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 2);
    const lines = linesOf(directory).map(({ text }) => text);
    const covered = (lines[1] as string).slice(COVERED_OFFSET, -1).replace('{"n":2', '{"n";2');
    const crc = crcOf(Buffer.from(covered));
    write(directory, [lines[0] as string, `{"crc":"${crc}",${covered}\n`]);
    const alone = only(await verify(directory));
    assert.deepEqual([alone.kind, alone.from, alone.to, alone.acknowledged], ['unreadable', 2, 2, 'unknown']);
    const wal = await Wal.open(directory);
    await wal.append(entry(3));
    await wal.close();
    const found = only(await verify(directory));
    assert.deepEqual([found.acknowledged, found.evidence?.synced, found.line], ['yes', 2, 2]);
    assert.deepEqual([found.before, found.after], [1, 1]);
  }));

test('a repair settles what was damaged: it is told as before, and numbers given anew prove nothing of the old', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 3);
    const lines = linesOf(directory).map(({ text }) => text);
    const head = (lines[1] as string).slice(8, 16);
    const covered = `"data":{"from":3},"id":"wal","op":"wal.repair","prev":"${head}","seq":3,"synced":0,"ts":1,"writer":"zzzzzzzz.1"}`;
    const repair = `{"crc":"${crcOf(Buffer.from(covered))}",${covered}\n`;
    write(directory, [...lines.slice(0, 2), flipped(lines[2] as string), repair]);
    const wal = await Wal.open(directory);
    for (let n = 4; n < 7; n++) await wal.append(entry(n));
    await wal.close();
    const report = await verify(directory);
    const found = only(report);
    assert.deepEqual([report.ok, found.settled, found.from, found.acknowledged], [true, true, 3, 'unknown']);
    assert.deepEqual([found.before, found.after], [2, 4]);
  }));

test('of a compacted log: what a snapshot stands for is there, a damaged snapshot is told, and one that all rests on is a loss', () =>
  inScratch('verify', async (directory) => {
    const wal = await Wal.open(directory, { segmentBytes: 4096 });
    for (let n = 1; n <= 60; n++) await wal.append(entry(n));
    await wal.compact({ fold: lastData, retain: 2 });
    for (let n = 61; n <= 120; n++) await wal.append(entry(n));
    await wal.compact({ fold: lastData, retain: 2 });
    for (let n = 121; n <= 125; n++) await wal.append(entry(n));
    await wal.close();
    assert.deepEqual((await verify(directory)).damage, []);
    const snapshots = readdirSync(directory).filter((name) => name.startsWith('snapshot-'));
    assert.equal(snapshots.length, 2);
    const [older, newer] = snapshots as [string, string];

    const kept = segmentsOf(directory).find((name) => seqIn(name) > 60 && seqIn(name) < 110) as string;
    const lines = linesOf(directory, kept).map(({ text }) => text);
    write(
      directory,
      lines.map((text, i) => (i === 1 ? flipped(text) : text)),
      kept,
    );
    const found = only(await verify(directory));
    assert.deepEqual(
      [found.kind, found.segment, found.acknowledged, found.snapshot],
      ['damaged', kept, 'yes', newer],
    );
    assert.match(
      (await run(directory, ['verify', '-C', '.'])).stdout,
      new RegExp(`^ {2}remains .*${newer} has the state`, 'm'),
    );
    write(directory, lines, kept);

    const bytes = readFileSync(join(directory, older));
    writeFileSync(join(directory, older), Buffer.concat([bytes.subarray(0, -9), Buffer.from('12345678\n')]));
    const spare = await verify(directory);
    assert.deepEqual(
      [spare.ok, only(spare).segment, only(spare).records, only(spare).acknowledged, only(spare).snapshot],
      [true, older, 0, 'no', newer],
    );
    for (const name of [older, newer]) writeFileSync(join(directory, name), 'x\n');
    const lost = await verify(directory);
    const first = seqIn(segmentsOf(directory)[0] as string);
    assert.deepEqual([lost.ok, lost.error?.code, lost.readable], [false, 'ERR_WAL_CORRUPT', 0]);
    assert.deepEqual(
      lost.damage.map(({ segment, from, to, acknowledged }) => [segment, from, to, acknowledged]),
      [newer, older].map((name) => [name, 1, first - 1, 'yes']),
    );
    assert.equal(snapshotName(1).slice(0, 9), older.slice(0, 9));
  }));

test('an older copy of a log, whole in itself, is whole: that it was replaced is told to who had it open', () =>
  inScratch('verify', async (directory) => {
    const [log, copy] = [join(directory, 'log'), join(directory, 'copy')];
    await fill(log, 5);
    cpSync(log, copy, { recursive: true });
    await fill(log, 5);
    const wal = await Wal.open(log);
    rmSync(join(log, FIRST));
    cpSync(join(copy, FIRST), join(log, FIRST));
    const report = await wal.verify();
    assert.deepEqual([report.ok, report.head.seq, report.damage], [true, 5, []]);
    await wal.close();
  }));

test('verify says it in words, and with --json as it is', () =>
  inScratch('verify', async (directory) => {
    await fill(directory, 6);
    const lines = linesOf(directory);
    const { at, text } = lines[2] as { at: number; text: string };
    write(
      directory,
      lines.map((line, i) => (i === 2 ? flipped(line.text) : line.text)),
    );
    const { code, stdout } = await run(directory, ['verify', '-C', '.']);
    assert.equal(code, 4);
    for (const row of [
      /^readable +up to entry 2$/m,
      new RegExp(
        `^damaged +${FIRST}, line 3, bytes ${at} to ${at + text.length - 1} \\(checksum-mismatch\\)$`,
        'm',
      ),
      /^ {2}held +entry 3: 1 record$/m,
      new RegExp(
        `^ {2}acknowledged +yes: ${FIRST} byte ${lines[3]?.at} says that all up to entry 3 were synced$`,
        'm',
      ),
      /^ {2}remains +2 entries before it and 0 after it can be read; 3 after it are whole, but what they follow is missing$/m,
    ])
      assert.match(stdout, row);
    const told = JSON.parse((await run(directory, ['verify', '-C', '.', '--json'])).stdout);
    const report = await verify(directory);
    assert.deepEqual(told.damage, report.damage);
    assert.deepEqual(told.error.damage, report.error?.damage);
  }));
