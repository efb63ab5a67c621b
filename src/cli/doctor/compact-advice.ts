import { hasCode } from '../../errors/errors.ts';
import type { FoldIdentity } from '../../format/fold-identity.ts';
import { printable } from '../../format/printable.ts';
import { lastData, Wal } from '../../index.ts';
import { foldOf } from '../fold.ts';
import { metaOf } from '../read-file.ts';
import { newestSnapshot } from '../segments.ts';
import { commandOn } from './check.ts';

/** How to compact a log with its own fold; undefined for a log that is never compacted. */
export async function compactAdvice(directory: string, flags = ''): Promise<string | undefined> {
  const { git, keepEvents, fold: madeWith } = metaOrNone(directory);
  if (git || keepEvents) return undefined;
  const fold = (await foldIn(directory)) ?? madeWith;
  const command = commandOn(directory, `compact --fold last-data${flags}`);
  if (fold?.name === lastData.name) return command;
  if (fold !== undefined)
    return `${commandOn(directory, `compact --fold MODULE${flags}`)}, where MODULE is the program's module that exports the fold ${printable(JSON.stringify(fold.name))}`;
  return `${command} (where the last data of each id is all that counts; else name the module of the program's fold)`;
}

/** The fold that the log names, as far as it can be read: where it cannot, the check of the chain tells. */
async function foldIn(directory: string): Promise<FoldIdentity | undefined> {
  const wal = await Wal.open(directory, { readOnly: true }).catch(() => undefined);
  if (wal === undefined) return newestSnapshot(directory)?.fold;
  await wal.head().catch(() => {});
  const fold = foldOf(wal);
  await wal.close();
  return fold;
}

/** What wal.json says; nothing where that cannot be read, which the check of the format tells. */
function metaOrNone(directory: string): {
  git?: boolean;
  keepEvents?: boolean | 'unknown';
  fold?: FoldIdentity | undefined;
} {
  try {
    return metaOf(directory);
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_FORMAT', 'ERR_WAL_VERSION', 'ERR_WAL_NOT_FOUND')) return {};
    throw error;
  }
}
