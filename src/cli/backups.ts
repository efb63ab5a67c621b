import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { BACKUPS_DIRECTORY, isTemporaryName, mayBeInTheMaking, temporaryName } from '../format/names.ts';
import { type BackupOptions, type BackupReport, Wal } from '../index.ts';
import { isGone } from './holder.ts';
import { attempt, bytesIn, isLogFile, metaOf, openReader, segmentsIn, using } from './log.ts';
import { Progress } from './stderr.ts';
import { count } from './words.ts';
import { syncDirectory } from './write-file.ts';

/** What made a backup: `backup`, which somebody called, or `compact`, before it deleted anything. */
type Maker = 'backup' | 'compact';

/**
 * `20250101T120000.000Z-42`: when it was made, in UTC, and the last entry in it; after `before-compact-` where a compaction
 * made it, and before `-damaged` where it is not whole.
 */
const NAME = /^(before-compact-)?(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z-(\d{1,16})(-damaged)?$/;

/** What the name of a backup tells. */
interface Facts {
  readonly madeBy: Maker;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The last entry in it. */
  readonly seq: number;
  /** Whether it verified when it was made. */
  readonly whole: boolean;
}

/** A backup in the place that a log has for them. */
export interface Backup extends Facts {
  readonly name: string;
  readonly directory: string;
  readonly bytes: number;
  /** Of these, what the log, or another backup, holds too. */
  readonly shared: number;
}

/** The directory that a log has for its backups. */
export function backupsPlace(directory: string): string {
  return join(directory, BACKUPS_DIRECTORY);
}

/** Makes one there. It gets its name last, for that tells what it is worth. */
export async function backUp(wal: Wal, madeBy: Maker, options: BackupOptions = {}): Promise<BackupReport> {
  const place = backupsPlace(wal.info().location);
  const maker = { host: hostname(), pid: process.pid };
  const making = temporaryName(join(place, 'new'), maker, randomBytes(6).toString('hex'));
  const report = await backUpTo(wal, making, options);
  for (let time = Date.now(); ; time++) {
    const directory = join(place, nameOf({ ...report, madeBy, time }));
    try {
      renameSync(report.directory, directory);
      syncDirectory(place);
      return { ...report, directory };
    } catch (error) {
      // Somebody else made one in this very millisecond.
      if (hasCode(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) continue;
      const message = `Cannot name the backup ${report.directory}: ${reasonOf(error)}`;
      throw new WalError('ERR_WAL_IO', message, { cause: error });
    }
  }
}

/** Makes one anywhere, and shows how far it is. */
export async function backUpTo(wal: Wal, destination: string, options: BackupOptions): Promise<BackupReport> {
  const progress = new Progress('backup', bytesIn(segmentsIn(wal.info().location)));
  const onProgress = (bytes: number) => progress.update(bytes, () => count(bytes, 'byte'));
  try {
    return await wal.backup(destination, { ...options, onProgress });
  } finally {
    progress.end();
  }
}

/** Those there are: what goes furthest comes first, whatever the clock said. */
export function backupsOf(directory: string): Backup[] {
  const place = backupsPlace(directory);
  return directoriesIn(place)
    .flatMap((name) => {
      const facts = factsOf(name);
      const sizes = facts && sizesOf(join(place, name));
      return facts && sizes ? [{ name, directory: join(place, name), ...facts, ...sizes }] : [];
    })
    .sort((a, b) => b.seq - a.seq || b.time - a.time);
}

/** The one that goes furthest, if it is of this log and holds entries after `seq`. */
export async function backupBeyond(directory: string, seq: number): Promise<Backup | undefined> {
  const { id } = metaOf(directory);
  for (const backup of backupsOf(directory)) {
    if (backup.seq <= seq) return undefined;
    if (isOf(backup, id) && (await reachOf(backup.directory)) > seq) return backup;
  }
  return undefined;
}

function isOf({ directory }: Backup, id: string): boolean {
  // It throws where it was taken away meanwhile, or is no backup.
  return attempt(() => metaOf(directory).id === id, false);
}

/** The last entry that is really in a log: a backup's name may have been made up. 0 where it cannot be read. */
export async function reachOf(directory: string): Promise<number> {
  try {
    const wal = await Wal.open(directory, { readOnly: true });
    return await wal
      .head()
      .then(
        ({ seq }) => seq,
        () => 0,
      )
      .finally(() => wal.close());
  } catch {
    return 0;
  }
}

/** Names of the directories in a place, and no links to such; of none where that is not there. */
export function directoriesIn(place: string): string[] {
  try {
    const entries = readdirSync(place, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw new WalError('ERR_WAL_IO', `Cannot list ${place}: ${reasonOf(error)}`, { cause: error });
  }
}

function nameOf({ madeBy, time, seq, whole }: Facts): string {
  const stamp = new Date(time).toISOString().replace(/[-:]/g, '');
  return `${madeBy === 'compact' ? 'before-compact-' : ''}${stamp}-${seq}${whole ? '' : '-damaged'}`;
}

function isBackupName(name: string): boolean {
  return factsOf(name) !== undefined;
}

/** Undefined for a name that none of them has. */
function factsOf(name: string): Facts | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, before, year, month, day, hour, minute, second, last, damaged] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const seq = Number(last);
  if (Number.isNaN(time) || !Number.isSafeInteger(seq)) return undefined;
  return { madeBy: before === undefined ? 'backup' : 'compact', time, seq, whole: damaged === undefined };
}

/** Undefined where it is deleted meanwhile. */
function sizesOf(directory: string): { bytes: number; shared: number } | undefined {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw new WalError('ERR_WAL_IO', `Cannot list ${directory}: ${reasonOf(error)}`, { cause: error });
  }
  let bytes = 0;
  let shared = 0;
  for (const name of names) {
    const look = lstatSync(join(directory, name), { throwIfNoEntry: false });
    bytes += look?.size ?? 0;
    if (look !== undefined && look.nlink > 1) shared += look.size;
  }
  return { bytes, shared };
}

/** How many stay by default, and of those that compactions make. */
export const AUTOMATIC_KEEP = 5;

const DELETED = '.deleted.tmp';
/** What was being made, and was not touched for so long, is left over. */
const LEFTOVER_MS = 3_600_000;

/**
 * Deletes all but those that go furthest, of those that `makers` made of this log; returns what it deleted. What stays must
 * be whole: it is verified before.
 */
export async function pruneBackups(
  directory: string,
  keep: number,
  makers: readonly Maker[],
): Promise<Backup[]> {
  const all = prunable(directory, makers);
  if (all.length <= keep) return deleteBackups<Backup>(directory, []);
  // The log itself stays where no backup does.
  const reached = await reachOfWhole(keep === 0 ? directory : (all[0] as Backup).directory);
  return pruneBehind(directory, keep, makers, reached);
}

/** The same, where something that is whole and goes up to entry `reached` is known to stay. What goes further stays, too. */
export function pruneBehind(
  directory: string,
  keep: number,
  makers: readonly Maker[],
  reached: number,
): Backup[] {
  const going = prunable(directory, makers).slice(keep);
  return deleteBackups(
    directory,
    going.filter(({ seq }) => seq <= reached),
  );
}

/**
 * Those that may be deleted: none that somebody put there, named, put a file into or wrote to, and none that is not whole, for
 * nothing takes its place.
 */
function prunable(directory: string, makers: readonly Maker[]): Backup[] {
  const { id } = metaOf(directory);
  return backupsOf(directory).filter(
    (backup) => backup.whole && makers.includes(backup.madeBy) && isOf(backup, id) && isAsMade(backup),
  );
}

/** Whether it holds what a backup does and nothing else: a writer that opens it leaves a wal.lock. */
function isAsMade({ directory }: Backup): boolean {
  // It throws where it was taken away meanwhile, or cannot be read.
  return attempt(() => readdirSync(directory).every(isLogFile), false);
}

/** What deleting backups would free. */
export interface Held {
  readonly bytes: number;
  /** Inodes: files, and the directories themselves. */
  readonly files: number;
}

/** What deleting all that compactions made would free: files that neither the log nor another backup holds. */
export function heldByPrunable(directory: string): Held {
  const backups = prunable(directory, ['compact']);
  const files = new Map<string, { size: number; others: number }>();
  for (const backup of backups) {
    for (const name of readdirSync(backup.directory)) {
      const look = lstatSync(join(backup.directory, name), { throwIfNoEntry: false });
      if (look === undefined) continue;
      const { dev, ino, size, nlink } = look;
      const file = files.get(`${dev} ${ino}`) ?? { size, others: nlink };
      files.set(`${dev} ${ino}`, { size, others: file.others - 1 });
    }
  }
  const sole = [...files.values()].filter(({ others }) => others === 0);
  return { bytes: sole.reduce((sum, { size }) => sum + size, 0), files: backups.length + sole.length };
}

async function reachOfWhole(directory: string): Promise<number> {
  const { error, head } = await using(openReader(directory), (wal) => wal.verify());
  if (error === undefined) return head.seq;
  const { message, code, cause, ...facts } = error;
  const told = `${directory}, which would stay, is not whole: no backup was deleted. ${message}`;
  throw new WalError(code, told, { ...facts, cause });
}

/** Deletes backups, and what was left of making and deleting others; returns those that nobody else deleted first. */
export function deleteBackups<T extends { readonly directory: string }>(
  directory: string,
  going: readonly T[],
): T[] {
  const place = backupsPlace(directory);
  try {
    // So that half of one is never taken for a backup.
    const deleted = going.filter((backup) =>
      isDone(() => renameSync(backup.directory, `${backup.directory}${DELETED}`)),
    );
    for (const name of directoriesIn(place))
      if (isLeft(place, name)) isDone(() => rmSync(join(place, name), { recursive: true, force: true }));
    return deleted;
  } catch (error) {
    if (error instanceof WalError) throw error;
    const code = hasCode(error, 'EACCES', 'EPERM', 'EROFS') ? 'ERR_WAL_PERMISSION' : 'ERR_WAL_IO';
    throw new WalError(code, `Cannot delete a backup in ${place}: ${reasonOf(error)}`, { cause: error });
  }
}

/** False if another process that prunes was first. */
function isDone(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Of names that are made here alone. */
function isLeft(place: string, name: string): boolean {
  if (name.endsWith(DELETED)) return isBackupName(name.slice(0, -DELETED.length));
  if (!isTemporaryName(name) || mayBeInTheMaking(name, hostname(), isGone)) return false;
  const look = statSync(join(place, name), { throwIfNoEntry: false });
  return look !== undefined && look.mtimeMs < Date.now() - LEFTOVER_MS;
}
