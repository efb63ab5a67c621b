import { join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import {
  BACKUPS_DIRECTORY,
  FAILED_SYNC_FILE,
  META_FILE,
  REPAIRING_FILE,
  segmentName,
  segmentSeq,
  snapshotSeq,
} from '../format/names.ts';
import { layoutOf } from '../layout/layout.ts';
import { Staging } from '../layout/staging.ts';
import { readWhole, removeQuietly, writeWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage } from '../storage/storage.ts';

/*
 * A salvaged log replaces the damaged one in the same directory, so that locks, backups and other files there stay. The
 * names cannot all be changed at once. So wal.json is removed first and comes back last: while it is missing beside
 * segments, nobody opens the log. A marker says how far the replacement is:
 *
 * - closing: all files are still the damaged log's, and perhaps not all are kept. After a crash, wal.json is put back.
 * - replacing: files are being replaced, and all originals are kept. After a crash, a new log is made from those.
 * - ending: all files are the new log's, and the kept files are history. Others append as soon as wal.json is back,
 *   even if the marker is still there.
 */

/** A replacement of the log: the names of its two directories among the backups of the log. */
export interface Swap {
  /** Name of the directory with the whole original. */
  readonly kept: string;
  /** Name of the directory of the new log. */
  readonly made: string;
}

/**
 * What the marker says of the files in the log's directory. closing: all are the damaged log's. replacing: some are the
 * new log's. ending: all but wal.json are the new log's.
 */
type Phase = 'closing' | 'replacing' | 'ending';

/** Only names without a path match, because files are deleted from the directories that the marker names. */
const MARKER =
  /^\{"kept":"(before-repair-[0-9TZ.]+)","made":"(repaired-[0-9TZ.]+-[0-9a-f]+)","phase":"(closing|replacing|ending)"\}\n$/;

/** The path of a file in a log's directory for backups. */
export function besideBackups(directory: string, name: string): string {
  return join(directory, BACKUPS_DIRECTORY, name);
}

/**
 * before: all files are the damaged log's. closed: all files are the damaged log's, but wal.json is removed. within:
 * some files are the new log's. ending: all files are the new log's, but wal.json is not there yet, or was lost since.
 * after: all files are the new log's.
 */
export type SwapState = 'before' | 'closed' | 'within' | 'ending' | 'after';

/** The replacement that a crash interrupted, and its state; undefined if there is none. */
export function unfinishedSwap(
  storage: Storage,
  directory: string,
): (Swap & { readonly state: SwapState }) | undefined {
  const marked = swapIn(storage, directory);
  if (marked === undefined) return undefined;
  const { phase, ...swap } = marked;
  const [now, then] = [directory, besideBackups(directory, swap.kept)].map((at) =>
    identity(storage, at, META_FILE),
  );
  if (now !== undefined) return { ...swap, state: now === then || phase === 'closing' ? 'before' : 'after' };
  return { ...swap, state: phase === 'closing' ? 'closed' : phase === 'replacing' ? 'within' : 'ending' };
}

function swapIn(storage: Storage, directory: string): (Swap & { readonly phase: Phase }) | undefined {
  const bytes = readWhole(storage, join(directory, REPAIRING_FILE));
  if (bytes === undefined) return undefined;
  const [, kept = '', made = '', phase] = MARKER.exec(bytes.toString()) ?? [];
  // The directories must not be links: files in them are read and deleted.
  const leads = [kept, made].some((name) => storage.isLink(besideBackups(directory, name)));
  if (kept === '' || leads) {
    const advice = `What is in ${join(directory, BACKUPS_DIRECTORY)} under "before-repair" is the log as it was: remove the marker, then salvage that.`;
    const message = `${join(directory, REPAIRING_FILE)}, left by a repair that was interrupted, is damaged. ${advice}`;
    throw new WalError('ERR_WAL_FORMAT', message);
  }
  return { kept, made, phase: phase as Phase };
}

function identity(storage: Storage, directory: string, name: string): string | undefined {
  const look = storage.look(join(directory, name));
  return look && `${look.device} ${look.inode}`;
}

/** Keeps the files of a log in another directory, as hard links: what is appended to a file is in its link, too. */
export async function keepOriginal(
  storage: Storage,
  directory: string,
  name: string,
  token: string,
): Promise<void> {
  const staging = new Staging(storage, besideBackups(directory, name), token, storage.look(directory));
  try {
    for (const file of logFiles(storage, directory)) {
      const copy = join(staging.path, file);
      storage.link(join(directory, file), copy);
      const open = storage.open(copy, 'read');
      await open.sync().finally(() => open.close());
    }
    staging.commit();
  } catch (error) {
    staging.discard();
    throw error;
  }
}

/**
 * Keeps files that were made since, too. Returns false if a file was replaced or removed since: then the kept files are
 * not those of the log.
 */
function keepLatecomers(storage: Storage, directory: string, kept: string): boolean {
  const copy = besideBackups(directory, kept);
  for (const name of logFiles(storage, directory))
    if (identity(storage, copy, name) === undefined) storage.link(join(directory, name), join(copy, name));
  storage.syncDirectory(copy);
  return logFiles(storage, copy).every((name) => {
    const now = identity(storage, directory, name);
    return now === identity(storage, copy, name) || (name === META_FILE && now === undefined);
  });
}

/** Names of a log's segments, snapshots and wal.json. */
function logFiles(storage: Storage, directory: string): string[] {
  return storage
    .list(directory)
    .filter(
      (name) => name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined,
    );
}

/**
 * Replaces the old log's files by the new log's, except for wal.json. The caller must hold the write turn. `isBegun`:
 * an interrupted replacement has begun to replace files. Returns false if a file was replaced since it was kept: then
 * nothing is changed.
 */
export function beginSwap(
  storage: Storage,
  directory: string,
  swap: Swap,
  token: string,
  isBegun: boolean,
): boolean {
  const { kept, made } = swap;
  const from = besideBackups(directory, made);
  if (isBegun) requireClosed(storage, directory, kept);
  else {
    mark(storage, directory, swap, 'closing', token);
    storage.remove(join(directory, META_FILE));
    storage.syncDirectory(directory);
    // From here on no writer makes a segment. But a writer that continued without the lock may have made one just
    // before.
    if (!keepLatecomers(storage, directory, kept)) return undone(storage, directory, swap);
  }
  mark(storage, directory, swap, 'replacing', token);
  // This check is as late as possible: a checkout that comes after it is undone.
  if (!isBegun && !keepLatecomers(storage, directory, kept)) return undone(storage, directory, swap);
  const fresh = logFiles(storage, from).filter((name) => name !== META_FILE);
  // As long as there are segments, nobody makes a new log because wal.json is missing, so the new files come before the
  // old ones are removed.
  for (const name of fresh) storage.rename(join(from, name), join(directory, name));
  for (const name of logFiles(storage, directory))
    if (!fresh.includes(name)) storage.remove(join(directory, name));
  storage.remove(join(directory, FAILED_SYNC_FILE));
  // A move survives a crash only once both directories are synced.
  for (const each of [directory, from]) storage.syncDirectory(each);
  return true;
}

/**
 * Throws if somebody put wal.json back after files were replaced: others may have appended since, and would lose that.
 */
function requireClosed(storage: Storage, directory: string, kept: string): void {
  const path = join(directory, META_FILE);
  if (storage.look(path) === undefined) return;
  const message = `${path} was put back while a repair replaced the files beside it: nothing more was changed. The log as it was is ${besideBackups(directory, kept)}: put its files back, or run the repair again.`;
  throw new WalError('ERR_WAL_CONFLICT', message);
}

function mark(storage: Storage, directory: string, { kept, made }: Swap, phase: Phase, token: string): void {
  const marker = join(directory, REPAIRING_FILE);
  const temporary = `${marker}.${token}.tmp`;
  const bytes = Buffer.from(`${JSON.stringify({ kept, made, phase })}\n`);
  try {
    writeWhole(storage, temporary, bytes, permissionsIn(storage, besideBackups(directory, made)));
    // There may be a marker already, and it must never be missing: without one, nobody would know of the kept files.
    storage.rename(temporary, marker);
  } catch (error) {
    removeQuietly(storage, temporary);
    throw error;
  }
  storage.syncDirectory(directory);
}

/** Undoes a replacement that has replaced no file yet: it puts the damaged log's wal.json back, if there was one. */
export function undoSwap(storage: Storage, directory: string, { kept, made }: Swap): void {
  const [original, path] = [join(besideBackups(directory, kept), META_FILE), join(directory, META_FILE)];
  if (storage.look(path) === undefined && storage.look(original) !== undefined) {
    storage.link(original, path);
    storage.syncDirectory(directory);
  }
  clearSwap(storage, directory, made);
}

function undone(storage: Storage, directory: string, swap: Swap): false {
  undoSwap(storage, directory, swap);
  return false;
}

/**
 * Puts wal.json of the new log in place, whose other files are there, so that all can open it, and removes what the
 * replacement needed.
 */
export function endSwap(storage: Storage, directory: string, swap: Swap, token: string): void {
  requireClosed(storage, directory, swap.kept);
  mark(storage, directory, swap, 'ending', token);
  finishSwap(storage, directory, swap);
}

/**
 * Like `endSwap`, once the marker says `ending`. If wal.json was put in place before, and lost since, the log stays
 * without.
 */
export function finishSwap(storage: Storage, directory: string, { made }: Swap): void {
  const from = besideBackups(directory, made);
  if (storage.look(join(from, META_FILE)) !== undefined) {
    storage.rename(join(from, META_FILE), join(directory, META_FILE));
    for (const each of [directory, from]) storage.syncDirectory(each);
  }
  clearSwap(storage, directory, made);
}

/** Removes the marker, and what is left of the new log outside the log's directory. */
function clearSwap(storage: Storage, directory: string, made: string): void {
  storage.remove(join(directory, REPAIRING_FILE));
  storage.syncDirectory(directory);
  removeMade(storage, directory, made);
}

/** Removes what is left of a directory of files, if it exists. */
export function removeMade(storage: Storage, directory: string, name: string): void {
  const path = besideBackups(directory, name);
  if (storage.look(path) === undefined) return;
  for (const file of storage.list(path)) storage.remove(join(path, file));
  try {
    storage.removeDirectory(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Bytes of all segments. */
export function segmentBytes(storage: Storage, directory: string): number {
  return layoutOf(storage, directory).segments.reduce(
    (sum, seq) => sum + (storage.look(join(directory, segmentName(seq)))?.size ?? 0),
    0,
  );
}
