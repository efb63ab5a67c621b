import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, lstatSync, openSync, readdirSync, renameSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { BACKUPS_DIRECTORY, temporaryName } from '../format/names.ts';
import { type BackupOptions, type BackupReport, Wal } from '../index.ts';
import { metaOf } from './read-file.ts';
import { bytesIn, segmentsIn } from './segments.ts';
import { Progress } from './status.ts';
import { count } from './words.ts';

/** What made a backup: `backup`, which somebody called, or `compact`, before it deleted anything. */
export type Maker = 'backup' | 'compact';

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
      syncNames(place);
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

/** Windows opens no directories, and makes names durable by itself. */
function syncNames(place: string): void {
  if (process.platform === 'win32') return;
  const directory = openSync(place, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
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

export function isOf({ directory }: Backup, id: string): boolean {
  try {
    return metaOf(directory).id === id;
  } catch {
    // It was taken away meanwhile, or is no backup.
    return false;
  }
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

export function isBackupName(name: string): boolean {
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
