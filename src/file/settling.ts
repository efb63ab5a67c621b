import { join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { NEWLINE } from '../format/line.ts';
import type { Meta } from '../format/meta.ts';
import { META_FILE } from '../format/names.ts';
import { lastFile, layoutOf } from '../layout/layout.ts';
import { readMeta } from '../layout/log-directory.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * A replaced file is read once it has not changed for this long: the process that replaces it may still be writing.
 */
const SETTLE_MS = 25;
/** A file that grows at every look is being appended to: it is read after this many looks. */
const KNOWN_LOOKS = 4;
/** How long a log may be missing (a checkout removes a file before it writes the other one). */
const AWAY_MS = 1000;

interface Appearance {
  readonly file: string;
  readonly size: number;
  /** Whether the file ends with a newline. */
  readonly whole: boolean;
}

/**
 * After a replacement: yields the times to wait until the log stops changing. Throws if it does not come back, or
 * another log does.
 */
export function* settling(storage: Storage, directory: string, meta: Meta): Generator<number, void> {
  let before: Appearance | undefined;
  let looks = 0;
  for (let waited = 0; ; waited += SETTLE_MS) {
    const now = appearanceOf(storage, directory);
    const known = now !== undefined && now.file === before?.file;
    if (known && now.size === before?.size) {
      // A file that ends in the middle of a line may be a copy in progress that has stalled.
      if (now.whole) break;
    } else {
      looks = known ? looks + 1 : 0;
      if (looks === KNOWN_LOOKS) break;
    }
    // The file is torn, or was replaced at every look: it is read as it is.
    if (now !== undefined && waited > AWAY_MS) break;
    if (waited > AWAY_MS) throw awayError(directory);
    before = now;
    yield SETTLE_MS;
  }
  metaNow(storage, directory, meta);
}

/**
 * The contents of wal.json now, for the log that was opened as `meta`. Throws if it is missing, damaged, or another
 * log's.
 */
export function metaNow(storage: Storage, directory: string, { id }: Meta): Meta {
  const now = readMeta(storage, directory);
  if (now === undefined) throw awayError(directory);
  if (now.id === id) return now;
  throw new WalError(
    'ERR_WAL_DIVERGED',
    `${directory} now holds another log (id ${now.id}) than the one opened (id ${id}): open it again.`,
  );
}

function awayError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_NOT_FOUND',
    `The log is missing from ${directory}: put it back (a checkout may have removed it) and open it again.`,
  );
}

/** Name, identity, size and end of the last file; undefined while it or wal.json is missing. */
function appearanceOf(storage: Storage, directory: string): Appearance | undefined {
  try {
    const last = lastFile(layoutOf(storage, directory));
    if (last === undefined || storage.look(join(directory, META_FILE)) === undefined) return undefined;
    const file = storage.open(join(directory, last), 'read');
    try {
      const { device, inode, size } = file.look();
      const end = Buffer.alloc(1);
      const whole = size > 0 && file.read(end, size - 1) === 1 && end[0] === NEWLINE;
      return { file: `${last} ${device} ${inode}`, size, whole };
    } finally {
      file.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw fileError(error, 'read', directory);
  }
}
