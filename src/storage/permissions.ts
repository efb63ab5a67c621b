import { join } from 'node:path';
import { META_FILE, segmentSeq, snapshotSeq } from '../format/names.ts';
import type { Permissions, Storage } from './storage.ts';

/**
 * The permissions of a log's new files, as SQLite takes them from the database: mode, owner and group of the
 * newest segment, since every process that may append can write to it; without a segment, of the newest
 * snapshot, or else of wal.json. Undefined if they cannot be determined.
 */
export function permissionsIn(storage: Storage, directory: string): Permissions | undefined {
  try {
    const names = storage.list(directory).sort();
    const segment = names.findLast((name) => segmentSeq(name) !== undefined);
    const snapshot = names.findLast((name) => snapshotSeq(name) !== undefined);
    for (const name of [segment, snapshot, META_FILE]) {
      const look = name === undefined ? undefined : storage.look(join(directory, name));
      if (look !== undefined) return look;
    }
  } catch {
    // If something is wrong here, creating the file reports it.
  }
  return undefined;
}
