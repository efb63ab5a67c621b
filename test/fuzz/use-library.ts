import { join } from 'node:path';
import {
  type Fold,
  type LogRecord,
  lastData,
  type ReadOptions,
  type VerifyReport,
  Wal,
  type WalError,
} from '../../src/index.ts';
import { specified } from './as-specified.ts';
import { checkSalvage } from './check-salvage.ts';
import type { DamagedLog } from './damaged-log.ts';
import type { Findings } from './findings.ts';
import { textOf, undatedText } from './lines.ts';

/** How long a follower is let wait for more. */
const FOLLOW_MS = 20;

const COUNTING: Fold<number> = {
  name: 'counting',
  version: 1,
  apply: (count) => (count ?? 0) + 1,
  order: ({ value, ts }) => [value, ts],
};

/** Does with the damaged log in `directory` what a program may do, first read-only, then writing; `beside` is for copies. */
export async function useLibrary(
  log: DamagedLog,
  directory: string,
  beside: string,
  findings: Findings,
): Promise<void> {
  const before = await look(log, directory, findings);
  await findings.attempt('restore', () =>
    Wal.restore(directory, join(beside, 'restored'), { onDamage: 'cut' }),
  );
  await append(log, directory, beside, findings, before);
}

async function open(directory: string, findings: Findings, readOnly: boolean): Promise<Wal | undefined> {
  return findings.attempt(readOnly ? 'open to read' : 'open to write', () =>
    Wal.open(directory, {
      readOnly,
      create: false,
      segmentBytes: 4096,
      lockTimeoutMs: 200,
      autoCompact: false,
    }),
  );
}

/** Reads in every way there is. Returns the records that plain reading gave, and what it ended in. */
async function look(log: DamagedLog, directory: string, findings: Findings): Promise<Reading | undefined> {
  const wal = await open(directory, findings, true);
  if (wal === undefined) return undefined;
  try {
    const reading = await read(log, wal, findings, {});
    const oldest = await findings.attempt('oldest', () => wal.oldest());
    if (oldest !== undefined && oldest > 1) await read(log, wal, findings, { from: oldest });
    await read(log, wal, findings, { onDamage: 'skip' });
    const cursor = reading.records.at(-2);
    if (cursor !== undefined) {
      const rest = await read(log, wal, findings, { from: { seq: cursor.seq, crc: cursor.crc } });
      if (rest.error === undefined && rest.records.length !== 1)
        findings.fault(`a cursor before the last record gave ${rest.records.length}`);
    }
    await follow(log, wal, findings, reading.records.length);
    await findings.attempt('head', () => wal.head());
    await state(wal, findings);
    const report = await verify(log, wal, findings, reading);
    await checkSalvage(log, wal, directory, findings, report);
    await findings.attempt('stats', () => wal.stats());
    return reading;
  } finally {
    await findings.attempt('close', () => wal.close());
  }
}

interface Reading {
  readonly records: readonly LogRecord[];
  readonly error: WalError | undefined;
}

async function read(log: DamagedLog, wal: Wal, findings: Findings, options: ReadOptions): Promise<Reading> {
  const records: LogRecord[] = [];
  let error: WalError | undefined;
  await findings.attempt('read', async () => {
    try {
      for await (const record of wal.read(options)) records.push(record);
    } catch (failure) {
      error = failure as WalError;
      throw failure;
    }
  });
  checkRecords(log, records, findings, JSON.stringify(options));
  return { records, error };
}

/** Each is one that was written, and they come in their order, none twice, none left out. */
function checkRecords(log: DamagedLog, records: readonly LogRecord[], findings: Findings, how: string): void {
  // Past damage an entry may get another number, and a date where it had none.
  const text = how.includes('skip') ? undatedText : textOf;
  for (const [i, record] of records.entries()) {
    if (!log.records.has(text(record)))
      findings.fault(`read ${how} gave a record that nobody wrote: ${textOf(record).slice(0, 300)}`);
    const previous = records[i - 1];
    if (previous !== undefined && record.seq <= previous.seq)
      findings.fault(`read ${how} gave entry ${record.seq} after ${previous.seq}`);
    if (previous !== undefined && record.seq > previous.seq + 1 && !how.includes('skip'))
      findings.fault(`read ${how} left out what comes between entries ${previous.seq} and ${record.seq}`);
  }
}

async function follow(log: DamagedLog, wal: Wal, findings: Findings, expected: number): Promise<void> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), FOLLOW_MS);
  const records: LogRecord[] = [];
  await findings.attempt('follow', async () => {
    for await (const record of wal.follow({ signal: stop.signal })) {
      records.push(record);
      if (records.length === expected) stop.abort();
    }
  });
  clearTimeout(timer);
  checkRecords(log, records, findings, 'following');
}

async function state(wal: Wal, findings: Findings): Promise<void> {
  const table = await findings.attempt('table', () => wal.table());
  if (table !== undefined) {
    const items = await findings.attempt('list', () => table.list());
    for (const item of items?.slice(0, 3) ?? []) await findings.attempt('get', () => table.get(item.id));
    await findings.attempt('list by a field', () => table.list({ n: 3 }));
  }
  await findings.attempt('table of another fold', async () =>
    (await wal.table({ fold: COUNTING })).inOrder(),
  );
  await findings.attempt('past', () => wal.stateAt(3));
}

async function verify(
  log: DamagedLog,
  wal: Wal,
  findings: Findings,
  reading: Reading,
): Promise<VerifyReport | undefined> {
  const report = await findings.attempt('verify', () => wal.verify());
  if (report === undefined) return undefined;
  if (report.ok !== (report.error === undefined)) findings.fault('verify says ok, and an error');
  if (report.damage.some(({ records, from, to }) => records < 0 || (to !== undefined && to < from - 1)))
    findings.fault(`verify tells of an impossible stretch: ${JSON.stringify(report.damage)}`);
  const whole = log.mutations.length === 0;
  if (whole && (!report.ok || (reading.error !== undefined && reading.error.code !== 'ERR_WAL_COMPACTED')))
    findings.fault(`a log that nothing was done to is called damaged: ${report.error ?? reading.error}`);
  if (report.ok && reading.error !== undefined && reading.error.code !== 'ERR_WAL_COMPACTED')
    findings.fault(`verify says ok, and reading ends in ${reading.error}`);
  checkSpecified(log, findings, reading);
  return report;
}

/** What is read is what FORMAT.md makes of the bytes. */
function checkSpecified(log: DamagedLog, findings: Findings, reading: Reading): void {
  const told = specified(log.files);
  if (told === undefined || reading.error?.code === 'ERR_WAL_DIVERGED') return;
  const { head } = told;
  const harmed = told.harmed || isUnreadable(reading.error);
  const last = reading.records.at(-1)?.seq ?? 0;
  if (last > head) findings.fault(`read to entry ${last}, where FORMAT.md says that the head is ${head}`);
  if (!harmed && reading.records.length !== head)
    findings.fault(`read ${reading.records.length} entries, where FORMAT.md says that there are ${head}`);
  if (harmed !== (reading.error !== undefined))
    findings.fault(`FORMAT.md says ${harmed ? 'damaged' : 'whole'}, and reading ended in ${reading.error}`);
  findings.count('as specified');
}

/** For a line that counts and is not JSON, of which the chain knows nothing. */
function isUnreadable(error: WalError | undefined): boolean {
  return error?.cause instanceof SyntaxError;
}

/** Appends in each way there is, and reads again: what was there is there, and what was appended, once. */
async function append(
  log: DamagedLog,
  directory: string,
  beside: string,
  findings: Findings,
  before: Reading | undefined,
): Promise<void> {
  const wal = await open(directory, findings, false);
  if (wal === undefined) return;
  const seqs: number[] = [];
  const note = (result: { seq: number } | undefined) => result && seqs.push(result.seq);
  try {
    note(
      await findings.attempt('append', () => wal.append({ op: 'set', id: 'fuzz-1', data: { of: 'fuzz' } })),
    );
    note(
      await findings.attempt('append with a key', () =>
        wal.append({ op: 'set', id: 'fuzz-2' }, { key: 'fuzz' }),
      ),
    );
    note(await findings.attempt('appendSync', () => wal.appendSync({ op: 'set', id: 'fuzz-3' })));
    await findings.attempt('transaction', async () => {
      const table = await wal.table<unknown>();
      await table.transaction((tx) => tx.set('fuzz-4', tx.list().length));
    });
    const again = await findings.attempt('append again', () =>
      wal.append({ op: 'set', id: 'fuzz-2' }, { key: 'fuzz' }),
    );
    if (seqs.length === 3 && again?.seq !== seqs[1])
      findings.fault('an append with the same key was appended anew');
    await checkAfter(log, wal, findings, before, seqs);
    await findings.attempt('backup', () => wal.backup(join(beside, 'backup')));
    await findings.attempt('compact', () => wal.compact({ fold: lastData }));
    await findings.attempt('append after compacting', () => wal.append({ op: 'set', id: 'fuzz-5' }));
    await findings.attempt('table after compacting', () => wal.table());
  } finally {
    await findings.attempt('close', () => wal.close());
  }
}

async function checkAfter(
  log: DamagedLog,
  wal: Wal,
  findings: Findings,
  before: Reading | undefined,
  seqs: readonly number[],
): Promise<void> {
  const records: LogRecord[] = [];
  let whole = false;
  await findings.attempt('read what was appended', async () => {
    for await (const record of wal.read({ from: before?.records[0]?.seq ?? (await wal.oldest()) }))
      records.push(record);
    whole = true;
  });
  for (const [i, record] of (before?.records ?? []).entries()) {
    const now = records[i];
    if (now !== undefined && textOf(now) !== textOf(record))
      findings.fault(`entry ${record.seq} is another one since something was appended`);
  }
  const strange = records.filter(
    (record) => !record.id.startsWith('fuzz-') && !log.records.has(textOf(record)),
  );
  for (const record of strange)
    findings.fault(`there is a record that nobody wrote: ${textOf(record).slice(0, 300)}`);
  for (const seq of whole ? seqs : [])
    if (records.filter((record) => record.seq === seq && record.id.startsWith('fuzz-')).length !== 1)
      findings.fault(`entry ${seq} was acknowledged, and is not there once`);
}
