import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { hasCode, messageOf, type Outcome, reasonOf, WalError } from '../errors/errors.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { NEWLINE } from '../format/line.ts';
import { decodeMeta, type Meta } from '../format/meta.ts';
import { META_FILE, segmentSeq, snapshotSeq } from '../format/names.ts';
import { printable } from '../format/printable.ts';
import { decodeHeader, MAX_HEADER_BYTES, type SnapshotHeader } from '../format/snapshot.ts';
import {
  type Durability,
  type Fold,
  lastData,
  type NotedRewind,
  type Rewind,
  Wal,
  type WalOptions,
} from '../index.ts';
import { wholeNumber } from './command.ts';
import { openingError, refuseAddress, usageError } from './failure.ts';
import { timeText } from './output.ts';
import { clearStatus, showWaiting, stderr } from './stderr.ts';
import { entryRange } from './words.ts';

/** The text of a file; undefined where there is none. A pipe or a device in its place, which may never end, is refused. */
export function textOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile())
    throw new WalError('ERR_WAL_FORMAT', `Cannot read ${path}: it is no regular file. Move it away.`);
  return readFileSync(path, 'utf8');
}

/** What wal.json says. */
export function metaOf(directory: string): Meta {
  const path = join(directory, META_FILE);
  const text = textOf(path);
  if (text === undefined) throw new WalError('ERR_WAL_NOT_FOUND', `Cannot read ${path}: it is not there.`);
  return decodeMeta(text, path);
}

/** A file of lines, and its size. */
export interface SegmentFile {
  readonly name: string;
  readonly bytes: number;
}

/** Whether a file is one that the lines of a log are in, or wal.json. */
export function isLogFile(name: string): boolean {
  return name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined;
}

/** What `look` returns; `otherwise` where it throws. */
export function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

/** The segments of the log in a directory, oldest first; without one that is taken away meanwhile. */
export function segmentsIn(directory: string): SegmentFile[] {
  return filesIn(directory, segmentSeq);
}

/** Its snapshots, likewise. */
export function snapshotsIn(directory: string): SegmentFile[] {
  return filesIn(directory, snapshotSeq);
}

function filesIn(directory: string, seqOf: (name: string) => number | undefined): SegmentFile[] {
  return readdirSync(directory)
    .filter((name) => seqOf(name) !== undefined)
    .sort()
    .flatMap((name) => {
      const stats = lookAt(join(directory, name));
      return stats === undefined ? [] : [{ name, bytes: stats.size }];
    });
}

/** Undefined where there is nothing at that path, or a symbolic link that leads nowhere. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if (hasCode(cause, 'ELOOP')) return undefined;
    throw new WalError('ERR_WAL_IO', `Cannot look at ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether no other name holds the bytes of a segment, such as one in a backup, or what a symbolic link leads to. */
export function isSoleName(directory: string, { name }: SegmentFile): boolean {
  const look = lstatSync(join(directory, name), { throwIfNoEntry: false });
  return look?.isFile() === true && look.nlink === 1;
}

export function bytesIn(segments: readonly SegmentFile[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The first line of the newest snapshot of which it is whole. */
export function newestSnapshot(directory: string): SnapshotHeader | undefined {
  for (const { name } of snapshotsIn(directory).reverse()) {
    const file = openSync(join(directory, name), 'r');
    try {
      const bytes = Buffer.alloc(MAX_HEADER_BYTES);
      const line = bytes.subarray(0, bytes.subarray(0, readSync(file, bytes)).indexOf(NEWLINE));
      const header = decodeHeader(line, name);
      if (header !== undefined) return header;
    } catch (error) {
      if (!hasCode(error, 'ERR_WAL_VERSION')) throw error;
    } finally {
      closeSync(file);
    }
  }
  return undefined;
}

/** `--fold`: a fold by its name, or the path of a module that exports one. */
export function foldOption(): Option {
  return new Option(
    '--fold <fold>',
    'how entries become the state: last-data (the last data of each id, until an op delete), or ./module.js, which exports a fold',
  ).argParser(foldName);
}

function foldName(text: string): string {
  if (text === lastData.name || /[/\\]|\.[mc]?[jt]s$/.test(text)) return text;
  throw new InvalidArgumentError('It must be last-data, or the path of a module, such as ./fold.js.');
}

/** Loads the fold that `--fold` names; undefined where it was not given. A module exports its fold as default, or by the name `fold`. */
export async function foldNamed(given: string | undefined): Promise<Fold | undefined> {
  if (given === undefined) return undefined;
  if (given === lastData.name) return lastData;
  const path = resolve(given);
  const unfit = (why: string) =>
    new WalError('ERR_WAL_ARGUMENT', `${path} gives no fold: ${why}.`, { outcome: 'not-written' });
  if (!existsSync(path)) throw unfit('there is no such file');
  let module: { readonly default?: Fold; readonly fold?: Fold };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw unfit(messageOf(error));
  }
  const fold = module.default ?? module.fold;
  if (typeof fold !== 'object' || fold === null) throw unfit('export one as default, or by the name fold');
  return fold;
}

/** The log's fold, as its newest snapshot and the lines that were read name it: the lines may name a later version. */
export function foldOf(wal: Wal): FoldIdentity | undefined {
  const { location, fold } = wal.info();
  const inSnapshot = newestSnapshot(location)?.fold;
  return fold === undefined ? inSnapshot : recordedFold(inSnapshot, fold);
}

/** Throws the error of a call that was given another fold than the log's, with the flag that names that one. */
export function throwWithFlag(error: unknown, wal: Wal): never {
  // One with a cause is of a fold that failed.
  if (!(error instanceof WalError) || error.code !== 'ERR_WAL_FOLD' || error.cause !== undefined) throw error;
  const fold = foldOf(wal);
  const [own, module] = [`--fold ${lastData.name}`, '--fold ./module.js, which exports the fold'];
  const flag = fold === undefined ? `${own}, or ${module}` : fold.name === lastData.name ? own : module;
  throw new WalError(error.code, `${error.message} Here that is ${flag}.`, { ...error });
}

/** Throws where a log is about to be compacted, and neither the command line nor the log names a fold. */
export function requireFold(wal: Wal, fold: Fold | undefined): void {
  if (fold !== undefined || foldOf(wal) !== undefined) return;
  throw usageError(
    "Nobody has named the fold of this log: a snapshot keeps only the state that the fold makes, and the first fold that is named stays the log's. Name it: --fold last-data, where the last data of each id is all that counts, or --fold ./module.js, which exports the fold of the program that the log belongs to.",
  );
}

/** Options of the commands that append. */
export interface WriterOptions {
  readonly durability?: Durability;
  readonly lockTimeout?: number;
  readonly strictLock?: true;
  readonly allowNetwork?: true;
}

export function withWriterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--durability <when>', 'acknowledge when synced to the disk, or when written (os)')
        .choices(['sync', 'os'])
        .default('sync'),
    )
    .option(
      '--lock-timeout <ms>',
      'wait this long for a stuck lock, then continue without it',
      wholeNumber(0),
    )
    .option('--strict-lock', 'never continue without the lock: fail with exit code 5')
    .option('--allow-network', 'allow a network file system, where one machine alone may write');
}

/** Opens the log to append to it. It must exist: a mistyped directory would otherwise become a log of its own. */
export async function openWriter(
  directory: string,
  options: WriterOptions & Pick<WalOptions, 'onRewound' | 'fold'>,
): Promise<Wal> {
  const { lockTimeout, durability, strictLock, allowNetwork, onRewound, fold } = options;
  const rest = {
    create: false,
    onLockWait: showWaiting,
    strictLock: strictLock === true,
    allowNetwork: allowNetwork === true,
    ...(durability && { durability }),
    ...(onRewound && { onRewound }),
    ...(fold && { fold }),
    ...(lockTimeout !== undefined && { lockTimeoutMs: lockTimeout }),
  };
  return openLog(directory, rest, 'not-written');
}

export async function openReader(directory: string): Promise<Wal> {
  return openLog(directory, { readOnly: true });
}

/** `outcome`: what became of what was to be appended, where it cannot be opened. */
export async function openLog(directory: string, options: WalOptions, outcome?: Outcome): Promise<Wal> {
  refuseAddress(directory);
  try {
    return await Wal.open(directory, { onRewound: sayRewound, ...options });
  } catch (error) {
    throw openingError(error, directory, outcome);
  }
}

/** Runs `body` with an open log, and closes it. */
export async function using<T>(opening: Promise<Wal>, body: (wal: Wal) => Promise<T>): Promise<T> {
  const wal = await opening;
  try {
    return await body(wal);
  } finally {
    await wal.close();
    clearStatus();
  }
}

/** What this machine saw acknowledged and the log does not hold, in words; `then`: of an earlier time. */
export function rewoundText({ from, to, head }: Rewind, then = false): string {
  const [end, has] = then ? ['ended at', 'had'] : ['ends at', 'has'];
  const ends = head.seq < to ? end : `${has} another entry ${to}, and ${end}`;
  const missing = `${entryRange(from, to)} ${from === to ? 'is' : 'are'} missing`;
  return `this machine saw entry ${to} acknowledged; the log here ${ends} ${head.seq} (cut, restored, checked out?): ${missing}`;
}

/** What was found missing at an earlier time, with that time. */
export function notedText(noted: NotedRewind): string {
  return `${rewoundText(noted, true)} (noticed ${timeText(noted.ts).trimEnd()})`;
}

/** Prints it on standard error. */
function sayRewound(rewind: Rewind): void {
  clearStatus();
  const message = rewoundText(rewind);
  const text = process.argv.includes('--json')
    ? JSON.stringify({ note: 'rewound', ...rewind, message })
    : `jsonl-wal: ${printable(message)}`;
  stderr().write(`${text}\n`);
}
