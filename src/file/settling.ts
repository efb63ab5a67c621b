import { join } from 'node:path';
import { hasCode, WalError } from '../errors/errors.ts';
import { NEWLINE } from '../format/line.ts';
import type { Meta } from '../format/meta.ts';
import { META_FILE } from '../format/names.ts';
import { lastFile, layoutOf } from '../layout/layout.ts';
import { readMeta } from '../layout/log-directory.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/** A file that was replaced is read once it has kept still for this long: whoever replaces it may still be writing. */
const SETTLE_MS = 25;
/** A file that grows all the while is being appended to: it is read after so many looks. */
const KNOWN_LOOKS = 4;
/** How long a log may be away (a checkout takes a file out before it puts the other in). */
const AWAY_MS = 1000;

interface Appearance {
  readonly file: string;
  readonly size: number;
  /** Whether it ends with a newline. */
  readonly whole: boolean;
}

/** After a replacement: yields how long to wait, until the log keeps still. Throws where it does not come back, or another does. */
export function* settling(storage: Storage, directory: string, meta: Meta): Generator<number, void> {
  let before: Appearance | undefined;
  let looks = 0;
  for (let waited = 0; ; waited += SETTLE_MS) {
    const now = appearanceOf(storage, directory);
    const known = now !== undefined && now.file === before?.file;
    if (known && now.size === before?.size) {
      // What ends in the middle of a line may be a copy on its way that has stalled.
      if (now.whole) break;
    } else {
      looks = known ? looks + 1 : 0;
      if (looks === KNOWN_LOOKS) break;
    }
    // Torn, or replaced at every look: then it is read as it is.
    if (now !== undefined && waited > AWAY_MS) break;
    if (waited > AWAY_MS) throw awayError(directory);
    before = now;
    yield SETTLE_MS;
  }
  metaNow(storage, directory, meta);
}

/** What wal.json says now of the log that was opened as `meta`. Throws where it is away, damaged, or another log's. */
export function metaNow(storage: Storage, directory: string, { id }: Meta): Meta {
  const now = readMeta(storage, directory);
  if (now === undefined) throw awayError(directory);
  if (now.id === id) return now;
  throw new WalError(
    'ERR_WAL_DIVERGED',
    `Another log (id ${now.id}) lies in ${directory} now, where ${id} was: open it again.`,
  );
}

function awayError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_NOT_FOUND',
    `The log was taken away from ${directory}: put it back (a checkout may have removed it) and open it again.`,
  );
}

/** What the last file looks like from outside; undefined while there is none, or no wal.json beside it. */
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
