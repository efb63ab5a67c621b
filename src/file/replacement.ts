import { join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import {
  BACKUPS_DIRECTORY,
  META_FILE,
  REPAIRING_FILE,
  SUSPECT_FILE,
  segmentName,
  segmentSeq,
  snapshotSeq,
} from '../format/names.ts';
import { readWhole, writeWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage } from '../storage/storage.ts';
import { layoutOf } from './layout.ts';
import { Staging } from './staging.ts';

/*
 * A salvaged log takes the place of the damaged one in the same directory, so that locks, backups and whatever else lies
 * there stay. The names cannot all be changed at once; so wal.json, without which nobody opens a log whose segments are
 * there, is taken away first and comes back last, and a marker says from where to begin anew after a crash.
 */

/** The two that are in the log's place for backups while one takes the place of the other. */
export interface Swap {
  /** Name of the original, whole. */
  readonly kept: string;
  /** Name of the new log. */
  readonly made: string;
}

/** Names that lead nowhere else: what the marker names is deleted from. */
const MARKER = /^\{"kept":"(before-repair-[0-9TZ.]+)","made":"(repaired-[0-9TZ.]+-[0-9a-f]+)"\}\n$/;

/** The path of what lies in a log's place for backups. */
export function besideBackups(directory: string, name: string): string {
  return join(directory, BACKUPS_DIRECTORY, name);
}

/** Where a crash left a swap: nothing was changed yet, some files are the new log's, or all; undefined where there was none. */
export function unfinishedSwap(
  storage: Storage,
  directory: string,
): (Swap & { readonly state: 'before' | 'within' | 'after' }) | undefined {
  const swap = swapIn(storage, directory);
  if (swap === undefined) return undefined;
  const [now, then] = [directory, besideBackups(directory, swap.kept)].map((at) =>
    identity(storage, at, META_FILE),
  );
  return { ...swap, state: now === undefined ? 'within' : now === then ? 'before' : 'after' };
}

function swapIn(storage: Storage, directory: string): Swap | undefined {
  const bytes = readWhole(storage, join(directory, REPAIRING_FILE));
  if (bytes === undefined) return undefined;
  const [, kept = '', made = ''] = MARKER.exec(bytes.toString()) ?? [];
  // What is deleted, and read, lies where the names say.
  const leads = [kept, made].some((name) => storage.isLink(besideBackups(directory, name)));
  if (kept === '' || leads) {
    const advice = `What is in ${join(directory, BACKUPS_DIRECTORY)} under "before-repair" is the log as it was: salvage that, once the marker is removed.`;
    const message = `${join(directory, REPAIRING_FILE)}, which a repair left that was cut short, is damaged. ${advice}`;
    throw new WalError('ERR_WAL_FORMAT', message);
  }
  return { kept, made };
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

/** Keeps what came since, too. False where a file was replaced: then what is kept is not all there is. */
export function keepLatecomers(storage: Storage, directory: string, kept: string): boolean {
  const copy = besideBackups(directory, kept);
  let isSame = true;
  for (const name of logFiles(storage, directory)) {
    const there = identity(storage, copy, name);
    if (there === undefined) storage.link(join(directory, name), join(copy, name));
    else isSame &&= there === identity(storage, directory, name);
  }
  storage.syncDirectory(copy);
  return isSame;
}

/** Names of a log's segments, snapshots and wal.json. */
function logFiles(storage: Storage, directory: string): string[] {
  return storage
    .list(directory)
    .filter(
      (name) => name === META_FILE || segmentSeq(name) !== undefined || snapshotSeq(name) !== undefined,
    );
}

/** Puts the new log's files, but for wal.json, where the old one's are. To be called in the write turn. `isBegun`: wal.json is gone. */
export function beginSwap(
  storage: Storage,
  directory: string,
  { kept, made }: Swap,
  token: string,
  isBegun: boolean,
): void {
  const from = besideBackups(directory, made);
  const marker = join(directory, REPAIRING_FILE);
  const temporary = `${marker}.${token}.tmp`;
  const bytes = Buffer.from(`${JSON.stringify({ kept, made })}\n`);
  writeWhole(storage, temporary, bytes, permissionsIn(storage, from));
  // There may be one already, and without any nobody would know of what is kept.
  storage.rename(temporary, marker);
  storage.syncDirectory(directory);
  storage.remove(join(directory, META_FILE));
  storage.syncDirectory(directory);
  // From here on nobody makes a segment; who has waited too long for the lock may just have.
  if (!isBegun) keepLatecomers(storage, directory, kept);
  const fresh = logFiles(storage, from).filter((name) => name !== META_FILE);
  // While segments lie there, nobody makes a new log for want of a wal.json.
  for (const name of fresh) storage.rename(join(from, name), join(directory, name));
  for (const name of logFiles(storage, directory))
    if (!fresh.includes(name)) storage.remove(join(directory, name));
  storage.remove(join(directory, SUSPECT_FILE));
  // What moved from one to the other is kept once both are.
  for (const each of [directory, from]) storage.syncDirectory(each);
}

/** Opens the new log to all, and takes away what the swap needed. */
export function endSwap(storage: Storage, directory: string, { made }: Swap): void {
  const from = besideBackups(directory, made);
  storage.rename(join(from, META_FILE), join(directory, META_FILE));
  for (const each of [directory, from]) storage.syncDirectory(each);
  clearSwap(storage, directory, made);
}

/** Takes away the marker, and what is left of the new log outside its place. */
export function clearSwap(storage: Storage, directory: string, made: string): void {
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
