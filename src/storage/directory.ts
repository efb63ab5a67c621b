import { resolve } from 'node:path';
import { WalError } from '../errors/errors.ts';

/** The absolute path of the directory that a caller names. */
export function resolveDirectory(directory: string): string {
  if (typeof directory !== 'string' || directory === '')
    throw badDirectory('The directory must be a non-empty string.');
  if (directory.includes('\0'))
    throw badDirectory(`The directory ${JSON.stringify(directory)} holds a NUL, which no path can.`);
  try {
    return resolve(directory);
  } catch (error) {
    throw new WalError(
      'ERR_WAL_NOT_FOUND',
      `Cannot tell where ${directory} is, for the current directory is gone: name an absolute path.`,
      { cause: error },
    );
  }
}

function badDirectory(message: string): WalError {
  return new WalError('ERR_WAL_ARGUMENT', message, { outcome: 'not-written' });
}
