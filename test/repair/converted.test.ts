import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { examine } from '../../src/cli/commands/doctor.ts';
import type { Check } from '../../src/cli/doctor/check.ts';
import { type Item, type LogRecord, lastData, type RepairReport, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';
import { files } from '../support/small-log.ts';

const COUNT = 240;
/** The code units of some of these hold a byte that is a newline in UTF-8. */
const TEXT = 'a\u010a\u0a05\u{1f60a}\u{1f40a} "\\ \r\n\t';

type Files = ReadonlyMap<string, Buffer>;

/** A log of 240 entries in several segments; where `compacted`, a snapshot holds the first 120. */
async function makeLog(directory: string, compacted: boolean): Promise<Files> {
  const wal = await Wal.open(directory, { durability: 'os', segmentBytes: 8 * 1024 });
  for (let n = 1; n <= COUNT; n += 20) {
    const entries = Array.from({ length: 20 }, (_, i) => ({
      op: 'set',
      id: `bd-${(n + i) % 80}`,
      data: { n: n + i, TEXT },
    }));
    await Promise.all(entries.map((entry) => wal.append(entry)));
    if (compacted && n + 19 === COUNT / 2) await wal.compact({ fold: lastData, retain: 1 });
  }
  await wal.close();
  return new Map(files(directory, /json/).map((name) => [name, readFileSync(join(directory, name))]));
}

async function contentOf(directory: string): Promise<{ records: LogRecord[]; items: Item[] }> {
  const wal = await Wal.open(directory, { readOnly: true });
  try {
    assert.equal((await wal.verify()).error?.message, undefined);
    const records: LogRecord[] = [];
    for await (const record of wal.read({ from: await wal.oldest() })) records.push(record);
    return { records, items: (await wal.table()).list() };
  } finally {
    await wal.close();
  }
}

const text = (change: (text: string) => string) => (bytes: Buffer) => Buffer.from(change(bytes.toString()));
const utf16 =
  (change: (text: string) => string, bigEnd = false) =>
  (bytes: Buffer) => {
    const units = Buffer.from(change(bytes.toString()), 'utf16le');
    return bigEnd ? units.swap16() : units;
  };
const asItIs = (text: string) => text;
const carriageReturns = (text: string) => text.replaceAll('\n', '\r\n');

const marked = (text: string) => `\ufeff${text}`;
const spacedOut = (text: string) => text.replaceAll(/^.+$/gm, spaced);

/** As Python's json.dumps writes it. */
const spaced = (line: string) =>
  JSON.stringify(JSON.parse(line), null, 1)
    .replaceAll(/\n */g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const CONVERSIONS: Readonly<Record<string, (bytes: Buffer, name: string) => Buffer>> = {
  'carriage returns': text(carriageReturns),
  'a byte-order mark': text(marked),
  'spaces at the end of each line': text((text) => text.replaceAll('\n', '  \n')),
  'all of these at once': text(
    (text) => `\ufeff${text.replaceAll(/^(?=.)/gm, ' \t').replaceAll('\n', ' \r\t\r\n')}`,
  ),
  'carriage returns alone': text((text) => text.replaceAll('\n', '\r')),
  'carriage returns, the last newline cut off': text((text) => carriageReturns(text).slice(0, -1)),
  'an empty line before the first, and behind each': text((text) => `\r\n${text.replaceAll('\n', '\r\n\n')}`),
  'JSON with spaces, and all but ASCII escaped': text(spacedOut),
  'JSON over several lines': text((text) =>
    text.replaceAll(/^.+$/gm, (line) => JSON.stringify(JSON.parse(line), null, 2)),
  ),
  'UTF-16 with the last newline cut off': utf16((text) => `\ufeff${text.slice(0, -1)}`),
  'UTF-16 with a byte-order mark': utf16(marked),
  'UTF-16 without one': utf16(asItIs),
  'UTF-16, the big end first': utf16(marked, true),
  'UTF-16, the big end first, without a byte-order mark': utf16(asItIs, true),
  'each file in another way, with a mark or without': (bytes, name) => {
    const ways = [carriageReturns, marked, spacedOut].map(text);
    const others = [utf16(asItIs), utf16(carriageReturns, true)];
    const all = [...ways, ...others];
    return (all[Number(name.match(/[1-9]\d*/)?.[0] ?? 0) % all.length] as (bytes: Buffer) => Buffer)(bytes);
  },
};

/** The first repair that doctor advises, run as it says. */
async function doAsDoctorSays(directory: string): Promise<RepairReport> {
  const checks: Check[] = [];
  for await (const check of examine(directory)) checks.push(check);
  const mends = checks.flatMap(({ state, fix = '' }) => (state === 'fail' ? [fix] : []));
  const mode = /repair --mode (tail|salvage)(?! --dry-run)/.exec(mends.join('\n'))?.[1];
  assert.ok(mode, `no repair is advised: ${JSON.stringify(checks, null, 1)}`);
  return Wal.repair(directory, { mode: mode as RepairReport['mode'] });
}

for (const compacted of [false, true]) {
  test(`${compacted ? 'a compacted log' : 'a log'} that something converted as a whole: what doctor prints brings all entries back`, () =>
    inScratch('converted', async (scratch) => {
      const original = await makeLog(join(scratch, 'original'), compacted);
      const before = await contentOf(join(scratch, 'original'));
      for (const [what, convert] of Object.entries(CONVERSIONS)) {
        const log = join(scratch, what);
        mkdirSync(log);
        for (const [name, bytes] of original) writeFileSync(join(log, name), convert(bytes, name));
        const report = await doAsDoctorSays(log);
        assert.deepEqual([report.entries, report.lost, report.lostIds], [before.records.length, [], 0], what);
        assert.deepEqual(await contentOf(log), before, what);
        assert.ok(
          report.converted.reduce((sum, { lines }) => sum + lines, 0) >=
            (what.includes('alone') ? 0 : what.includes('mark') ? 1 : before.records.length),
          what,
        );
        await assert.doesNotReject(async () => {
          const wal = await Wal.open(log);
          assert.equal((await wal.append({ op: 'set', id: 'next' })).seq, COUNT + 1, what);
          await wal.close();
        });
      }
    }));
}

/** Gives `body` a log of three entries, with something after the newline of the last. */
function endingIn(end: (line: string) => string, body: (log: string) => Promise<void>): Promise<void> {
  return inScratch('converted-end', async (scratch) => {
    const wal = await Wal.open(scratch);
    for (let n = 1; n <= 3; n++) await wal.append({ op: 'add', id: `bd-${n}` });
    await wal.close();
    const path = join(scratch, files(scratch, /^0/)[0] as string);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${lines.slice(0, -1).join('\n')}\n${end(lines.at(-1) as string)}`);
    await body(scratch);
  });
}

test('a last line that is whole but for a carriage return: a record at the end would bury it, and is refused; salvage keeps it', () =>
  endingIn(
    (line) => `${line}\r\n`,
    async (log) => {
      await assert.rejects(Wal.repair(log, { mode: 'tail' }), {
        code: 'ERR_WAL_CORRUPT',
        message: /an entry beyond the damage can still be read/,
      });
      const { entries, lost } = await Wal.repair(log, { mode: 'salvage' });
      assert.deepEqual([entries, lost], [3, []]);
      assert.deepEqual(
        (await contentOf(log)).records.map(({ id }) => id),
        ['bd-1', 'bd-2', 'bd-3'],
      );
    },
  ));

test('no append buries a last line that is whole but for what lies around it', async () => {
  for (const [end, cause] of [
    [(line: string) => `${line}\r`, 'carriage-return'],
    [(line: string) => `\ufeff${line}`, 'byte-order-mark'],
    [(line: string) => `${line} `, 'white-space'],
  ] as const)
    await endingIn(end, async (log) => {
      const reader = await Wal.open(log, { readOnly: true });
      assert.equal((await reader.verify()).error?.cause, cause);
      await reader.close();
      await assert.rejects(
        Wal.open(log).then((wal) => wal.append({ op: 'add', id: 'next' }).finally(() => wal.close())),
        { code: 'ERR_WAL_CORRUPT', outcome: 'not-written' },
      );
      await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
      const { entries, lost } = await Wal.repair(log, { mode: 'salvage' });
      assert.deepEqual([entries, lost], [3, []]);
    });
});

test('line ends that are carriage returns alone: no append buries the lines, and a salvage keeps all', () =>
  endingIn(asItIs, async (log) => {
    const path = join(log, files(log, /^0/)[0] as string);
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n`.replaceAll('\n', '\r'));
    const reader = await Wal.open(log, { readOnly: true });
    assert.equal((await reader.verify()).error?.cause, 'carriage-return');
    await reader.close();
    await assert.rejects(
      Wal.open(log).then((wal) => wal.append({ op: 'add', id: 'next' }).finally(() => wal.close())),
      { code: 'ERR_WAL_CORRUPT', outcome: 'not-written' },
    );
    await assert.rejects(Wal.repair(log, { mode: 'tail' }), { code: 'ERR_WAL_CORRUPT' });
    const { entries, lost } = await Wal.repair(log, { mode: 'salvage' });
    assert.deepEqual([entries, lost], [3, []]);
  }));

for (const mode of ['tail', 'salvage'] as const)
  test(`a line of nothing but white space at the end: by ${mode} nothing is lost`, () =>
    endingIn(
      (line) => `${line}\n \t\r\n`,
      async (log) => {
        const { entries, lost } = await Wal.repair(log, { mode });
        assert.deepEqual([entries, lost], [3, []]);
        assert.deepEqual((await contentOf(log)).records.filter(({ op }) => op === 'add').length, 3);
      },
    ));
