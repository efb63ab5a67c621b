import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Envelope } from '../../format/line.ts';
import { META_FILE, segmentSeq, snapshotSeq } from '../../format/names.ts';
import { SegmentScan } from '../../format/scan.ts';
import { type VerifyReport, Wal } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { backupsPlace, directoriesIn, reachOf } from '../backups.ts';
import { attempt, isLogFile, metaOf } from '../log.ts';
import { count, entryRange } from '../words.ts';
import type { Finding } from './check.ts';

/** A file of a log, and the backup that has it whole. */
interface Better {
  readonly name: string;
  readonly backup: string;
}

/** A row of commands that puts files of backups in place. */
interface PutBack {
  readonly command: string;
  /** The last entry that the log has then. */
  readonly seq: number;
}

/**
 * The files that backups have and the log lacks, or has damaged, where the log is whole with them; tried without writing into
 * the log. `bad`: names of files that are damaged. `entries`: how many can be read now, none of which is given up.
 */
export async function putBack(
  directory: string,
  bad: readonly string[],
  entries: number,
): Promise<PutBack | undefined> {
  const better = betterFiles(directory, bad);
  if (better.length === 0) return undefined;
  const report = await tried(directory, better).catch(() => undefined);
  if (report === undefined || !report.ok || report.entries < entries) return undefined;
  return { command: commandFor(directory, better), seq: report.head.seq };
}

/** What to do, and what comes of it. */
export function putText({ command, seq }: PutBack): string {
  return `${command} (a backup has what is missing here: with it the log is whole, up to entry ${seq})`;
}

/** What to do with a backup whose files do not fit the log as it is now. */
function restoreText(copy: string): string {
  return `jsonl-wal restore ${shellWord(copy)} NEW-DIRECTORY, which makes a log of it to read them in`;
}

/** Files of backups, where these make the log whole; else the repair, and the backup that holds what that may not bring back. */
export async function fromBackups(
  directory: string,
  { damage, entries }: Pick<VerifyReport, 'damage' | 'entries'>,
  repair: string,
): Promise<string> {
  const bad = damage.map(({ segment }) => segment);
  const put = await putBack(directory, bad, entries);
  if (put !== undefined) return `${putText(put)}; or, of what is here alone: ${repair}`;
  for (const { from, to = from, records, exact } of damage) {
    const copy = exact && records === 0 ? undefined : await copyHolding(directory, from, to);
    if (copy !== undefined) return `${repair}; ${copy} holds ${entryRange(from, to)}: ${restoreText(copy)}`;
  }
  return repair;
}

/**
 * The directories in a log's place for backups that hold that log: backups, and what else was kept of it there. Of a place that
 * may not be listed, which making a backup tells, none.
 */
export function copiesOf(directory: string): string[] {
  const place = backupsPlace(directory);
  return attempt(() => directoriesIn(place), [])
    .filter((name) => !name.endsWith('.tmp') && !name.startsWith('repaired-'))
    .map((name) => join(place, name))
    .filter((copy) => attempt(() => isSameLog(directory, copy), false));
}

/** The one of these that goes furthest, if that is past entry `seq`. */
async function copyBeyond(
  directory: string,
  seq: number,
): Promise<{ copy: string; seq: number } | undefined> {
  let furthest: { copy: string; seq: number } | undefined;
  for (const copy of copiesOf(directory)) {
    // What a salvage kept has the numbers that are given again.
    if (basename(copy).startsWith('before-repair-')) continue;
    const reached = await reachOf(copy);
    if (reached > (furthest?.seq ?? seq)) furthest = { copy, seq: reached };
  }
  return furthest;
}

/** One of these in which all of these entries can be read. */
async function copyHolding(directory: string, from: number, to: number): Promise<string | undefined> {
  for (const copy of copiesOf(directory)) if (await canRead(copy, from, to)) return copy;
  return undefined;
}

async function canRead(copy: string, from: number, to: number): Promise<boolean> {
  try {
    const wal = await Wal.open(copy, { readOnly: true });
    try {
      let next = from;
      for await (const { seq } of wal.read({ from, to })) if (seq === next) next++;
      return next > to;
    } finally {
      await wal.close();
    }
  } catch {
    return false;
  }
}

function isSameLog(directory: string, copy: string): boolean {
  const id = idOf(copy);
  const own = idOf(directory);
  if (id === undefined || own !== undefined) return id !== undefined && id === own;
  // Nothing but its lines tells which log this is; without any, the place where its backups are.
  const files = filesIn(directory);
  if (files.length === 0) return true;
  return files.some((name) => {
    const [first] = linesIn(join(directory, name)).accepted;
    return first !== undefined && linesIn(join(copy, name)).accepted.has(first);
  });
}

function idOf(directory: string): string | undefined {
  return attempt(() => metaOf(directory).id, undefined);
}

/** Of each file that the log lacks, or has damaged or cut short, the copy that holds most. */
function betterFiles(directory: string, bad: readonly string[]): Better[] {
  const own = filesIn(directory);
  const last = own.findLast((name) => segmentSeq(name) !== undefined);
  const snapshots = own.filter((name) => snapshotSeq(name) !== undefined && !bad.includes(name));
  // What a snapshot covers was compacted away.
  const stood = Math.max(0, ...snapshots.map((name) => snapshotSeq(name) as number));
  const isWanted = (name: string) => {
    if (name === META_FILE) return idOf(directory) === undefined;
    if (own.includes(name)) return bad.includes(name) || name === last;
    return (segmentSeq(name) ?? snapshotSeq(name) ?? 0) > stood;
  };
  const best = new Map<string, Better & { readonly lines: number }>();
  for (const backup of copiesOf(directory)) {
    for (const name of filesIn(backup).filter(isWanted)) {
      const lines = gain(join(directory, name), join(backup, name), name);
      if (lines > (best.get(name)?.lines ?? 0)) best.set(name, { name, backup, lines });
    }
  }
  return [...best.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * How many lines count in a file of a backup; 0 where no more do than in the log's, or where that has a line that is not
 * there: one that is damaged may be such.
 */
function gain(own: string, other: string, name: string): number {
  if (segmentSeq(name) === undefined) return 1;
  const ours = linesIn(own);
  const theirs = linesIn(other);
  const holdsAll = [...ours.accepted, ...ours.stranded].every((line) => theirs.accepted.has(line));
  const isMore = theirs.accepted.size > ours.accepted.size && theirs.count >= ours.count;
  return holdsAll && isMore ? theirs.accepted.size : 0;
}

const CHUNK_BYTES = 1024 * 1024;

interface Lines {
  /** Those that count, by number and crc. */
  readonly accepted: Set<string>;
  /** Those that would if what they follow were there. */
  readonly stranded: Set<string>;
  /** How many lines of any kind there are. */
  readonly count: number;
}

/** The lines of a segment; none where it cannot be read. */
function linesIn(path: string): Lines {
  const accepted = new Set<string>();
  const stranded = new Set<string>();
  const key = ({ seq, crc }: Envelope) => `${seq} ${crc}`;
  const scan = new SegmentScan(segmentSeq(basename(path)) ?? 1, {
    accepted: (line) => accepted.add(key(line)),
    passedOver: (verdict, line) => verdict === 'stranded' && stranded.add(key(line)),
  });
  if (isFile(path)) for (const piece of piecesOf(path)) scan.push(piece);
  const { lineNumber = 0, unterminated } = scan;
  return { accepted, stranded, count: lineNumber + (unterminated > 0 ? 1 : 0) };
}

/** The bytes of a file, as far as it can be read, in pieces that are used again. */
function* piecesOf(path: string): Generator<Buffer, void> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    for (;;) {
      const count = readSync(file, chunk);
      if (count === 0) return;
      yield chunk.subarray(0, count);
    }
  } catch {
    // What was read counts.
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Not a pipe, where opening would wait, and no link that leads nowhere. */
function isFile(path: string): boolean {
  return attempt(() => statSync(path).isFile(), false);
}

/** The files of a log, wal.json included; of none where they may not be listed. */
function filesIn(directory: string): string[] {
  return attempt(() => readdirSync(directory), [])
    .filter((name) => isLogFile(name) && isFile(join(directory, name)))
    .sort();
}

/** What verify says of the log with those files in place, of links that lead to all of them. */
async function tried(directory: string, better: readonly Better[]): Promise<VerifyReport> {
  const scratch = mkdtempSync(join(tmpdir(), 'jsonl-wal-doctor-'));
  try {
    const from = new Map(filesIn(directory).map((name) => [name, directory]));
    for (const { name, backup } of better) from.set(name, backup);
    for (const [name, place] of from) symlinkSync(realpathSync(join(place, name)), join(scratch, name));
    const wal = await Wal.open(scratch, { readOnly: true });
    return await wal.verify().finally(() => wal.close());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Each file appears whole, so that processes which have the log open continue. A file that is replaced is kept: it may have been edited on purpose. */
function commandFor(directory: string, better: readonly Better[]): string {
  const stamp = new Date().toISOString().replace(/[-:]/g, '');
  const kept = `${shellWord(backupsPlace(directory))}/$f.damaged-${stamp}`;
  const to = shellWord(directory);
  const loops = new Map<string, string[]>();
  for (const { name, backup } of better) {
    const isThere = isFile(join(directory, name)) && statSync(join(directory, name)).size > 0;
    const keep = isThere ? `cp -p ${to}/$f ${kept} && ` : '';
    const body = `do ${keep}cp -p ${shellWord(backup)}/$f ${to}/$f.tmp && mv ${to}/$f.tmp ${to}/$f; done`;
    loops.set(body, [...(loops.get(body) ?? []), name]);
  }
  return [...loops].map(([body, names]) => `for f in ${names.join(' ')}; ${body}`).join('; ');
}

/** Whether a backup holds entries that a log which is whole lacks at its end: nothing in the log itself tells of that. */
export async function checkBackups(directory: string, { head, entries }: VerifyReport): Promise<Finding> {
  const further = await copyBeyond(directory, head.seq);
  if (further === undefined) {
    const copies = copiesOf(directory).length;
    const message =
      copies === 0
        ? 'none in its place for them'
        : `${count(copies, 'copy', 'copies')}, none goes further than the log`;
    return { state: 'ok', message };
  }
  const { copy, seq } = further;
  const message = `the log ends at entry ${head.seq}, and its backup ${copy} at entry ${seq}: its end was cut off or taken away, or an older one was put here or checked out`;
  const put = await putBack(directory, [], entries);
  return { state: 'warn', message, fix: put && put.seq > head.seq ? putText(put) : restoreText(copy) };
}
