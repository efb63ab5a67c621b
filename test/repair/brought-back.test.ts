import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crcOf } from '../../src/format/crc.ts';
import { COVERED_OFFSET, LINE_START } from '../../src/format/line.ts';
import { segmentSeq, snapshotSeq } from '../../src/format/names.ts';
import { type LogRecord, lastData, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';
import { files, SEGMENT, SMALL } from '../support/small-log.ts';

/*
 * verify is ok exactly when a salvage has nothing to bring back, and "lost" means that nothing readable holds it.
 */

const entry = (n: number) => ({ op: 'add', id: `bd-${n}`, data: { n, text: 'x'.repeat(150) } });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Gives `body` a closed log of 20 entries in one segment; or of 60 in several, compacted in the middle with what leads there. */
function inLog(compacted: boolean, body: (log: string) => Promise<void>): Promise<void> {
  return inScratch('brought-back', async (scratch) => {
    const log = join(scratch, 'log');
    const wal = await Wal.open(log, compacted ? SMALL : {});
    for (let n = 1; n <= (compacted ? 60 : 20); n++) {
      await wal.append(entry(n));
      if (compacted && (n === 15 || n === 50)) await wal.compact({ fold: lastData, retain: 2 });
    }
    await wal.close();
    await body(log);
  });
}

async function recordsOf(log: string): Promise<LogRecord[]> {
  const wal = await Wal.open(log, { readOnly: true });
  const records: LogRecord[] = [];
  for await (const record of wal.read({ from: await wal.oldest() })) records.push(record);
  await wal.close();
  return records.filter(({ op }) => !op.startsWith('wal.'));
}

const numbers = (records: readonly LogRecord[]) => records.map(({ data }) => (data as { n: number }).n);

async function verify(log: string) {
  const wal = await Wal.open(log, { readOnly: true });
  const report = await wal.verify();
  await wal.close();
  return report;
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'latin1')), 'latin1');
}

/** Segments that a newer snapshot stands for, oldest first, and the number after that snapshot. */
function kept(log: string) {
  const snapshot = Math.max(...files(log, /^snapshot-/).map((name) => snapshotSeq(name) as number));
  const names = files(log, SEGMENT).filter((name) => (segmentSeq(name) as number) <= snapshot);
  assert.ok(names.length > 2, 'too few segments');
  return { names, next: snapshot + 1 };
}

test('a newline between lines that became another byte, or is gone: both entries come back', async () => {
  for (const byte of ['\x0e', '', ' ', '\0\0'])
    await inLog(false, async (log) => {
      const path = join(log, files(log, SEGMENT)[0] as string);
      edit(path, (text) => text.replace(/("seq":10,.*)\n/, `$1${byte}`));
      assert.equal((await verify(log)).ok, false);
      const { lost, recovered } = await Wal.repair(log, { mode: 'salvage' });
      assert.deepEqual([lost, recovered], [[], 11]);
      assert.deepEqual(numbers(await recordsOf(log)), range(1, 20));
    });
});

test('all newlines taken away: verify says so, and every entry comes back', () =>
  inLog(false, async (log) => {
    edit(join(log, files(log, SEGMENT)[0] as string), (text) => text.replaceAll('\n', ''));
    assert.equal((await verify(log)).error?.cause, 'missing-newlines');
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
    const { lost, recovered } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual([lost, recovered], [[], 20]);
    assert.deepEqual(numbers(await recordsOf(log)), range(1, 20));
  }));

test('a last line that follows none that is here, with the next number: verify says so, and it comes back', () =>
  inLog(false, async (log) => {
    edit(join(log, files(log, SEGMENT)[0] as string), (text) => {
      const last = text.trimEnd().split('\n').at(-1) as string;
      const covered = last.slice(COVERED_OFFSET).replace(/"prev":"\w+"/, '"prev":"00000000"');
      return text.replace(last, `${LINE_START}${crcOf(Buffer.from(covered))}",${covered}`);
    });
    assert.equal((await verify(log)).error?.cause, 'passed-over');
    const { lost, recovered } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual([lost, recovered], [[], 1]);
    assert.deepEqual(numbers(await recordsOf(log)), range(1, 20));
  }));

for (const [what, spoil] of [
  ['is damaged', (text: string) => text.replace(/("entries":\[\],.*)"keys"/, '$1"kexs"')],
  ['was cut off', (text: string) => text.replace(/.*"entries":\[\],.*\n/, '')],
  ['is glued to the line before it', (text: string) => text.replace(/\n(.*"entries":\[\],)/, '$1')],
] as const)
  test(`compacted entries that are still there, whose last seal ${what}: verify says so, and a salvage keeps them`, () =>
    inLog(true, async (log) => {
      const before = numbers(await recordsOf(log));
      const { names } = kept(log);
      edit(join(log, names.at(-1) as string), spoil);
      assert.equal((await verify(log)).error?.cause, 'passed-over');
      await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
      const { lost } = await Wal.repair(log, { mode: 'salvage' });
      assert.deepEqual(lost, []);
      assert.deepEqual(numbers(await recordsOf(log)), before);
    }));

test('compacted entries of which a segment was deleted: they are gone, not lost, and what comes after is kept', () =>
  inLog(true, async (log) => {
    const { names, next } = kept(log);
    rmSync(join(log, names[1] as string));
    assert.equal((await verify(log)).ok, true);
    const before = await recordsOf(log);
    assert.ok(
      (before[0]?.seq as number) > (segmentSeq(names[1] as string) as number) &&
        (before[0]?.seq as number) < next,
    );
    rmSync(join(log, 'wal.json'));
    const { lost } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual(lost, []);
    assert.deepEqual(await recordsOf(log), before);
  }));

test('a last line without its newline, and wal.json gone: the salvage takes it in', () =>
  inLog(false, async (log) => {
    edit(join(log, files(log, SEGMENT)[0] as string), (text) => text.slice(0, -1));
    assert.deepEqual([(await verify(log)).ok, (await verify(log)).pending], [true, 20]);
    rmSync(join(log, 'wal.json'));
    assert.deepEqual((await Wal.repair(log, { mode: 'salvage' })).lost, []);
    assert.deepEqual(numbers(await recordsOf(log)), range(1, 20));
  }));

test('a line that ~ ends was given up: a salvage does not bring it back', () =>
  inLog(false, async (log) => {
    const path = join(log, files(log, SEGMENT)[0] as string);
    const last = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) as string;
    edit(path, (text) => text.replace(`${last}\n`, ''));
    appendFileSync(path, `${last}~\n`);
    rmSync(join(log, 'wal.json'));
    await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual(numbers(await recordsOf(log)), range(1, 19));
  }));

test('a line that was overtaken and written again, once what overtook it is damaged: numbers stay, and the loss is told', () =>
  inLog(false, async (log) => {
    edit(join(log, files(log, SEGMENT)[0] as string), (text) => {
      const lines = text.trimEnd().split('\n');
      const [before, over, again] = lines.slice(8, 11) as [string, string, string];
      const place = `"prev":"${before.slice(8, 16)}","seq":10,"synced":9,`;
      const covered = again.slice(COVERED_OFFSET).replace(/"prev":.*"synced":\d+,/, place);
      const overtaken = `${LINE_START}${crcOf(Buffer.from(covered))}",${covered}`;
      return text.replace(over, `${over.replace('"op":"add"', '"op":"bad"')}\n${overtaken}`);
    });
    assert.equal((await verify(log)).ok, false);
    const { lost } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual(
      lost.map(({ from, to }) => [from, to]),
      [[10, 10]],
    );
    const records = await recordsOf(log);
    assert.deepEqual(
      records.map(({ seq }) => seq),
      [...range(1, 9), ...range(11, 20)],
    );
    assert.deepEqual(numbers(records), [...range(1, 9), ...range(11, 20)]);
  }));
