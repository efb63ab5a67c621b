import { statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, type Outcome, WalError } from '../errors/errors.ts';
import { META_FILE } from '../format/names.ts';
import { usageError } from './failure.ts';
import { onLog } from './on-log.ts';

/** What the API's messages advise, and what that is on the command line. */
const ADVICE: readonly (readonly [api: string, here: string])[] = [
  ['Or open the log read-only (readOnly: true).', 'It may still be read.'],
  ['pass allowNetwork: true', 'pass --allow-network'],
  [
    "name it (toSeq), or take all that lies before the damage (onDamage: 'cut')",
    'name it (--to-seq), or take all that lies before the damage (--on-damage cut)',
  ],
];

const MAKE_ONE = 'make one with "jsonl-wal init", or name another with -C';

/** The error of opening a log, in the words of the command line; `outcome`: what became of what was to be appended; `advice`: what to do where there is none. */
export function openingError(error: unknown, directory: string, outcome?: Outcome, advice?: string): unknown {
  if (!(error instanceof WalError)) return error;
  if (error.code === 'ERR_WAL_NOT_FOUND' && !isLog(directory)) return noLog(directory, outcome, advice);
  const told = onLog(error.message, directory);
  const message = ADVICE.reduce((text, [api, here]) => text.replace(api, here), told);
  const { code, cause } = error;
  return new WalError(code, message, { ...error, ...(outcome && { outcome }), cause });
}

/** For what does not need the log's contents: that there is one. */
export function requireLog(directory: string): void {
  refuseAddress(directory);
  if (!isLog(directory)) throw noLog(directory);
}

export function refuseAddress(directory: string): void {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(directory))
    throw usageError(`${directory} is an address; this version keeps logs in directories only.`);
}

function isLog(directory: string): boolean {
  const path = join(directory, META_FILE);
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (!hasCode(error, 'EACCES', 'EPERM')) return false;
    const message = `Cannot look at ${path}: no permission. Check owner and mode.`;
    throw new WalError('ERR_WAL_PERMISSION', message, { cause: error });
  }
}

function noLog(directory: string, outcome?: Outcome, advice = MAKE_ONE): WalError {
  return new WalError('ERR_WAL_NOT_FOUND', `There is no log in ${directory}: ${advice}.`, {
    ...(outcome && { outcome }),
  });
}
