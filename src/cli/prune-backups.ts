import { lstatSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { isTemporaryName, META_FILE, mayBeInTheMaking, segmentSeq, snapshotSeq } from '../format/names.ts';
import {
  type Backup,
  backupsOf,
  backupsPlace,
  directoriesIn,
  isBackupName,
  isOf,
  type Maker,
} from './backups.ts';
import { isGone } from './holder.ts';
import { openReader, using } from './log.ts';
import { metaOf } from './read-file.ts';

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

/** Whether it holds what a backup does and nothing else: who opens it to write leaves a wal.lock. */
function isAsMade({ directory }: Backup): boolean {
  try {
    const isPart = (name: string) =>
      name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined;
    return readdirSync(directory).every(isPart);
  } catch {
    // It was taken away meanwhile, or cannot be read.
    return false;
  }
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

/** Of names that are made here alone. */
function isLeft(place: string, name: string): boolean {
  if (name.endsWith(DELETED)) return isBackupName(name.slice(0, -DELETED.length));
  if (!isTemporaryName(name) || mayBeInTheMaking(name, hostname(), isGone)) return false;
  const look = statSync(join(place, name), { throwIfNoEntry: false });
  return look !== undefined && look.mtimeMs < Date.now() - LEFTOVER_MS;
}
