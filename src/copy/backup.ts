import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { SurveyedDamage } from '../log/damage-survey.ts';
import { type VerifyReport, verifyLog } from '../log/verify.ts';
import { boolean, callback, oneOf, readOptions } from '../options/options.ts';
import { checkSignal } from '../setup/requests.ts';
import { resolveDirectory } from '../storage/directory.ts';
import { filesOf } from '../store/refusals.ts';
import type { BackupFiles, LineStore } from '../store/store.ts';

export type { BackupFiles };

export interface BackupOptions {
  /**
   * Whether files that are no longer written to may be hard links to the log's files, or share their blocks. Such files
   * take no space until the log deletes its own. `false` copies the bytes, so that a failing disk, or an edit of the
   * log's files in place, does not harm both. Default true.
   */
  readonly link?: boolean | undefined;
  /**
   * What to do if the log is damaged, so that the copy does not verify. `error` makes no copy, and rejects with what is
   * wrong. `keep` keeps the copy, which is as damaged as the log, and reports the damage. Default `error`.
   */
  readonly onDamage?: 'error' | 'keep' | undefined;
  /** Aborts the backup, which removes what it copied and rejects with ERR_WAL_ABORTED. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called now and then with the number of bytes of the copy that were verified. If it throws, the backup rejects with
   * that error. Default: none.
   */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** The copy of a log: how it was made, and whether it verifies. */
export interface BackupReport extends BackupFiles {
  /** Number of its last entry; 0 if it has none. */
  readonly seq: number;
  /** Whether the copy verifies; each line and each snapshot of it was read. false only with `onDamage: 'keep'`. */
  readonly whole: boolean;
  /** What is damaged or missing in it, as in the report of `verify`. */
  readonly damage: readonly SurveyedDamage[];
  /** The error with which reading the copy ends; undefined if it is whole. */
  readonly error: WalError | undefined;
}

/** Copies a log, and verifies the copy before the copy gets its name. */
export async function backupStore(
  store: LineStore,
  clock: Clock,
  destination: string,
  options: BackupOptions,
): Promise<BackupReport> {
  const known = ['link', 'onDamage', 'signal', 'onProgress'] as const;
  const { link, onDamage, signal, onProgress } = readOptions(options, known);
  checkSignal(signal);
  const logFiles = filesOf(store, 'A backup');
  const mayShare = boolean('link', link ?? true);
  const keeps = oneOf('onDamage', onDamage ?? 'error', ['error', 'keep']) === 'keep';
  const report = callback('onProgress', onProgress);
  const progress = (bytes: number) => {
    checkAborted(signal);
    report?.(bytes);
  };
  let found: Pick<VerifyReport, 'head' | 'pending' | 'damage' | 'error'> | undefined;
  const check = async (copy: LineStore) => {
    found = await verdictOn(copy, clock, progress);
    if (found.error === undefined) return;
    const error = errorOfLog(found.error, copy, store);
    if (!keeps) throw notWholeError(error, store.info().location);
    found = { ...found, error };
  };
  const files = await logFiles.backup(resolveDirectory(destination), { link: mayShare, signal, check });
  const { head, pending = head.seq, damage, error } = found as NonNullable<typeof found>;
  return { ...files, seq: pending, whole: error === undefined, damage, error };
}

async function verdictOn(copy: LineStore, clock: Clock, onProgress: (bytes: number) => void) {
  try {
    return await verifyLog(copy, clock, onProgress);
  } catch (thrown) {
    if (!(thrown instanceof WalError && hasCode(thrown, 'ERR_WAL_COMPACTED'))) throw thrown;
    // Nobody compacts a copy, so its files are wrong.
    const message = `Its segments do not lead to its snapshot. ${thrown.message}`;
    const error = new WalError('ERR_WAL_CORRUPT', message, { ...thrown, cause: thrown.cause });
    return { head: { seq: thrown.seq ?? 0, crc: '' }, pending: undefined, damage: [], error };
  }
}

/** The error of a copy, as an error of the log: the temporary directory of the copy will be renamed or removed. */
function errorOfLog({ message, code, cause, ...facts }: WalError, copy: LineStore, log: LineStore): WalError {
  const text = message.replaceAll(copy.info().location, log.info().location);
  return new WalError(code, text, { ...facts, cause });
}

function notWholeError(error: WalError, directory: string): WalError {
  const { message, code, cause, ...facts } = error;
  return new WalError(
    code,
    `The log in ${directory} is damaged, so a backup of it would not be whole, and none was made. ${message} "jsonl-wal backup" (in a program: onDamage: 'keep') copies it as it is.`,
    { ...facts, cause },
  );
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new WalError('ERR_WAL_ABORTED', 'The backup was aborted: no copy was made.', {
    cause: signal.reason,
  });
}
