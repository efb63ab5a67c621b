import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LogRecord, type RepairReport, Wal } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

const SEGMENT = '00000000000000000001.jsonl';

/** Gives `body` a log of four entries, each of a Wal of its own, or of as many batches of two, edited by `edit`. */
function edited(
  edit: (lines: string[]) => string[],
  body: (log: string, before: readonly LogRecord[]) => Promise<void>,
  batches = false,
): Promise<void> {
  return inScratch('edited', async (scratch) => {
    const log = join(scratch, '.beads');
    for (let n = 1; n <= 4; n++) {
      const wal = await Wal.open(log);
      const entry = (id: string) => ({
        op: 'add',
        id,
        data: { title: `Teh issue ${n}`, n },
        key: batches ? undefined : `k${n}`,
      });
      await (batches
        ? wal.appendBatch([entry(`bd-${n}`), entry(`bd-${n}-more`)])
        : wal.append(entry(`bd-${n}`)));
      await wal.close();
    }
    const before = await recordsIn(log);
    const path = join(log, SEGMENT);
    writeFileSync(path, `${edit(readFileSync(path, 'utf8').trimEnd().split('\n')).join('\n')}\n`);
    await body(log, before);
  });
}

async function recordsIn(log: string): Promise<LogRecord[]> {
  const wal = await Wal.open(log, { readOnly: true });
  try {
    assert.equal((await wal.verify()).error?.message, undefined);
    const records: LogRecord[] = [];
    for await (const record of wal.read()) records.push(record);
    return records;
  } finally {
    await wal.close();
  }
}

const onLine = (number: number, change: (line: string) => string) => (lines: string[]) =>
  lines.map((line, i) => (i === number - 1 ? change(line) : line));
const fixTypo = (line: string) => line.replaceAll('Teh', 'The');
const titles = (records: readonly LogRecord[]) =>
  records.map(({ op, data }) => (op === 'add' ? (data as { title: string }).title : op));
const salvage = (log: string, acceptEdits: boolean): Promise<RepairReport> =>
  Wal.repair(log, { mode: 'salvage', acceptEdits });

test('a line that was edited stops appends, with an error that names it and what is whole after it', () =>
  edited(onLine(2, fixTypo), async (log) => {
    const error = await Wal.open(log).catch((failure) => failure);
    assert.equal(error.code, 'ERR_WAL_CORRUPT');
    assert.match(
      error.message,
      /^Entry 2 is damaged .*\(line 2\).*an edit by hand.*Entries 3 to 4 come after it, are whole/,
    );
    assert.deepEqual([error.damage.from, error.damage.to], [2, 2]);
  }));

test('a line that was edited: salvage leaves it out and shows it; asked to accept it, keeps it, and records that in the log', () =>
  edited(onLine(2, fixTypo), async (log, before) => {
    const shown = await run(join(log, '..'), ['repair', '--mode', 'salvage', '--dry-run']);
    assert.match(
      shown.stdout,
      /^lost +entry 2 .*\n(.*\n)*edited +entry 2 .*left out \(--accept-edits .*The issue 2/m,
    );
    const doctor = await run(join(log, '..'), ['doctor']);
    assert.match(
      doctor.stdout,
      /line 2 was edited \(entry 2\)[\s\S]*repair --mode salvage --accept-edits -C/,
    );
    const left = await Wal.repair(log, { mode: 'salvage', dryRun: true });
    assert.deepEqual([left.entries, left.lost.map(({ from, to }) => [from, to])], [3, [[2, 2]]]);
    assert.deepEqual(
      left.edits.map(({ from, to, line }) => [from, to, line]),
      [[2, 2, 2]],
    );
    const report = await salvage(log, true);
    assert.deepEqual([report.entries, report.lost, report.edits.length], [4, [], 1]);
    const after = await recordsIn(log);
    assert.deepEqual(titles(after), [
      'Teh issue 1',
      'The issue 2',
      'Teh issue 3',
      'Teh issue 4',
      'wal.repair',
    ]);
    assert.deepEqual((after[4] as LogRecord<{ edited: object[] }>).data?.edited, [
      { from: 2, to: 2, segment: SEGMENT, offset: report.edits[0]?.offset },
    ]);
    const facts = ({ seq, id, key, ts, writer }: LogRecord) => ({ seq, id, key, ts, writer });
    assert.deepEqual(after.slice(0, 4).map(facts), before.map(facts));
    assert.deepEqual((await salvage(log, true)).reasons, []);
  }));

test('the last line, edited: a record at the end would bury it, and is refused; a salvage that accepts it keeps it', () =>
  edited(onLine(4, fixTypo), async (log) => {
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), {
      code: 'ERR_WAL_CORRUPT',
      message: /--accept-edits/,
    });
    await salvage(log, true);
    assert.equal(titles(await recordsIn(log))[3], 'The issue 4');
  }));

for (const [what, edit, batches] of [
  ['a batch', onLine(3, fixTypo), true],
  [
    'every line, written again with spaces and other words',
    (lines: string[]) =>
      lines.map((line) => `${JSON.stringify(JSON.parse(fixTypo(line)), null, 1).replaceAll('\n', ' ')}\r`),
    false,
  ],
] as const)
  test(`${what}: edited, and accepted, all entries are there under their numbers`, () =>
    edited(
      edit,
      async (log, before) => {
        const { lost } = await salvage(log, true);
        assert.deepEqual(lost, []);
        const after = (await recordsIn(log)).slice(0, -1);
        const facts = ({ seq, id, ts, writer }: LogRecord) => ({ seq, id, ts, writer });
        assert.deepEqual(after.map(facts), before.map(facts));
        const title = (n: number) => (!batches || n === 3 ? 'The' : 'Teh');
        assert.deepEqual(
          titles(after),
          before.map(({ data }) => `${title((data as { n: number }).n)} issue ${(data as { n: number }).n}`),
        );
      },
      batches,
    ));

for (const [what, change] of [
  ['its number', (line: string) => line.replace('"seq":2', '"seq":3')],
  [
    'the checksum of the line before, and its own',
    (line: string) => line.replace(/"prev":"./, '"prev":"x').replace(/"crc":"../, '"crc":"00'),
  ],
  ['an op of the log’s own', (line: string) => line.replace('"op":"add"', '"op":"wal.repair"')],
  ['another field', (line: string) => line.replace('"op":', '"more":1,"op":')],
  ['half of its end', (line: string) => line.slice(0, -20)],
] as const)
  test(`a line that was edited and has ${what} now is not taken for the one that was there`, () =>
    edited(onLine(2, change), async (log) => {
      const { edits, lost } = await salvage(log, true);
      assert.deepEqual([edits, lost.map(({ from, to }) => [from, to])], [[], [[2, 2]]]);
      assert.deepEqual(titles(await recordsIn(log)), [
        'Teh issue 1',
        'wal.repair',
        'Teh issue 3',
        'Teh issue 4',
      ]);
    }));
