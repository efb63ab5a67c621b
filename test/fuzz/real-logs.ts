import { join } from 'node:path';
import { systemClock } from '../../src/clock/clock.ts';
import { cutLines } from '../../src/format/cut-lines.ts';
import type { Envelope } from '../../src/format/line.ts';
import { segmentSeq } from '../../src/format/names.ts';
import { SegmentScan } from '../../src/format/scan.ts';
import { lastData, Wal, type WalOptions } from '../../src/index.ts';
import { hexDigits, seeded } from '../../src/lab/seeded.ts';
import { type Environment, realEnvironment } from '../../src/setup/environment.ts';
import { type Content, type Files, readFiles } from './files.ts';
import { envelopeOf, recordTexts, withRightCrc } from './lines.ts';

/** A log that real Wals wrote. */
export interface RealLog {
  readonly name: string;
  readonly files: Files;
  /** Every record that is in a line of it, as JSON: also those of lines that do not count. */
  readonly records: ReadonlySet<string>;
  /** Those of them that count. */
  readonly counted: ReadonlySet<string>;
}

/** The same for everybody: a seed is to make the same case everywhere. */
function madeUpSurroundings(): Environment {
  const dice = seeded(1);
  let now = 1_700_000_000_000;
  return {
    ...realEnvironment,
    clock: { ...systemClock, now: () => now++ },
    randomHex: hexDigits(dice),
    random: dice,
  };
}

const SMALL: WalOptions = { segmentBytes: 4096 };

const entry = (n: number, bytes = 20) => ({
  op: n % 7 === 0 ? 'delete' : 'set',
  id: `bd-${n % 12}`,
  data: { n, text: 'é\u2028"\\'.repeat(bytes / 4), nested: [{ a: null, b: [true, -1.5e300] }] },
});

/** Appends, batches, keys, a transaction, and lines of very unequal length. */
async function write(wal: Wal, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await wal.append(entry(n, n % 10 === 0 ? 2000 : 20), { key: `key ${n}` });
  await Promise.all([1, 2, 3].map((part) => wal.append({ op: 'note', id: `part-${part}` })));
  await wal.appendBatch([
    entry(to + 1),
    { op: 'set', id: '__proto__', data: { constructor: 1 } },
    entry(to + 2),
  ]);
  const table = await wal.table<unknown>();
  await table.transaction((tx) => tx.set('counter', { to }));
}

const MAKERS: readonly {
  readonly name: string;
  readonly options: WalOptions;
  readonly make: (wal: Wal) => Promise<void>;
  readonly change?: (files: Files) => void;
}[] = [
  { name: 'empty', options: {}, make: async () => {} },
  { name: 'one segment', options: {}, make: (wal) => write(wal, 1, 12) },
  { name: 'segments', options: SMALL, make: (wal) => write(wal, 1, 60) },
  {
    name: 'segments with lines that do not count',
    options: SMALL,
    make: (wal) => write(wal, 1, 40),
    change: addDebris,
  },
  { name: 'repaired', options: {}, make: (wal) => write(wal, 1, 8), change: addRepair },
  {
    name: 'compacted',
    options: { ...SMALL, keyWindow: 40 },
    make: async (wal) => {
      await write(wal, 1, 30);
      await wal.compact({ fold: lastData, retain: 2 });
      await wal.raiseKeyWindow(60);
      await write(wal, 31, 60);
      await wal.compact({ fold: lastData, retain: 2 });
      await write(wal, 61, 90);
    },
  },
  {
    name: 'compacted to nothing but a snapshot',
    options: SMALL,
    make: async (wal) => {
      await write(wal, 1, 30);
      await wal.compact({ fold: lastData, retain: 1 });
    },
  },
  { name: 'kept in git', options: { git: true }, make: (wal) => write(wal, 1, 10) },
];

/** Makes the logs in a directory, and reads them into memory. */
export async function makeRealLogs(directory: string): Promise<RealLog[]> {
  const environment = madeUpSurroundings();
  const logs: RealLog[] = [];
  for (const { name, options, make, change } of MAKERS) {
    const path = join(directory, name.replaceAll(' ', '-'));
    const wal = await Wal.openIn(environment, path, { ...options, autoCompact: false, lock: 'none' });
    await make(wal);
    await wal.close();
    const files = readFiles(path);
    change?.(files);
    logs.push({ name, files, records: recordsIn(files), counted: countedIn(files) });
  }
  return logs;
}

function recordsIn(files: Files): Set<string> {
  const records = new Set<string>();
  for (const content of files.values()) {
    if (content instanceof Buffer)
      for (const line of cutLines(content)) for (const text of recordTexts(line)) records.add(text);
  }
  return records;
}

/** Of lines that follow one another, as all but the debris do. */
function countedIn(files: Files): Set<string> {
  const counted = new Set<string>();
  for (const [name, content] of files) {
    const firstSeq = segmentSeq(name);
    if (firstSeq === undefined || !(content instanceof Buffer)) continue;
    const accepted = (_line: Envelope, bytes: Buffer, start: number, end: number) => {
      for (const text of recordTexts(Buffer.from(bytes.subarray(start, end + 1)))) counted.add(text);
    };
    new SegmentScan(firstSeq, { accepted }).push(content);
  }
  return counted;
}

const TORN = ['{"crc":"0badcafe","data":{"te~\n', `${'\0'.repeat(60)}\n`];

/** A superseded line, and torn ones, after each fourth line that counts. */
function addDebris(files: Files): void {
  change(files, (line, number) => {
    if (number % 4 !== 1 || envelopeOf(line)?.count !== 1) return [line];
    const late = withRightCrc(Buffer.from(line.toString().replace(/"writer":"\w+/, '"writer":"zzzzzzzz')));
    return [line, late, Buffer.from(TORN[number % 2] as string)];
  });
}

/** A damaged line, and the repair that settles it, before the last line. */
function addRepair(files: Files): void {
  for (const [name, content] of files) {
    if (name === 'wal.json') continue;
    const lines = cutLines(content as Buffer);
    const { seq, prev } = envelopeOf(lines.at(-1) as Buffer) as Envelope;
    const body = `"data":{"from":${seq}},"id":"wal","op":"wal.repair","prev":"${prev}","seq":${seq},"synced":0,"ts":1,"writer":"zzzzzzzz.9"}`;
    const damaged = Buffer.from('somebody typed this\n');
    const repair = withRightCrc(Buffer.from(`{"crc":"00000000",${body}\n`));
    files.set(name, Buffer.concat([...lines.slice(0, -1), damaged, repair]));
  }
}

function change(files: Files, lineOf: (line: Buffer, number: number) => Buffer[]): void {
  for (const [name, content] of [...files] as [string, Content][]) {
    if (/^\d/.test(name)) files.set(name, Buffer.concat(cutLines(content as Buffer).flatMap(lineOf)));
  }
}
