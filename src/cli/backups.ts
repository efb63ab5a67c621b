import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { BACKUPS_DIRECTORY } from '../format/names.ts';
import type { BackupOptions, BackupReport, Wal } from '../index.ts';

/** How many are kept by default, and of those that are made before a compaction. */
export const AUTOMATIC_KEEP = 5;

/** `20250101T120000.000Z-42`: when it was made, in UTC, and the log's last entry when it was begun; it may hold more. */
const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z-(\d{1,16})$/;
/** What was cut off in the middle is as old as that before it is taken for left over. */
const LEFTOVER_MS = 3_600_000;

/** A backup in the place that a log has for them. */
export interface Backup {
  readonly name: string;
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The log's last entry when it was begun; it may hold more. */
  readonly seq: number;
  readonly bytes: number;
  /** Of these, what the log, or another backup, holds too. */
  readonly shared: number;
}

/** Makes one there. */
export async function backUp(wal: Wal, options: BackupOptions = {}): Promise<BackupReport> {
  const place = join(wal.info().location, BACKUPS_DIRECTORY);
  const { seq } = await wal.head();
  for (;;) {
    const time = new Date().toISOString().replace(/[-:]/g, '');
    try {
      return await wal.backup(join(place, `${time}-${seq}`), options);
    } catch (error) {
      // Somebody else made one in this very millisecond.
      if (!hasCode(error, 'ERR_WAL_EXISTS')) throw error;
    }
  }
}

/** Those there are, newest first. */
export function backupsOf(directory: string): Backup[] {
  const place = join(directory, BACKUPS_DIRECTORY);
  return namesIn(place)
    .filter((name) => NAME.test(name))
    .sort()
    .reverse()
    .flatMap((name) => {
      const sizes = sizesOf(join(place, name));
      return sizes === undefined ? [] : [{ name, directory: join(place, name), ...factsOf(name), ...sizes }];
    });
}

/** Deletes all but the newest; returns those it deleted. And what was left of making and deleting others. */
export function pruneBackups(directory: string, keep: number): Backup[] {
  const place = join(directory, BACKUPS_DIRECTORY);
  const deleted: Backup[] = [];
  try {
    for (const backup of backupsOf(directory).slice(keep)) {
      const going = `${backup.directory}.deleted.tmp`;
      // So that half of one is never taken for a backup.
      if (!isDone(() => renameSync(backup.directory, going))) continue;
      deleted.push(backup);
      isDone(() => rmSync(going, { recursive: true, force: true }));
    }
    for (const name of namesIn(place))
      if (isLeft(place, name)) isDone(() => rmSync(join(place, name), { recursive: true, force: true }));
  } catch (error) {
    if (error instanceof WalError) throw error;
    const code = hasCode(error, 'EACCES', 'EPERM', 'EROFS') ? 'ERR_WAL_PERMISSION' : 'ERR_WAL_IO';
    throw new WalError(code, `Cannot delete a backup in ${place}: ${reasonOf(error)}`, { cause: error });
  }
  return deleted;
}

/** False where somebody else, who is pruning too, was first. */
function isDone(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Directories, and no links to such. */
function namesIn(place: string): string[] {
  try {
    const entries = readdirSync(place, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw new WalError('ERR_WAL_IO', `Cannot list ${place}: ${reasonOf(error)}`, { cause: error });
  }
}

function isLeft(place: string, name: string): boolean {
  if (!name.endsWith('.tmp')) return false;
  const look = statSync(join(place, name), { throwIfNoEntry: false });
  return look !== undefined && look.mtimeMs < Date.now() - LEFTOVER_MS;
}

function factsOf(name: string): { time: number; seq: number } {
  const [, year, month, day, hour, minute, second, seq] = NAME.exec(name) as unknown as string[];
  return { time: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`), seq: Number(seq) };
}

/** Undefined where it is deleted meanwhile. */
function sizesOf(directory: string): { bytes: number; shared: number } | undefined {
  let bytes = 0;
  let shared = 0;
  let names: string[] = [];
  const isThere = isDone(() => {
    names = readdirSync(directory);
  });
  if (!isThere) return undefined;
  for (const name of names) {
    const look = statSync(join(directory, name), { throwIfNoEntry: false });
    bytes += look?.size ?? 0;
    if (look !== undefined && look.nlink > 1) shared += look.size;
  }
  return { bytes, shared };
}
