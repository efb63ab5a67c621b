import { hasCode, messageOf, type Outcome, WalError, withOutcome } from '../errors/errors.ts';

/** Turns an error of the operating system into one that says where it happened and what to do. */
export function fileError(error: unknown, doing: string, path: string, outcome?: Outcome): WalError {
  if (error instanceof WalError) return outcome === undefined ? error : withOutcome(error, outcome);
  const details = { cause: error, ...(outcome && { outcome }) };
  const why = messageOf(error);
  if (hasCode(error, 'ENOENT')) {
    return new WalError(
      'ERR_WAL_NOT_FOUND',
      `Cannot ${doing} ${path}: ${itOf(error, path)} is not there.`,
      details,
    );
  }
  if (hasCode(error, 'EACCES', 'EPERM')) {
    return new WalError(
      'ERR_WAL_PERMISSION',
      `Cannot ${doing} ${path}: no permission. Check owner and mode${hasCode(error, 'EPERM') ? ', and attributes (lsattr)' : ''}.`,
      details,
    );
  }
  if (hasCode(error, 'EROFS')) {
    return new WalError(
      'ERR_WAL_PERMISSION',
      `Cannot ${doing} ${path}: the file system is read-only. Mount it for writing, or use another.`,
      details,
    );
  }
  if (hasCode(error, 'EILSEQ')) {
    return new WalError(
      'ERR_WAL_ARGUMENT',
      `Cannot ${doing} ${path}: its name, as far as it can be told, is no UTF-8, and what is made would have another. Give the directory a name in UTF-8.`,
      details,
    );
  }
  if (hasCode(error, 'ENOTDIR', 'EEXIST')) {
    return new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `Cannot ${doing} ${path}: it, or a part of it, is not a directory.`,
      details,
    );
  }
  if (hasCode(error, 'EISDIR')) {
    return new WalError(
      'ERR_WAL_FORMAT',
      `Cannot ${doing} ${path}: ${itOf(error, path)} is a directory, where a file of the log should be. Move it away.`,
      details,
    );
  }
  if (hasCode(error, 'ENXIO')) {
    return new WalError(
      'ERR_WAL_FORMAT',
      `Cannot ${doing} ${path}: ${itOf(error, path)} is a pipe, a socket or a device, where a file of the log should be. Move it away.`,
      details,
    );
  }
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) {
    return new WalError(
      'ERR_WAL_NO_SPACE',
      `Cannot ${doing} ${path}: ${why}. Make room and try again.`,
      details,
    );
  }
  if (hasCode(error, 'EXDEV')) {
    return new WalError(
      'ERR_WAL_UNSUPPORTED',
      `Cannot ${doing} ${path}: a part of it is on another disk, to which a hard link cannot lead. Put the files themselves, and the log's backups, on one disk.`,
      details,
    );
  }
  if (hasCode(error, 'EMFILE', 'ENFILE')) {
    return new WalError(
      'ERR_WAL_IO',
      `Cannot ${doing} ${path}: too many open files. Close some, or raise "ulimit -n".`,
      details,
    );
  }
  return new WalError('ERR_WAL_IO', `Cannot ${doing} ${path}: ${why}.`, details);
}

/** How an error names what it is of: by its path, where that is but a part of what was to be done something with. */
function itOf(error: unknown, path: string): string {
  const { path: own = path } = error as { readonly path?: string };
  return own === path ? 'it' : own;
}

/** The same error where it refuses to write a log that is there: it may still be read. */
export function orReadOnly(error: unknown): unknown {
  if (!(error instanceof WalError) || error.code !== 'ERR_WAL_PERMISSION') return error;
  const { message, code, cause, ...facts } = error;
  return new WalError(code, `${message} Or open the log read-only (readOnly: true).`, { ...facts, cause });
}

/** True for a write that the system refused before it took a byte: there is no room, or the file may not be written to (any more). */
export function isRefused(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM');
}
