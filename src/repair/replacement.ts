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
 * A salvaged log takes the place of the damaged one in the same directory, so that locks, backups and whatever else lies
 * there stay. The names cannot all be changed at once; so wal.json, without which nobody opens a log whose segments are
 * there, is taken away first and comes back last, and a marker says how far it is. While it closes the log, all files are still the
 * damaged log's, and perhaps not all are kept: after a crash then, wal.json is put back. Once it replaces files, all are kept: after a crash
 * then, a new log is made of those. Once it ends, the files are the new log's, and what is kept is history: others append as soon as wal.json
 * is back, though the marker may stay.
 */

/** The two that are in the log's place for backups while one takes the place of the other. */
export interface Swap {
  /** Name of the original, whole. */
  readonly kept: string;
  /** Name of the new log. */
  readonly made: string;
}

/** What the marker says of the files in the log's directory: all are the damaged log's, or some are the new one's, or all but wal.json are. */
type Phase = 'closing' | 'replacing' | 'ending';

/** Names that lead nowhere else: what the marker names is deleted from. */
const MARKER =
  /^\{"kept":"(before-repair-[0-9TZ.]+)","made":"(repaired-[0-9TZ.]+-[0-9a-f]+)","phase":"(closing|replacing|ending)"\}\n$/;

/** The path of what lies in a log's place for backups. */
export function besideBackups(directory: string, name: string): string {
  return join(directory, BACKUPS_DIRECTORY, name);
}

/**
 * before: all files are the damaged log's. closed: so are they, but wal.json is away. within: some are the new log's. ending: all are, but
 * wal.json is not there yet, or was lost since. after: all are.
 */
export type SwapState = 'before' | 'closed' | 'within' | 'ending' | 'after';

/** A swap that a crash cut short, and where; undefined where there was none. */
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
  // What is deleted, and read, lies where the names say.
  const leads = [kept, made].some((name) => storage.isLink(besideBackups(directory, name)));
  if (kept === '' || leads) {
    const advice = `What is in ${join(directory, BACKUPS_DIRECTORY)} under "before-repair" is the log as it was: salvage that, once the marker is removed.`;
    const message = `${join(directory, REPAIRING_FILE)}, which a repair left that was cut short, is damaged. ${advice}`;
    throw new WalError('ERR_WAL_FORMAT', message);
  }
  return { kept, made, phase: phase as Phase };
}

function identity(storage: Storage, directory: string, name: string): string | undefined {
  const look = storage.look(join(directory, name));
  return look && `${look.device} ${look.inode}`;
}

/** Keeps the files of a log under another name, as hard links: what is appended to one is in the other. */
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

/** Keeps what came since, too. False where a file was replaced or removed: then what is kept is not what there is. */
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
 * Puts the new log's files, but for wal.json, where the old one's are. To be called in the write turn. `isBegun`: some are there.
 * False where a file was replaced since it was kept: then nothing is changed.
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
    // From here on nobody makes a segment; who has waited too long for the lock may just have.
    if (!keepLatecomers(storage, directory, kept)) return undone(storage, directory, swap);
  }
  mark(storage, directory, swap, 'replacing', token);
  // As late as can be: a checkout that comes after this look is undone.
  if (!isBegun && !keepLatecomers(storage, directory, kept)) return undone(storage, directory, swap);
  const fresh = logFiles(storage, from).filter((name) => name !== META_FILE);
  // While segments lie there, nobody makes a new log for want of a wal.json.
  for (const name of fresh) storage.rename(join(from, name), join(directory, name));
  for (const name of logFiles(storage, directory))
    if (!fresh.includes(name)) storage.remove(join(directory, name));
  storage.remove(join(directory, FAILED_SYNC_FILE));
  // What moved from one to the other is kept once both are.
  for (const each of [directory, from]) storage.syncDirectory(each);
  return true;
}

/** Throws where somebody put wal.json back since files were replaced: others may have appended, and would lose that. */
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
    // There may be one already, and without any nobody would know of what is kept.
    storage.rename(temporary, marker);
  } catch (error) {
    removeQuietly(storage, temporary);
    throw error;
  }
  storage.syncDirectory(directory);
}

/** Takes a swap back of which no file was put in place: wal.json is the damaged log's again, where that had one. */
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

/** Opens the new log, all of whose other files are in place, to all, and takes away what the swap needed. */
export function endSwap(storage: Storage, directory: string, swap: Swap, token: string): void {
  requireClosed(storage, directory, swap.kept);
  mark(storage, directory, swap, 'ending', token);
  finishSwap(storage, directory, swap);
}

/** The same, once the marker says so. Where wal.json was put back, and lost since, the log is left without. */
export function finishSwap(storage: Storage, directory: string, { made }: Swap): void {
  const from = besideBackups(directory, made);
  if (storage.look(join(from, META_FILE)) !== undefined) {
    storage.rename(join(from, META_FILE), join(directory, META_FILE));
    for (const each of [directory, from]) storage.syncDirectory(each);
  }
  clearSwap(storage, directory, made);
}

/** Takes away the marker, and what is left of the new log outside its place. */
function clearSwap(storage: Storage, directory: string, made: string): void {
  storage.remove(join(directory, REPAIRING_FILE));
  storage.syncDirectory(directory);
  removeMade(storage, directory, made);
}

/** Removes what is left of a directory of files, if it is there. */
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
