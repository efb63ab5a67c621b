import { hasCode, messageOf, WalError } from '../../errors/errors.ts';
import type { FoldIdentity } from '../../format/fold-identity.ts';
import { printable } from '../../format/printable.ts';
import { lastData, Wal } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import { foldOf, metaOf, newestSnapshot } from '../log.ts';

/** What a check found. */
export interface Finding {
  /** `skip`: not tried, because the user may only read. */
  readonly state: 'ok' | 'skip' | 'warn' | 'fail';
  readonly message: string;
  /** What to do about it; a command to paste, where there is one. */
  readonly fix?: string;
  /** Whether data is damaged. */
  readonly corrupt?: true;
}

/** A check by its name, with what it found. */
export interface Check extends Finding {
  readonly name: string;
}

/** What to do about what can be told only where an append can be tried. */
export const SEE_APPEND = 'see what "append" says';

/** Runs a check; what it throws is what it found. */
export async function checked(
  name: string,
  look: () => Finding | Promise<Finding>,
  fix?: string,
): Promise<Check> {
  try {
    return { name, ...(await look()) };
  } catch (error) {
    const code = error instanceof WalError ? ` [${error.code}]` : '';
    return { name, state: 'fail', message: `${messageOf(error)}${code}`, ...(fix && { fix }) };
  }
}

/** A command of this program on a directory, to be pasted into a shell. */
export function commandOn(directory: string, command: string): string {
  return `jsonl-wal ${command} -C ${shellWord(directory)}`;
}

/** What to do where there is no log. */
export function makeOne(directory: string): string {
  return `${commandOn(directory, 'init')}, or name another with -C`;
}

/** '12 seconds', '3 hours'. */
export function ageText(ms: number): string {
  const units = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ] as const;
  const [unit, name] = units.find(([each]) => ms >= 2 * each) ?? [1000, 'second'];
  const n = Math.max(0, Math.round(ms / unit));
  return `${n} ${name}${n === 1 ? '' : 's'}`;
}

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
