import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { examine } from '../../src/cli/commands/doctor.ts';
import { segmentName, segmentSeq, snapshotName, snapshotSeq } from '../../src/format/names.ts';
import { decodeHeader, encodeHeader, type SnapshotHeader } from '../../src/format/snapshot.ts';
import { lastData, type RepairReport, Wal, WalError } from '../../src/index.ts';
import { runHere as run } from '../../src/lab/command-line.ts';
import { inScratch } from '../support/scratch.ts';

/*
 * Every way in which the snapshots and segments of a log can be damaged or missing, and what each use of the log makes of
 * it. An error is written as its kind, and the number in the name of the file that it must name:
 *
 * gap 15         ERR_WAL_DIVERGED: segment 15 does not follow from what lies before it
 * snapshot 6     ERR_WAL_CORRUPT: snapshot 6 is damaged, and nothing replaces it
 * compacted 7    ERR_WAL_COMPACTED: entry 7 is the first that can be read
 */

const OPTIONS = { segmentBytes: 4096, autoCompact: false, durability: 'os' } as const;

const MOST_MS = 20_000;

async function fill(wal: Wal, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await wal.append({ op: 'set', id: `bd-${n % 3}`, data: 'x'.repeat(900) });
}

/** What the cases are made of. A segment takes four entries, but for the first of `small`. */
const LOGS = {
  /** Segments 1, 5, 9, 13, 17 with entries 1 to 18. */
  plain: (wal: Wal) => fill(wal, 18),
  /** Segment 1 with entries 1 to 3. */
  small: (wal: Wal) => fill(wal, 3),
  /** Snapshot 6, and segments 7, 11, 15, 19, 23 with entries 7 to 24. */
  compacted: async (wal: Wal) => {
    await fill(wal, 6);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 18);
  },
  /** Snapshots 6 and 16, and segments 7, 11, 15, 17, 21, 25 with entries 7 to 26. */
  twice: async (wal: Wal) => {
    await fill(wal, 6);
    await wal.compact({ fold: lastData, retain: 1 });
    await fill(wal, 10);
    await wal.compact({ fold: lastData, retain: 2 });
    await fill(wal, 10);
  },
} as const;

/** Ways to damage a snapshot, which need not have been there. */
const SPOILS: Readonly<Record<string, (path: string) => void>> = {
  empty: (path) => writeFileSync(path, ''),
  garbage: (path) => writeFileSync(path, 'no snapshot\n'.repeat(40)),
  'of another log': (path) => {
    const bytes = readFileSync(path);
    const end = bytes.indexOf('\n');
    const header = decodeHeader(bytes.subarray(0, end), path) as SnapshotHeader;
    const first = Buffer.from(encodeHeader({ ...header, log: '0123456789abcdef' }));
    writeFileSync(path, Buffer.concat([first, bytes.subarray(end + 1)]));
  },
  'damaged after its first line': (path) => {
    const bytes = readFileSync(path);
    const at = bytes.indexOf('xxxx');
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes);
  },
};

/*
 * log: one of LOGS. snapshot: the one that is damaged, and how. without: the segments that are removed. oldest: what `oldest`
 * answers. read: the entries that reading from there delivers, and what it ends in. head: its number. state, verify: ok,
 * or what they end in. append: the number it gets. lost: what a salvage says is lost. next: the number of an append after it.
 */
const TABLE = `
log       | snapshot  | without    | oldest | read         | head        | state       | verify      | append      | lost       | next
plain     |           |            | 1      | 1-18         | 18          | ok          | ok          | 19          |            | 19
plain     |           | 1          | 1      | gap 5        | gap 5       | gap 5       | gap 5       | gap 5       | 1-4        | 19
plain     |           | 1 5 9 13   | 1      | gap 17       | gap 17      | gap 17      | gap 17      | gap 17      | 1-16       | 19
plain     |           | 5          | 1      | 1-4 gap 9    | 18          | gap 9       | gap 9       | 19          | 5-8        | 19
plain     |           | 13         | 1      | 1-12 gap 17  | gap 17      | gap 17      | gap 17      | gap 17      | 13-16      | 19
plain     |           | 17         | 1      | 1-16         | 16          | ok          | ok          | 17          |            | 17

compacted |           |            | 7      | 7-24         | 24          | ok          | ok          | 25          |            | 25
compacted |           | 7          | 7      | gap 11       | gap 11      | gap 11      | gap 11      | gap 11      | 7-10       | 25
compacted |           | 11         | 7      | 7-10 gap 15  | 24          | gap 15      | gap 15      | 25          | 11-14      | 25
compacted |           | 19         | 7      | 7-18 gap 23  | gap 23      | gap 23      | gap 23      | gap 23      | 19-22      | 25
compacted |           | 23         | 7      | 7-22         | 22          | ok          | ok          | 23          |            | 23
compacted |           | all        | 7      |              | 6           | ok          | ok          | 7           |            | 7

compacted | 6 empty   |            | 7      | 7-24         | 24          | snapshot 6  | snapshot 6  | 25          | 1-6        | 25
compacted | 6 empty   | 7          | 7      | gap 11       | snapshot 6  | snapshot 6  | snapshot 6  | snapshot 6  | 1-6 7-10   | 25
compacted | 6 empty   | 11         | 7      | 7-10 gap 15  | 24          | snapshot 6  | snapshot 6  | 25          | 1-6 11-14  | 25
compacted | 6 empty   | 19         | 7      | 7-18 gap 23  | gap 23      | gap 23      | snapshot 6  | gap 23      | 1-6 19-22  | 25
compacted | 6 empty   | 23         | 7      | 7-22         | 22          | snapshot 6  | snapshot 6  | 23          | 1-6        | 23
compacted | 6 empty   | 11 15 19 23 | 7     | 7-10         | 10          | snapshot 6  | snapshot 6  | snapshot 6  | 1-6        | 11
compacted | 6 empty   | all        | 7      | snapshot 6   | snapshot 6  | snapshot 6  | snapshot 6  | snapshot 6  | 1-6        | 7

compacted | 6 garbage |            | 7      | 7-24         | 24          | snapshot 6  | snapshot 6  | 25          | 1-6        | 25
compacted | 6 garbage | all        | 7      | snapshot 6   | snapshot 6  | snapshot 6  | snapshot 6  | snapshot 6  | 1-6        | 7
compacted | 6 of another log |     | 7      | 7-24         | 24          | snapshot 6  | snapshot 6  | 25          | 1-6        | 25
compacted | 6 of another log | all | 7      | snapshot 6   | snapshot 6  | snapshot 6  | snapshot 6  | snapshot 6  | 1-6        | 7
compacted | 6 damaged after its first line |     | 7 | 7-24        | 24     | snapshot 6 | snapshot 6 | 25     | 3 ids       | 25
compacted | 6 damaged after its first line | 7   | 7 | gap 11      | gap 11 | gap 11     | snapshot 6 | gap 11 | 7-10 3 ids  | 25
compacted | 6 damaged after its first line | 11  | 7 | 7-10 gap 15 | 24     | snapshot 6 | snapshot 6 | 25     | 11-14 3 ids | 25
compacted | 6 damaged after its first line | all | 7 |             | 6      | snapshot 6 | snapshot 6 | 7      | 3 ids       | 7

twice     | 16 empty  |            | 7      | 7-26         | 26          | ok          | ok          | 27          |            | 27
twice     | 16 empty  | 7          | 11     | 11-26        | 26          | snapshot 16 | snapshot 16 | 27          | 7-10       | 27
twice     | 16 empty  | 11         | 15     | 15-26        | 26          | snapshot 16 | snapshot 16 | 27          | 11-14      | 27
twice     | 16 empty  | 15         | 17     | 17-26        | 26          | snapshot 16 | snapshot 16 | 27          | 15-16      | 27
twice     | 16 empty  | 7 11 15    | 17     | 17-26        | 26          | snapshot 16 | snapshot 16 | 27          | 7-16       | 27
twice     | 16 empty  | 21         | 7      | 7-20 gap 25  | gap 25      | gap 25      | gap 25      | gap 25      | 21-24      | 27
twice     | 16 empty  | 25         | 7      | 7-24         | 24          | ok          | ok          | 25          |            | 25
twice     | 16 empty  | 17 21 25   | 7      | 7-16         | 16          | ok          | ok          | 17          |            | 17
twice     | 16 empty  | all        | 17     | snapshot 16  | snapshot 16 | snapshot 16 | snapshot 16 | snapshot 16 | 7-16       | 17

small     | 40 empty  |            | 1      | 1-3          | 3           | ok          | snapshot 40 | snapshot 40 | 4-40       | 41
plain     | 40 garbage |           | 1      | 1-18         | 18          | ok          | snapshot 40 | snapshot 40 | 19-40      | 41
plain     | 40 empty  | 17         | 1      | 1-16         | 16          | ok          | snapshot 40 | snapshot 40 | 17-40      | 41
plain     | 17 garbage |           | 1      | 1-18         | 18          | ok          | snapshot 17 | snapshot 17 |            | 19
plain     | 7 garbage |            | 1      | 1-18         | 18          | ok          | ok          | 19          |            | 19
twice     | 40 empty  |            | 7      | 7-26         | 26          | ok          | snapshot 40 | snapshot 40 | 27-40      | 41
`;

type Case = Record<(typeof COLUMNS)[number], string>;
const COLUMNS = [
  ...(['log', 'snapshot', 'without', 'oldest', 'read', 'head'] as const),
  ...(['state', 'verify', 'append', 'lost', 'next'] as const),
] as const;

/** The rows of a part of the table. */
function casesIn(part: string): Case[] {
  const rows = part.split('\n').map((row) => row.split('|').map((cell) => cell.trim()));
  return rows
    .filter(([log]) => log !== '' && log !== 'log')
    .map((cells) => Object.fromEntries(COLUMNS.map((name, i) => [name, cells[i]])) as Case);
}

/** An error as the table writes it. */
function errorText(error: unknown): string {
  assert.ok(error instanceof WalError, String(error));
  const { code, segment = '', seq = 0, message } = error;
  if (code === 'ERR_WAL_COMPACTED') {
    assert.match(message, new RegExp(`Read from ${seq + 1}[ ,]`));
    return `compacted ${seq + 1}`;
  }
  assert.ok(message.includes(segment), message);
  if (code === 'ERR_WAL_DIVERGED') return `gap ${segmentSeq(segment)}`;
  assert.equal(code, 'ERR_WAL_CORRUPT', message);
  return `snapshot ${snapshotSeq(segment)}`;
}

function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  return work().then((value) => (value === undefined ? 'ok' : String(value)), errorText);
}

/** The entries that are delivered, and the error that ends them. */
async function delivered(records: AsyncIterable<{ readonly seq: number }>, last = Infinity): Promise<string> {
  const seqs: number[] = [];
  const end = await outcomeOf(async () => {
    for await (const { seq } of records) if (seqs.push(seq) && seq === last) break;
  });
  const [first] = seqs;
  if (first !== undefined)
    assert.deepEqual(
      seqs,
      Array.from(seqs, (_, i) => first + i),
    );
  const range = first === undefined ? [] : [`${first}-${seqs.at(-1)}`];
  return [...range, ...(end === 'ok' ? [] : [end])].join(' ');
}

async function withWal<T>(directory: string, readOnly: boolean, use: (wal: Wal) => Promise<T>): Promise<T> {
  const wal = await Wal.open(directory, { ...OPTIONS, readOnly });
  return use(wal).finally(() => wal.close());
}

const appendTo = (directory: string) =>
  withWal(directory, false, async (wal) => (await wal.append({ op: 'set', id: 'new', data: 1 })).seq);

async function stateOf(wal: Wal): Promise<void> {
  const table = await wal.table();
  table.list();
}

function lostText({ lost, lostIds }: RepairReport): string {
  const ranges = lost.map(({ from, to }) => `${from}-${to}`);
  return [...ranges, ...(lostIds === 0 ? [] : [`${lostIds} ids`])].join(' ');
}

/** What all uses make of the log in `directory`, in the words of the table. */
async function usesOf(
  directory: string,
  expected: Case,
): Promise<Omit<Case, 'log' | 'snapshot' | 'without'>> {
  const { oldest, read, head, append, state, verify } = expected;
  let copies = 0;
  const copied = async <T>(use: (copy: string) => Promise<T>): Promise<T> => {
    const copy = `${directory}-${++copies}`;
    cpSync(directory, copy, { recursive: true });
    return use(copy);
  };
  const found = await withWal(directory, true, async (wal) => {
    const found = {
      oldest: String(await wal.oldest()),
      read: await delivered(wal.read({ from: await wal.oldest() })),
      head: await outcomeOf(async () => (await wal.head()).seq),
      state: await outcomeOf(() => stateOf(wal)),
      verify: await outcomeOf(async () => {
        const report = await wal.verify();
        if (report.error !== undefined) throw report.error;
        assert.deepEqual([report.ok, report.head], [true, await wal.head()]);
      }),
    };
    const fromOne = oldest === '1' ? read : `compacted ${oldest}`;
    assert.equal(await delivered(wal.read()), fromOne, 'read from 1');
    const last = Number(/-(\d+)$/.exec(read)?.[1] ?? Infinity);
    if (read !== '')
      // Should it find nothing wrong where something is, it would wait for more.
      assert.equal(
        await delivered(wal.follow({ from: Number(oldest), signal: AbortSignal.timeout(MOST_MS) }), last),
        read,
        'follow',
      );
    const past = async () => void (await wal.stateAt(Number(head)));
    if (/^\d+$/.test(head)) assert.equal(await outcomeOf(past), state, 'stateAt');
    return found;
  });
  const failing: string[] = [];
  for await (const { state: said, name, fix } of examine(directory)) {
    if (said !== 'fail') continue;
    failing.push(name);
    assert.match(fix ?? '', /repair --mode salvage/, name);
  }
  assert.equal(failing.length > 0, verify !== 'ok', `the doctor fails: ${failing}`);
  const restored = await outcomeOf(async () => void (await Wal.restore(directory, `${directory}-restored`)));
  assert.equal(restored, verify, 'restore');
  const backup = `${directory}-backup`;
  const backedUp = await outcomeOf(() =>
    withWal(directory, true, async (wal) => void (await wal.backup(backup))),
  );
  assert.equal(backedUp, verify, 'backup');
  if (verify === 'ok')
    assert.equal(await withWal(backup, true, async (wal) => (await wal.verify()).head.seq), Number(head));
  const compacted = await copied((copy) =>
    outcomeOf(() => withWal(copy, false, async (wal) => void (await wal.compact({ fold: lastData })))),
  );
  assert.equal(compacted, /^\d+$/.test(append) ? state : append, 'compact');
  const tail = (copy: string, dryRun: boolean) =>
    outcomeOf(async () => void (await Wal.repair(copy, { mode: 'tail', dryRun })));
  // What refuses to be opened for writing is refused as that; else as damage that no record at the end mends.
  const refused = /^\d+$/.test(append) ? verify : append;
  assert.equal(await copied((copy) => tail(copy, false)), refused, 'repair --mode tail');
  assert.equal(await tail(directory, true), refused, 'repair --mode tail --dry-run');
  const plan = await Wal.repair(directory, { mode: 'salvage', dryRun: true });
  const salvaged = await copied(async (copy) => {
    const report = await Wal.repair(copy, { mode: 'salvage' });
    assert.deepEqual(
      [report.head.seq, report.entries, lostText(report), report.reasons],
      [
        plan.head.seq,
        plan.entries,
        lostText(plan),
        plan.reasons.map((reason) => reason.replaceAll(directory, copy)),
      ],
    );
    assert.equal(report.reasons.length > 0, verify !== 'ok');
    await withWal(copy, true, async (wal) => {
      assert.equal((await wal.verify()).ok, true);
      await stateOf(wal);
    });
    return { lost: lostText(report), next: await outcomeOf(() => appendTo(copy)) };
  });
  const appended = await copied((copy) => outcomeOf(() => appendTo(copy)));
  return { ...found, append: appended, ...salvaged };
}

/** Makes the log of a case in a directory. */
function make(scratch: string, name: string, { log, snapshot, without }: Case): string {
  const directory = join(scratch, name);
  cpSync(join(scratch, log), directory, { recursive: true });
  const segments = readdirSync(directory).filter((file) => segmentSeq(file) !== undefined);
  const removed = without
    .split(' ')
    .filter(Boolean)
    .map((seq) => segmentName(Number(seq)));
  for (const file of without === 'all' ? segments : removed) rmSync(join(directory, file));
  const [, seq, spoil = ''] = /^(\d+) (.*)$/.exec(snapshot) ?? [];
  if (seq !== undefined) SPOILS[spoil]?.(join(directory, snapshotName(Number(seq))));
  return directory;
}

async function makeLogs(scratch: string): Promise<void> {
  for (const [name, fillIt] of Object.entries(LOGS)) await withWal(join(scratch, name), false, fillIt);
}

const PARTS = TABLE.split('\n\n').map(casesIn);
const NAMES = [
  'no snapshot',
  'a good snapshot',
  'an empty snapshot',
  'the only snapshot damaged in another way',
  'two snapshots, the newest damaged',
  'a damaged snapshot past the segments',
];

for (const [i, cases] of PARTS.entries()) {
  test(`${NAMES[i]}: what each use of the log makes of its segments`, () =>
    inScratch('missing-files', async (scratch) => {
      await makeLogs(scratch);
      for (const [n, each] of cases.entries()) {
        const directory = make(scratch, `case-${n}`, each);
        const { log, snapshot, without, ...expected } = each;
        assert.deepEqual(await usesOf(directory, each), expected, `${log} | ${snapshot} | ${without}`);
      }
    }));
}

test('exit code 4 where the first segment is missing, or the only snapshot is damaged', () =>
  inScratch('missing-files', async (scratch) => {
    await makeLogs(scratch);
    const caseOf = (log: string, snapshot: string, without: string) =>
      PARTS.flat().find((each) => each.log === log && each.snapshot === snapshot && each.without === without);
    const first = make(scratch, 'first', caseOf('plain', '', '1') as Case);
    const none = make(scratch, 'none', caseOf('compacted', '6 empty', 'all') as Case);
    const check = async (log: string, file: string, command: string) => {
      const { code, stdout, stderr } = await run(log, [...command.split(' '), '-C', '.']);
      assert.equal(code, 4, `${command}: ${stderr}`);
      assert.ok(`${stdout}${stderr}`.includes(file), `${command}: ${stdout}${stderr}`);
      if (log === first) assert.doesNotMatch(stderr, /compacted/, command);
    };
    for (const command of ['read', 'tail', 'state', 'info', 'doctor', 'append --op set --id a', 'backup'])
      await check(first, segmentName(5), command);
    for (const command of [
      'read',
      'verify',
      'compact --fold last-data',
      'repair --mode tail',
      'restore . ../to',
    ])
      await check(none, snapshotName(6), command);
  }));
