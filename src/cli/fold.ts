import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';
import { messageOf, WalError } from '../errors/errors.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type Fold, lastData, type Wal } from '../index.ts';
import { usageError } from './failure.ts';
import { newestSnapshot } from './segments.ts';

/** `--fold`: a fold by its name, or the path of a module that exports one. */
export function foldOption(): Option {
  return new Option(
    '--fold <fold>',
    'how entries become the state: last-data (the last data of each id, until an op delete), or ./module.js, which exports a fold',
  ).argParser(foldName);
}

function foldName(text: string): string {
  if (text === lastData.name || /[/\\]|\.[mc]?[jt]s$/.test(text)) return text;
  throw new InvalidArgumentError('It must be last-data, or the path of a module, such as ./fold.js.');
}

/** Loads the fold that `--fold` names; undefined where it was not given. A module exports its fold as default, or by the name `fold`. */
export async function foldNamed(given: string | undefined): Promise<Fold | undefined> {
  if (given === undefined) return undefined;
  if (given === lastData.name) return lastData;
  const path = resolve(given);
  const unfit = (why: string) =>
    new WalError('ERR_WAL_ARGUMENT', `${path} gives no fold: ${why}.`, { outcome: 'not-written' });
  if (!existsSync(path)) throw unfit('there is no such file');
  let module: { readonly default?: Fold; readonly fold?: Fold };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    throw unfit(messageOf(error));
  }
  const fold = module.default ?? module.fold;
  if (typeof fold !== 'object' || fold === null) throw unfit('export one as default, or by the name fold');
  return fold;
}

/** The log's fold, as its newest snapshot and the lines that were read name it: the lines may name a later version. */
export function foldOf(wal: Wal): FoldIdentity | undefined {
  const { location, fold } = wal.info();
  const inSnapshot = newestSnapshot(location)?.fold;
  return fold === undefined ? inSnapshot : recordedFold(inSnapshot, fold);
}

/** Throws the error of a call that was given another fold than the log's, with the flag that names that one. */
export function throwWithFlag(error: unknown, wal: Wal): never {
  // One with a cause is of a fold that failed.
  if (!(error instanceof WalError) || error.code !== 'ERR_WAL_FOLD' || error.cause !== undefined) throw error;
  const fold = foldOf(wal);
  const [own, module] = [`--fold ${lastData.name}`, '--fold ./module.js, which exports the fold'];
  const flag = fold === undefined ? `${own}, or ${module}` : fold.name === lastData.name ? own : module;
  throw new WalError(error.code, `${error.message} Here that is ${flag}.`, { ...error });
}

/** Throws where a log is about to be compacted, and neither the command line nor the log names a fold. */
export function requireFold(wal: Wal, fold: Fold | undefined): void {
  if (fold !== undefined || foldOf(wal) !== undefined) return;
  throw usageError(
    "Nobody has named the fold of this log: a snapshot keeps only the state that the fold makes, and the first fold that is named stays the log's. Name it: --fold last-data, where the last data of each id is all that counts, or --fold ./module.js, which exports the fold of the program that the log belongs to.",
  );
}
