import { hasCode, messageOf, type Outcome, WalError, withOutcome } from '../errors/errors.ts';

/** Turns an error of the operating system into a WalError that says where it happened and what to do next. */
export function fileError(error: unknown, doing: string, path: string, outcome?: Outcome): WalError {
  if (error instanceof WalError) return outcome === undefined ? error : withOutcome(error, outcome);
  const details = { cause: error, ...(outcome && { outcome }) };
  const why = messageOf(error);
  if (hasCode(error, 'ENOENT')) {
    return new WalError(
      'ERR_WAL_NOT_FOUND',
      `Cannot ${doing} ${path}: ${itOf(error, path)} does not exist.`,
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
      `Cannot ${doing} ${path}: the file system is read-only. Remount it for writing, or use another file system.`,
      details,
    );
  }
  if (hasCode(error, 'EILSEQ')) {
    return new WalError(
      'ERR_WAL_ARGUMENT',
      `Cannot ${doing} ${path}: its name is apparently not UTF-8, so that what is made would get another name. Give the directory a name in UTF-8.`,
      details,
    );
  }
  if (hasCode(error, 'ENOTDIR', 'EEXIST')) {
    return new WalError(
      'ERR_WAL_NOT_A_DIRECTORY',
      `Cannot ${doing} ${path}: it, or a part of its path, is not a directory.`,
      details,
    );
  }
  if (hasCode(error, 'EISDIR')) {
    return new WalError(
      'ERR_WAL_FORMAT',
      `Cannot ${doing} ${path}: ${itOf(error, path)} is a directory where a file of the log should be. Move it away.`,
      details,
    );
  }
  if (hasCode(error, 'ENXIO')) {
    return new WalError(
      'ERR_WAL_FORMAT',
      `Cannot ${doing} ${path}: ${itOf(error, path)} is a pipe, a socket or a device where a file of the log should be. Move it away.`,
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
      `Cannot ${doing} ${path}: a part of it is on another disk, and hard links cannot cross disks. Put the log's files and its backups on the same disk.`,
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

/** How an error names the file that it is about: by its path if that differs from `path`. */
function itOf(error: unknown, path: string): string {
  const { path: own = path } = error as { readonly path?: string };
  return own === path ? 'it' : own;
}

/** The error, with the advice to open the log read-only if the error refuses to write a log that exists. */
export function orReadOnly(error: unknown): unknown {
  if (!(error instanceof WalError) || error.code !== 'ERR_WAL_PERMISSION') return error;
  const { message, code, cause, ...facts } = error;
  return new WalError(code, `${message} Or open the log read-only (readOnly: true).`, { ...facts, cause });
}

/**
 * True if the system refused the write before it took a byte: there is no room, or the file may not be
 * written to (any more).
 */
export function isRefused(error: unknown): boolean {
  return hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EACCES', 'EPERM');
}
