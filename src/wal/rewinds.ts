import { hasCode, WalError } from '../errors/errors.ts';
import type { NotedRewind } from '../format/mark.ts';
import { readMeta } from '../layout/log-directory.ts';
import { forgetMarks, MarkFile } from '../layout/mark-file.ts';
import { realEnvironment } from '../setup/environment.ts';
import { resolveDirectory } from '../storage/directory.ts';
import { fileError } from '../storage/error.ts';

/**
 * What was acknowledged on this machine and was then found missing from the log in a directory, oldest first. The notes are
 * kept until `forgetRewinds`, even if the log has continued since. Throws ERR_WAL_ARGUMENT, ERR_WAL_NOT_FOUND, ERR_WAL_NOT_A_DIRECTORY,
 * ERR_WAL_PERMISSION, ERR_WAL_FORMAT, ERR_WAL_VERSION or ERR_WAL_IO.
 */
export function notedRewinds(directory: string): NotedRewind[] {
  const { storage, clock } = realEnvironment;
  const place = resolveDirectory(directory);
  const meta = readMeta(storage, place);
  if (meta === undefined) throw new WalError('ERR_WAL_NOT_FOUND', `There is no log in ${place}.`);
  try {
    return new MarkFile({ storage, directory: place, log: meta.id, now: clock.now }).noted();
  } catch (error) {
    throw fileError(error, 'read what was noted in', place);
  }
}

/**
 * Forgets what was acknowledged on this machine: what `notedRewinds` returns, and the mark, which the next append makes
 * again. For a log that was cut, restored or checked out on purpose. Throws ERR_WAL_ARGUMENT, ERR_WAL_PERMISSION or ERR_WAL_IO.
 */
export function forgetRewinds(directory: string): void {
  const place = resolveDirectory(directory);
  try {
    forgetMarks(realEnvironment.storage, place);
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw fileError(error, 'forget what was noted in', place);
  }
}
