import { join } from 'node:path';
import { META_FILE, segmentSeq, snapshotSeq } from '../format/names.ts';
import type { Permissions, Storage } from './storage.ts';

/**
 * What a log's new files take, as SQLite's do from the database: the mode, owner and group of the newest segment, to which
 * all append who may; where there is no segment, of the newest snapshot, or else of wal.json. Undefined where it cannot be told.
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
    // What cannot be looked at, making the file tells.
  }
  return undefined;
}
