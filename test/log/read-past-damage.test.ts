import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LogRecord, type LostRange, type ReadOptions, Wal } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';
import { files, SEGMENT, SMALL } from '../support/small-log.ts';

const TEXT = 'x'.repeat(150);

/** Gives `body` a log of 60 entries in several segments, of Wals that append ten each. */
function inLog(body: (log: string, scratch: string) => Promise<void>): Promise<void> {
  return inScratch('past-damage', async (scratch) => {
    const log = join(scratch, '.beads');
    for (let round = 0; round < 6; round++) {
      const wal = await Wal.open(log, SMALL);
      for (let n = 1; n <= 10; n++) await wal.append({ op: 'add', id: `bd-${10 * round + n}`, data: TEXT });
      await wal.close();
    }
    await body(log, scratch);
  });
}

async function skipping(
  log: string,
  options: ReadOptions = {},
): Promise<{ records: LogRecord[]; skipped: LostRange[] }> {
  const wal = await Wal.open(log, { readOnly: true });
  try {
    const records: LogRecord[] = [];
    const skipped: LostRange[] = [];
    const onSkip = (range: LostRange) => skipped.push(range);
    for await (const record of wal.read({ ...options, onDamage: 'skip', onSkip })) records.push(record);
    return { records, skipped };
  } finally {
    await wal.close();
  }
}

const segments = (log: string) => files(log, SEGMENT);
const seqs = (records: readonly LogRecord[]) => records.map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function change(path: string, by: (text: string) => string): void {
  writeFileSync(path, by(readFileSync(path, 'latin1')), 'latin1');
}

const flip = (log: string, seq: number) => {
  const name = segments(log).findLast((each) => Number(each.slice(0, 20)) <= seq) as string;
  change(join(log, name), (text) => text.replace(new RegExp(`x(x","id":"bd-${seq}")`), 'y$1'));
};
const lines = (text: string) => text.split(/(?<=\n)/);

const HARMS: Readonly<Record<string, (log: string) => void>> = {
  'a changed byte in the middle': (log) => flip(log, 30),
  'a changed byte in the last line, and in the first': (log) => {
    flip(log, 60);
    flip(log, 1);
  },
  'a missing segment in the middle': (log) => rmSync(join(log, segments(log)[1] as string)),
  'a missing first segment': (log) => rmSync(join(log, segments(log)[0] as string)),
  'a damaged seal': (log) =>
    change(join(log, segments(log)[1] as string), (text) => text.replace('"entries":[]', '"entries":{}')),
  'names that were changed for each other': (log) => {
    const [, one, other] = segments(log) as [string, string, string];
    renameSync(join(log, one), join(log, 'x'));
    renameSync(join(log, other), join(log, one));
    renameSync(join(log, 'x'), join(log, other));
  },
  'lines that were taken out': (log) =>
    change(join(log, segments(log)[1] as string), (text) =>
      lines(text)
        .filter((_, i) => i !== 2 && i !== 5)
        .join(''),
    ),
  'carriage returns in one segment': (log) =>
    change(join(log, segments(log)[1] as string), (text) => text.replaceAll('\n', '\r\n')),
  'conflict markers': (log) =>
    change(
      join(log, segments(log).at(-1) as string),
      (text) => `${text}<<<<<<< HEAD\n=======\n>>>>>>> other\n`,
    ),
  'a line that is not JSON, under a right checksum': (log) =>
    change(join(log, segments(log).at(-1) as string), (text) => `${text}typed by somebody\n`),
};

for (const [what, harm] of Object.entries(HARMS)) {
  test(`${what}: what is read past it is what a salvage keeps, under the same numbers, and what it is told to skip is what that calls lost`, () =>
    inLog(async (log, scratch) => {
      harm(log);
      const { records, skipped } = await skipping(log);
      const copy = join(scratch, 'copy');
      cpSync(log, copy, { recursive: true });
      const { lost, entries } = await Wal.repair(copy, { mode: 'salvage' });
      const kept = (await skipping(copy)).records.filter(({ op }) => op === 'add');
      const facts = ({ seq, id, ts, writer, data }: LogRecord) => ({ seq, id, ts, writer, data });
      assert.deepEqual(records.map(facts), kept.map(facts));
      assert.deepEqual([skipped, records.length], [lost, entries]);
      assert.ok(records.length > 40);

      const read = await run(scratch, ['read', '--on-damage', 'skip', '--json']);
      assert.deepEqual(
        read.stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line).seq),
        seqs(records),
      );
      assert.equal(read.code, lost.length > 0 ? 4 : 0, read.stderr);
      assert.deepEqual(
        read.stderr
          .split('\n')
          .filter(Boolean)
          .flatMap((line) => JSON.parse(line).skipped ?? []),
        lost,
      );
    }));
}

test('past damage a range, and a cursor before or after it, give just what they name', () =>
  inLog(async (log) => {
    const before = (await skipping(log)).records;
    assert.deepEqual([seqs(before), (await skipping(log, { from: 58 })).skipped], [range(1, 60), []]);
    flip(log, 30);
    for (const [options, wanted, told] of [
      [{ from: 20, to: 35 }, [...range(20, 29), ...range(31, 35)], 1],
      [{ from: 31 }, range(31, 60), 0],
      [{ to: 29 }, range(1, 29), 0],
      [{ to: 30 }, range(1, 29), 1],
      [{ from: before[9] as LogRecord }, [...range(11, 29), ...range(31, 60)], 1],
      [{ from: before[29] as LogRecord }, range(31, 60), 0],
      [{ from: before[39] as LogRecord }, range(41, 60), 0],
    ] as const) {
      const { seq, crc } = (options as { from?: LogRecord }).from ?? {};
      const from = seq === undefined ? {} : { from: { seq, crc: crc as string } };
      const { records, skipped } = await skipping(log, { ...(options as ReadOptions), ...from });
      assert.deepEqual([seqs(records), skipped.length], [wanted, told], JSON.stringify(options));
    }
    await assert.rejects(skipping(log, { from: { seq: 40, crc: '0badcafe' } }), { code: 'ERR_WAL_DIVERGED' });
  }));

test('read past damage on the command line: what is skipped is told in words, and the exit code is that of damage', () =>
  inLog(async (log, scratch) => {
    flip(log, 30);
    const { code, stdout, stderr } = await run(scratch, ['read', '--on-damage', 'skip']);
    assert.deepEqual([code, stdout.trimEnd().split('\n').length], [4, 59]);
    assert.match(
      stderr,
      /^jsonl-wal: skipped entry 30: checksum-mismatch, 0+\d+\.jsonl byte \d+\njsonl-wal: An entry was skipped.*\[ERR_WAL_CORRUPT\]\n$/,
    );
    assert.equal(readdirSync(log).includes('backups'), false);
  }));

test('what the callback throws ends the reading past damage', () =>
  inLog(async (log) => {
    flip(log, 30);
    const wal = await Wal.open(log, { readOnly: true });
    const seen: number[] = [];
    const onSkip = () => {
      throw new RangeError('enough');
    };
    await assert.rejects(
      async () => {
        for await (const { seq } of wal.read({ onDamage: 'skip', onSkip })) seen.push(seq);
      },
      { name: 'RangeError' },
    );
    assert.deepEqual(seen, range(1, 29));
    await wal.close();
  }));
