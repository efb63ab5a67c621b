import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MARK_FILE, segmentName, segmentSeq } from '../../src/format/names.ts';
import { type Head, lastData, Wal } from '../../src/index.ts';
import { inScratch } from '../support/scratch.ts';

const OPTIONS = { segmentBytes: 4096, durability: 'os' } as const;
const entry = (id: string) => ({ op: 'add', id, data: 'x'.repeat(600) });

/** A log in use: the Wal may be closed and opened again while its files are changed. */
interface Log {
  readonly directory: string;
  wal: Wal;
}

const segmentsIn = (directory: string) =>
  readdirSync(directory)
    .filter((name) => segmentSeq(name) !== undefined)
    .sort()
    .map((name) => join(directory, name));
const lastIn = (directory: string) => segmentsIn(directory).at(-1) as string;

async function compactByAnother({ directory }: Log, retain: number): Promise<void> {
  const other = await Wal.open(directory, OPTIONS);
  await other.compact({ fold: lastData, retain });
  await other.close();
}

async function reopen(log: Log, change: (directory: string) => unknown = () => {}): Promise<void> {
  await log.wal.close();
  await change(log.directory);
  log.wal = await Wal.open(log.directory, OPTIONS);
}

/** Takes the empty segment away that a Wal made after a compaction. */
function removeEmpty(directory: string): void {
  for (const path of segmentsIn(directory)) if (readFileSync(path).length === 0) rmSync(path);
}

async function salvage(directory: string): Promise<void> {
  const { head } = await Wal.repair(directory, { mode: 'salvage' });
  const made = await Wal.open(directory, { readOnly: true });
  assert.deepEqual(head, await made.head());
  await made.close();
}

const firstLine = (directory: string) => readFileSync(lastIn(directory), 'utf8').split('\n')[0] as string;

/** What happens to a log though no entry comes. */
const EVENTS: Readonly<Record<string, (log: Log) => unknown>> = {
  'it is opened again': (log) => reopen(log),
  'it is compacted, and all segments stay': (log) => log.wal.compact({ fold: lastData, retain: Infinity }),
  'another Wal compacts it, and all segments stay': (log) => compactByAnother(log, Infinity),
  'it is compacted at its head, and no segment stays': (log) =>
    log.wal.compact({ fold: lastData, retain: 1 }),
  'another Wal compacts it at its head': (log) => compactByAnother(log, 1),
  'it is compacted twice': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    await log.wal.compact({ fold: lastData, retain: 1 });
  },
  'it is sealed, and opened again': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    await reopen(log);
  },
  'it is compacted, and opened again': async (log) => {
    await log.wal.compact({ fold: lastData, retain: 1 });
    await reopen(log);
  },
  'the next segment is made, empty': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    const { seq } = await log.wal.head();
    await reopen(log, (directory) => writeFileSync(join(directory, segmentName(seq + 1)), ''));
  },
  'the empty segment after a seal is taken away': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    await reopen(log);
    await reopen(log, removeEmpty);
  },
  'the seal loses its newline before an empty segment': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    const { seq } = await log.wal.head();
    await reopen(log, (directory) => {
      const sealed = segmentsIn(directory).findLast((path) => readFileSync(path).length > 0) as string;
      writeFileSync(sealed, readFileSync(sealed).subarray(0, -1));
      writeFileSync(join(directory, segmentName(seq + 1)), '');
    });
  },
  'a torn line comes': (log) => appendFileSync(lastIn(log.directory), '{"crc":"00000000","da'),
  'a torn line comes and is ended': (log) => appendFileSync(lastIn(log.directory), '{"crc":"0000~\n'),
  'empty lines come': (log) => appendFileSync(lastIn(log.directory), '\n\n'),
  'a superseded line comes': ({ directory }) =>
    appendFileSync(lastIn(directory), `${firstLine(directory)}\n`),
  'a superseded line comes after the seal': async (log) => {
    const late = firstLine(log.directory);
    const path = lastIn(log.directory);
    await log.wal.compact({ fold: lastData, retain: Infinity });
    appendFileSync(path, `${late}\n`);
  },
  'a backup takes its place': async (log) => {
    await log.wal.compact({ fold: lastData, retain: 1 });
    const copy = join(log.directory, '..', 'copy');
    await log.wal.backup(copy);
    await log.wal.close();
    Object.assign(log, { directory: copy, wal: await Wal.open(copy, OPTIONS) });
  },
  'it is restored elsewhere': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    const copy = join(log.directory, '..', 'restored');
    await Wal.restore(log.directory, copy);
    await log.wal.close();
    Object.assign(log, { directory: copy, wal: await Wal.open(copy, OPTIONS) });
  },
  'an editor makes all newlines CRLF, and a salvage makes the log anew': (log) =>
    reopen(log, async (directory) => {
      for (const path of segmentsIn(directory))
        writeFileSync(path, readFileSync(path, 'latin1').replaceAll('\n', '\r\n'), 'latin1');
      await salvage(directory);
    }),
  'it is sealed, then damaged before its head, then salvaged': async (log) => {
    await log.wal.compact({ fold: lastData, retain: Infinity });
    await reopen(log, async (directory) => {
      const [first] = segmentsIn(directory) as [string];
      writeFileSync(first, `garbage\n${readFileSync(first, 'latin1')}\r\n`, 'latin1');
      await salvage(directory);
    });
  },
};

async function after(wal: Wal, from: Head, onDamage: 'error' | 'skip' = 'error'): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of wal.read({ from, onDamage })) seqs.push(seq);
  return seqs;
}

/** The log that ends in its fourth entry. */
async function logOf(directory: string, last: 'a batch' | 'an entry that fills its segment'): Promise<Log> {
  const wal = await Wal.open(directory, OPTIONS);
  await wal.append(entry('a'));
  if (last === 'a batch') await wal.appendBatch([entry('b'), entry('c'), entry('d')]);
  else
    for (const id of ['b', 'c', 'd'])
      await wal.append({ ...entry(id), data: 'x'.repeat(id === 'd' ? 5000 : 9) });
  return { directory, wal };
}

/** Holds the log's head against what all say of it after an event, and appends where it was. */
async function holdsWhile(log: Log, happen: (log: Log) => unknown): Promise<void> {
  const used = log.wal;
  const head = await used.head();
  const follower = used.follow({ from: head });
  const followed = follower.next().catch(() => undefined);

  await happen(log);

  const { directory, wal } = log;
  const reader = await Wal.open(directory, { readOnly: true });
  const { ok, head: verified, rewound } = await reader.verify();
  assert.deepEqual(await Promise.all([wal.head(), reader.head()]), [head, head]);
  assert.deepEqual([ok, verified, rewound], [true, head, undefined]);
  assert.equal((await reader.stateAt(4)).items.length, 4);
  await reader.close();
  assert.deepEqual([await after(wal, head), await after(wal, head, 'skip')], [[], []]);
  const other = { seq: 4, crc: 'ffffffff' };
  await assert.rejects(after(wal, other));
  const conflict = wal.append(entry('no'), { expect: other });
  await assert.rejects(conflict, { code: 'ERR_WAL_CONFLICT', head });

  assert.equal((await wal.append(entry('e'), { expect: head })).seq, 5);
  assert.deepEqual(await after(wal, head), [5]);
  if (wal === used) assert.equal((await followed)?.value?.seq, 5);
}

const LASTS = ['a batch', 'an entry that fills its segment'] as const;
/** Where it makes a difference that the head's segment is sealed already. */
const SEALED = ['it is opened again', 'another Wal compacts it at its head', 'it is restored elsewhere'];

for (const last of LASTS)
  for (const [event, happen] of Object.entries(EVENTS))
    if (last === 'a batch' || SEALED.includes(event))
      test(`of a log that ends in ${last}, the head stays when ${event}`, () =>
        inScratch('head', async (scratch) => {
          const log = await logOf(join(scratch, 'log'), last);
          try {
            await holdsWhile(log, happen);
          } finally {
            await log.wal.close();
          }
        }));

test('the mark names the crc of the last entry, though a seal comes after it', () =>
  inScratch('head', async (directory) => {
    const { wal } = await logOf(directory, 'an entry that fills its segment');
    const head = await wal.head();
    await wal.close();
    assert.match(readFileSync(lastIn(directory), 'latin1'), /"entries":\[\]/);
    assert.deepEqual(JSON.parse(readFileSync(join(directory, MARK_FILE), 'utf8')).head, head);
  }));

test('past damage a cursor at a sealed segment’s last entry leads on, and one with another crc is refused', () =>
  inScratch('head', async (directory) => {
    const { wal } = await logOf(directory, 'an entry that fills its segment');
    const head = await wal.head();
    for (const id of ['e', 'f']) await wal.append(entry(id));
    await wal.close();
    const [first] = segmentsIn(directory) as [string];
    writeFileSync(first, readFileSync(first, 'latin1').replace('"id":"a"', '"id":"A"'), 'latin1');
    const reader = await Wal.open(directory, { readOnly: true });
    assert.equal((await reader.verify()).ok, false);
    assert.deepEqual(await after(reader, head, 'skip'), [5, 6]);
    const other = after(reader, { seq: 4, crc: 'ffffffff' }, 'skip');
    await assert.rejects(other, { code: 'ERR_WAL_DIVERGED' });
    await reader.close();
  }));
