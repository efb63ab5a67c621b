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
   * Whether files that are written no more may be hard links to the log's, or share its blocks: that takes no
   * space until the log lets go of them. false: bytes of their own, which a failing disk, or who edits the log in
   * place, does not harm with it. Default true.
   */
  readonly link?: boolean | undefined;
  /**
   * Where the log is damaged, so that its copy is not whole: `error` makes no copy, and rejects with what is wrong. `keep`
   * keeps the copy, as damaged as the log, and tells of it in the report. Default `error`.
   */
  readonly onDamage?: 'error' | 'keep' | undefined;
  /** Gives it up: what was copied is removed. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of bytes of the copy that were verified. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** A copy of a log, what it is worth, and how it was made. */
export interface BackupReport extends BackupFiles {
  /** The last entry in it; 0 for none. */
  readonly seq: number;
  /** Whether it verifies: each of its lines, and each snapshot, was read. false only with `onDamage: 'keep'`. */
  readonly whole: boolean;
  /** What is damaged in it, or not there, as `verify` tells it. */
  readonly damage: readonly SurveyedDamage[];
  /** The error that reading it ends in; undefined where it is whole. */
  readonly error: WalError | undefined;
}

/** Copies a log, and verifies the copy before that gets its name. */
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
  const tell = callback('onProgress', onProgress);
  const progress = (bytes: number) => {
    checkAborted(signal);
    tell?.(bytes);
  };
  let found: Pick<VerifyReport, 'head' | 'pending' | 'damage' | 'error'> | undefined;
  const check = async (copy: LineStore) => {
    found = await verdictOn(copy, clock, progress);
    if (found.error === undefined) return;
    const error = toldOf(found.error, copy, store);
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
    // Nobody compacts a copy.
    const message = `Its segments do not lead to the snapshot that stands there. ${thrown.message}`;
    const error = new WalError('ERR_WAL_CORRUPT', message, { ...thrown, cause: thrown.cause });
    return { head: { seq: thrown.seq ?? 0, crc: '' }, pending: undefined, damage: [], error };
  }
}

/** The error of a copy, as one of the log: the directory that the copy is made in has another name soon, or is gone. */
function toldOf({ message, code, cause, ...facts }: WalError, copy: LineStore, log: LineStore): WalError {
  const told = message.replaceAll(copy.info().location, log.info().location);
  return new WalError(code, told, { ...facts, cause });
}

function notWholeError(error: WalError, directory: string): WalError {
  const { message, code, cause, ...facts } = error;
  return new WalError(
    code,
    `The log in ${directory} is damaged, so that a backup of it would not be whole: none was made. ${message} "jsonl-wal backup" (in a program: onDamage: 'keep') makes a copy of it as it is.`,
    { ...facts, cause },
  );
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new WalError('ERR_WAL_ABORTED', 'The backup was aborted: there is none.', { cause: signal.reason });
}
