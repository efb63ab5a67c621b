import { dirname, join, relative, sep } from 'node:path';
import { BACKUPS_DIRECTORY } from '../format/names.ts';
import { badArgument } from '../options/options.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Throws ERR_WAL_ARGUMENT where a copy of the log would lie inside it, elsewhere than in the place for its backups: all else would be
 * taken for part of it, by people at least.
 */
export function refuseInside(storage: Storage, directory: string, destination: string): void {
  const log = storage.look(directory);
  for (let at = destination; ; at = dirname(at)) {
    const look = storage.look(at);
    if (look !== undefined && look.inode === log?.inode && look.device === log.device) {
      const [place, name] = relative(at, destination).split(sep);
      if (place === BACKUPS_DIRECTORY && name !== undefined) return;
      throw badArgument(
        `${destination} is inside the log itself: name another directory, or one in ${join(directory, BACKUPS_DIRECTORY)}`,
      );
    }
    if (at === dirname(at)) return;
  }
}
