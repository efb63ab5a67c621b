import { resolve } from 'node:path';
import { WalError } from '../errors/errors.ts';

export function resolveDirectory(directory: string): string {
  if (typeof directory !== 'string' || directory === '')
    throw badDirectory('The directory must be a non-empty string.');
  if (directory.includes('\0'))
    throw badDirectory(`The directory ${JSON.stringify(directory)} contains a NUL character: name another.`);
  try {
    return resolve(directory);
  } catch (error) {
    throw new WalError(
      'ERR_WAL_NOT_FOUND',
      `Cannot resolve ${directory}, because the current directory was deleted: name an absolute path.`,
      { cause: error },
    );
  }
}

function badDirectory(message: string): WalError {
  return new WalError('ERR_WAL_ARGUMENT', message, { outcome: 'not-written' });
}
