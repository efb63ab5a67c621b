import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { withoutAdvice } from '../../errors/damage.ts';
import { hasCode, messageOf } from '../../errors/errors.ts';
import { FORMAT_VERSION } from '../../format/meta.ts';
import { META_FILE, REPAIRING_FILE, snapshotSeq } from '../../format/names.ts';
import {
  type DamageCause,
  type LogRecord,
  type OddLine,
  type RepairReport,
  type VerifyReport,
  Wal,
} from '../../index.ts';
import { metaOf, segmentsIn, snapshotsIn } from '../log.ts';
import { timeText } from '../output.ts';
import { count, entryRange, figure, pendingText } from '../words.ts';
import { ageText, commandOn, type Finding, makeOne } from './check.ts';
import { fromBackups, putBack, putText } from './from-backups.ts';
import { STRAY_FIXES } from './keeping.ts';

/** What wal.json says. */
export async function checkFormat(directory: string): Promise<Finding> {
  const path = join(directory, META_FILE);
  if (existsSync(join(directory, REPAIRING_FILE))) {
    const go = commandOn(directory, 'repair --mode salvage');
    return { state: 'fail', message: 'a repair was interrupted', fix: go, corrupt: true };
  }
  if (!existsSync(path)) {
    if (existsSync(join(directory, `.${META_FILE}.icloud`))) {
      const message = `${path} is not on this disk: a sync service keeps it elsewhere`;
      return { state: 'fail', message, fix: STRAY_FIXES.placeholder, corrupt: true };
    }
    const put = await putBack(directory, [], 0);
    if (segmentsIn(directory).length === 0 && snapshotsIn(directory).length === 0) {
      const make = put === undefined ? makeOne(directory) : putText(put);
      return { state: 'fail', message: `there is no log in ${directory}`, fix: make };
    }
    const { fix, told } = await fixOf(directory, ['salvage']);
    const back = put === undefined ? `put it back from git or a backup, or: ${fix}` : putText(put);
    return { state: 'fail', message: `${path} is missing.${told}`, fix: back, corrupt: true };
  }
  try {
    const { id, created, git } = metaOf(directory);
    const message = `version ${FORMAT_VERSION}, log ${id}, made ${created}${git ? ', kept in git' : ''}`;
    return { state: 'ok', message };
  } catch (error) {
    const message = messageOf(error);
    if (hasCode(error, 'ERR_WAL_VERSION'))
      return { state: 'fail', message, fix: 'npm install jsonl-wal@latest' };
    if (hasCode(error, 'EACCES', 'EPERM'))
      return { state: 'fail', message, fix: 'see what "permissions" says' };
    const put = await putBack(directory, [], 0);
    const { fix, told } = await fixOf(directory, ['salvage']);
    return { state: 'fail', message: `${message}${told}`, fix: put ? putText(put) : fix, corrupt: true };
  }
}

/** The lines, from the first to the last: what verify finds, and how to repair that. */
export async function checkChain(directory: string, report: VerifyReport): Promise<Finding> {
  const { error, entries, segments, missing, damage } = report;
  const settled = missing.filter((range) => range.settled).length;
  const gone = settled > 0 ? `; ${count(settled, 'range')} missing, and repaired since` : '';
  const message = `${count(entries, 'entry', 'entries')} in ${count(segments.length, 'segment')}${gone}`;
  if (error === undefined) return { state: 'ok', message };
  // Of a snapshot that is damaged the check of the snapshots tells.
  const isWhole = damage.every(({ segment, settled }) => settled || snapshotSeq(segment) !== undefined);
  if (error.cause === 'snapshot' && isWhole) return { state: 'ok', message };
  return brokenChain(directory, error, report);
}

/** The lines cannot be read to their end. */
export async function brokenChain(
  directory: string,
  error: Error,
  report: Pick<VerifyReport, 'damage' | 'entries'> = { damage: [], entries: 0 },
): Promise<Finding> {
  const message = withoutAdvice(error.message);
  const found = { state: 'fail', message } as const;
  // No compaction came between: the segments do not lead to the snapshot that stands there.
  if (hasCode(error, 'ERR_WAL_MISSING'))
    return { ...found, fix: 'put the files back, as it says', corrupt: true };
  if (!hasCode(error, 'ERR_WAL_CORRUPT', 'ERR_WAL_DIVERGED', 'ERR_WAL_COMPACTED'))
    return { ...found, fix: 'fix what the system says, and look again' };
  const { fix, told } = await fixOf(directory, ['tail', 'salvage']);
  const better = await fromBackups(directory, report, fix);
  return { ...found, message: `${message}${told}`, fix: better, corrupt: true };
}

/** The first of these repairs that does, tried without writing, and what it would bring. */
async function fixOf(
  directory: string,
  modes: readonly RepairReport['mode'][],
): Promise<{ readonly fix: string; readonly told: string }> {
  for (const mode of modes) {
    const plan = await Wal.repair(directory, { mode, dryRun: true }).catch(() => undefined);
    if (plan === undefined && mode !== modes.at(-1)) continue;
    const repair = `${commandOn(directory, `repair --mode ${mode}`)} (with --dry-run, it only says what it would do)`;
    const fix = plan && plan.edits.length > 0 ? `${repair}; ${editsFix(directory, plan)}` : repair;
    return { fix, told: plan === undefined ? '' : toldOf(plan) };
  }
  throw new Error('no mode of repair was named');
}

function editsFix(directory: string, { edits }: RepairReport): string {
  const them =
    edits.length === 1
      ? 'the edited line as it is now'
      : `the ${figure(edits.length)} edited lines as they are now`;
  return `to keep ${them}: ${commandOn(directory, 'repair --mode salvage --accept-edits')}`;
}

/** What a salvage would bring: why lines that are whole are called damaged, and how many entries there are. */
function toldOf({ mode, converted, edits, entries }: RepairReport): string {
  if (mode === 'tail') return '';
  const whole = converted.map(({ cause, lines }) => ` ${count(lines, 'line')} ${CONVERTED[cause] ?? cause}.`);
  const changed = edits
    .slice(0, MOST_NAMED)
    .map(({ from, to, segment, line }) => ` ${segment} line ${line} was edited (${entryRange(from, to)}).`);
  return `${[...whole, ...changed].join('')} ${count(entries, 'entry', 'entries')} can be kept.`;
}

const MOST_NAMED = 3;

const OTHER_JSON = 'whole but for the way its JSON is written, as a script or a formatter leaves';

/** What is said of lines that are whole but for that. */
const CONVERTED: Partial<Record<DamageCause, string>> = {
  'carriage-return':
    'whole but for a carriage return at the end, as a git checkout with autocrlf or an editor leaves',
  'byte-order-mark': 'whole but for a byte-order mark, as an editor leaves',
  'white-space': 'whole but for white space around it, as an editor or a formatter leaves',
  'not-a-record': OTHER_JSON,
  'checksum-mismatch': OTHER_JSON,
  'utf-16': 'whole but for being UTF-16, as an editor or PowerShell leaves',
};

/** What lies after the last entry, of lines that can be read to their end. */
export function checkTail({ odd, segments, head, pending, sealed }: VerifyReport): Finding {
  const last = segments.at(-1)?.name;
  const at = head.seq === 0 ? 'no entries yet' : `ends with entry ${head.seq} (crc ${head.crc})`;
  if (pending !== undefined) {
    const message = `${at}; ${pendingText(head.seq, pending)}: the next append takes it in`;
    return { state: 'ok', message };
  }
  const harmless = odd.filter(
    ({ segment, verdict }) => segment === last && (verdict === 'pending' || verdict === 'torn'),
  );
  const kinds = [...new Set(harmless.map(({ verdict }) => verdict))];
  if (kinds.length === 0 && sealed) {
    const message = `${at}, in a seal: the next append makes the segment that follows (if one was there, it was taken away)`;
    return { state: 'ok', message };
  }
  if (kinds.length === 0) return { state: 'ok', message: at };
  const lines = count(harmless.length, `${kinds.join(' or ')} line`);
  return { state: 'ok', message: `${at}; ${lines} in the last segment, which a crash leaves: no harm` };
}

/** Conflict markers, by file and line. */
export function checkMerge(directory: string, odd: readonly OddLine[]): Finding {
  const [first, ...more] = odd.filter(({ cause }) => cause === 'merge-conflict');
  if (first === undefined) return { state: 'ok', message: 'no conflict markers' };
  const path = join(directory, first.segment);
  const others = more.length > 0 ? `, and ${figure(more.length)} more` : '';
  const fix = `do not delete them: ${commandOn(directory, 'repair --mode salvage')} keeps the entries of both sides`;
  const message = `a conflict marker at ${path}:${lineAt(path, first.offset)}${others}`;
  return { state: 'fail', message, fix, corrupt: true };
}

const CHUNK_BYTES = 64 * 1024;

/** The number of the line that begins at an offset, from 1. */
function lineAt(path: string, offset: number): number {
  const file = openSync(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let number = 1;
    for (let position = 0; position < offset; ) {
      const read = readSync(file, chunk, 0, Math.min(CHUNK_BYTES, offset - position), position);
      if (read === 0) break;
      for (let at = chunk.indexOf(10); at >= 0 && at < read; at = chunk.indexOf(10, at + 1)) number++;
      position += read;
    }
    return number;
  } finally {
    closeSync(file);
  }
}

/** Clocks may differ by so much. */
const SKEW_MS = 60_000;

/** When the entries are dated, in milliseconds since the epoch, as far as they can be read. */
interface EntryTimes {
  readonly lastTs: number | undefined;
  /** The latest of them. */
  readonly latest: number;
  /** The numbers of those that are dated in the future. */
  readonly future: readonly number[];
}

/** Notes when the entries are dated. */
export async function timesOf(records: AsyncIterable<LogRecord>, last: number): Promise<EntryTimes> {
  const horizon = Date.now() + SKEW_MS;
  const future: number[] = [];
  let latest = Number.MIN_SAFE_INTEGER;
  let lastTs: number | undefined;
  try {
    for await (const { seq, ts } of records) {
      if (ts > horizon) future.push(seq);
      latest = Math.max(latest, ts);
      if (seq === last) lastTs = ts;
    }
  } catch {
    // What is wrong there is told by the check of the chain.
  }
  return { lastTs, latest, future };
}

/**
 * Whether entries, or the file that the last one is in, are from a time that is yet to come. `compacted`: the latest `ts` of the entries
 * that the newest snapshot was made of.
 */
export function checkClock(
  last: number,
  { lastTs, latest, future }: EntryTimes,
  lastWrite: number | undefined,
  compacted = Number.MIN_SAFE_INTEGER,
): Finding {
  const now = Date.now();
  for (const [what, ts] of [
    ['the last entry', lastTs],
    ['the last segment', lastWrite],
  ] as const) {
    if (ts === undefined || ts <= now + SKEW_MS) continue;
    const message = `${what} is of ${timeText(ts).trimEnd()}, ${ageText(ts - now)} ahead of this machine`;
    const fix = 'set the clock ("timedatectl set-ntp true"); times order nothing in the log, only seqs do';
    return { state: 'warn', message, fix };
  }
  if (compacted > Math.max(now + SKEW_MS, latest)) {
    const message = `an entry that was compacted away is dated in the future, ${timeText(compacted).trimEnd()}`;
    const fix = `nothing has to be fixed: the state of a time before that (state --at) is not known; give later entries the right time (--ts)`;
    return { state: 'warn', message, fix };
  }
  if (future.length > 0) {
    const message = `${count(future.length, 'entry is', 'entries are')} dated in the future, first entry ${future[0]}`;
    const fix = `nothing has to be fixed: the state of a time (state --at) leaves them out until then; give later entries the right time (--ts)`;
    return { state: 'warn', message, fix };
  }
  const untold = last === 0 ? 'no entries yet' : 'the last entry was compacted away, and its time with it';
  const when = lastTs === undefined ? untold : `the last entry is of ${timeText(lastTs).trimEnd()}`;
  return { state: 'ok', message: when };
}
