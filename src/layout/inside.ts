import { dirname, join, relative, sep } from 'node:path';
import { BACKUPS_DIRECTORY } from '../format/names.ts';
import { badArgument } from '../options/options.ts';
import type { Storage } from '../storage/storage.ts';

/**
 * Throws ERR_WAL_ARGUMENT if a copy of the log would be inside the log's directory, but not in its directory for
 * backups: people, at least, would take it for a part of the log.
 */
export function refuseInside(storage: Storage, directory: string, destination: string): void {
  const log = storage.look(directory);
  for (let at = destination; ; at = dirname(at)) {
    const look = storage.look(at);
    if (look !== undefined && look.inode === log?.inode && look.device === log.device) {
      const [place, name] = relative(at, destination).split(sep);
      if (place === BACKUPS_DIRECTORY && name !== undefined) return;
      throw badArgument(
        `${destination} is inside the log itself: name a directory outside it, or one in ${join(directory, BACKUPS_DIRECTORY)}`,
      );
    }
    if (at === dirname(at)) return;
  }
}
