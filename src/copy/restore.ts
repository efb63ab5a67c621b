import { hasCode, WalError } from '../errors/errors.ts';
import type { FileStore } from '../file/file-store.ts';
import { openFileStore } from '../file/open.ts';
import { traitsOf } from '../format/meta.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { MarkFile } from '../layout/mark-file.ts';
import { NewLog } from '../layout/new-log.ts';
import { readBody } from '../layout/snapshots.ts';
import { LineCopy } from '../log/line-copy.ts';
import { type MissingRange, type OddLine, type VerifyReport, verifyLog } from '../log/verify.ts';
import { badArgument, integer, oneOf, readOptions } from '../options/options.ts';
import type { Environment } from '../setup/environment.ts';
import { resolveOptions } from '../setup/options.ts';
import { checkSignal } from '../setup/requests.ts';
import { resolveDirectory } from '../storage/directory.ts';

export interface RestoreOptions {
  /**
   * Number of the last entry to restore. It must not be an entry that only a snapshot covers, or one in the middle of
   * an atomic batch. Default: the last entry.
   */
  readonly toSeq?: number | undefined;
  /**
   * What to do if there is damage at or before `toSeq`. `error` refuses to restore; `cut` restores what is before the
   * damage. Default `error`.
   */
  readonly onDamage?: 'error' | 'cut' | undefined;
  /** Aborts the restore, which removes what it made and rejects with ERR_WAL_ABORTED. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreReport {
  /** The absolute path of the new log. */
  readonly directory: string;
  /** The new log's id. */
  readonly id: string;
  /** Number of its last entry. */
  readonly seq: number;
  /** Number of entries in the new log. A snapshot covers the entries before them. */
  readonly applied: number;
  /** Number of readable entries of the source after `seq`. */
  readonly skipped: number;
  /**
   * The first 1,000 faults of the source: lines that are damaged or not JSON, anywhere in it; lines that are stranded,
   * if that does harm; and damaged snapshots.
   */
  readonly failed: readonly (Pick<OddLine, 'verdict' | 'segment'> & Partial<OddLine>)[];
  /** Entries that were acknowledged and are missing from the source. */
  readonly missing: readonly MissingRange[];
}

/** How often to begin again after a compaction of the source. */
const MOST_TRIES = 10;

/** Verdicts of lines that are faulty themselves. If such a line does harm, other lines are stranded because of it. */
const HARM: readonly OddLine['verdict'][] = ['damaged', 'unreadable'];

interface Job {
  readonly environment: Environment;
  readonly destination: string;
  readonly toSeq: number | undefined;
  /** Whether to restore only what is before the damage. */
  readonly cut: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Makes a new log from another or from a backup: see `Wal.restore`. */
export async function restoreLog(
  environment: Environment,
  source: string,
  destination: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  const { toSeq, onDamage, signal } = readOptions(options, ['toSeq', 'onDamage', 'signal']);
  checkSignal(signal);
  const job: Job = {
    environment,
    destination: resolveDirectory(destination),
    toSeq: toSeq === undefined ? undefined : integer('toSeq', toSeq, 0, Number.MAX_SAFE_INTEGER),
    cut: oneOf('onDamage', onDamage ?? 'error', ['error', 'cut']) === 'cut',
    signal,
  };
  const directory = resolveDirectory(source);
  const settings = resolveOptions({ readOnly: true });
  const store = await openFileStore({
    ...environment,
    ...settings,
    directory,
    observe: {},
    warn: () => {},
  });
  try {
    for (let tries = 1; ; tries++) {
      const newest = newestIn(store);
      try {
        return await restoreOnce(store, job);
      } catch (error) {
        // The source is in use, and was compacted meanwhile.
        const gone = hasCode(error, 'ERR_WAL_COMPACTED') && newestIn(store) !== newest;
        if (!gone || tries === MOST_TRIES) throw error;
      }
    }
  } finally {
    await store.close();
  }
}

function newestIn(store: FileStore): number | undefined {
  return store.snapshots()[0]?.head.seq;
}

async function restoreOnce(store: FileStore, job: Job): Promise<RestoreReport> {
  const { destination, signal } = job;
  const { storage, clock, randomHex } = job.environment;
  checkAborted(signal);
  const made = new NewLog(storage, store.info().location, destination, randomHex(12));
  try {
    const survey = await verifyLog(store, clock, () => checkAborted(signal));
    checkAborted(signal);
    const snapshots = store.snapshots();
    const first = store.oldest();
    // Only a snapshot that covers all entries before the first one can be the base of the new log.
    const bases = snapshots.map(({ head }) => head.seq).filter((seq) => seq >= first - 1);
    if (first > 1 && bases.length === 0) throw survey.error ?? stateGoneError(store, first);
    const last = lastWanted(job, survey, first === 1 ? 0 : Math.min(...bases));
    const copy = new LineCopy(last, made);
    await feed(store, copy, first, last, job);
    const id = randomHex(16);
    const pause = () => {
      checkAborted(signal);
      return clock.yield();
    };
    const damaged: RestoreReport['failed'][number][] = [];
    let kept = 0;
    for (const header of snapshots) {
      const { seq } = header.head;
      if (seq > last || !leadsTo(header, copy, first)) continue;
      try {
        await made.snapshot({ ...header, log: id }, readBody(storage, store.info().location, header), pause);
        kept++;
      } catch (error) {
        if (!hasCode(error, 'ERR_WAL_CORRUPT')) throw error;
        damaged.push({ verdict: 'damaged', segment: snapshotName(seq) });
      }
    }
    if (first > 1 && kept === 0) throw stateGoneError(store, first);
    checkAborted(signal);
    await made.finish({ id, created: new Date(clock.now()).toISOString(), ...traitsOf(store.info()) });
    if (copy.copied !== undefined)
      new MarkFile({ storage, directory: destination, log: id, now: clock.now }).set(copy.copied);
    const bad = survey.error === undefined ? HARM : [...HARM, 'stranded'];
    const failed = [...survey.odd.filter(({ verdict }) => bad.includes(verdict)), ...damaged];
    const { missing, head, pending = head.seq } = survey;
    // A last line without its newline is restored, although it is not counted in `survey.entries`.
    const skipped = survey.entries + Math.max(0, pending - head.seq) - copy.entries;
    return { directory: destination, id, seq: last, applied: copy.entries, skipped, failed, missing };
  } catch (error) {
    made.discard();
    throw error;
  }
}

const CHOICE = "name the entry (toSeq), or restore all before the damage (onDamage: 'cut').";

/**
 * The last entry to restore, which must be at least `least`. If it cannot be restored, throws an error that says what
 * can.
 */
function lastWanted({ toSeq, cut }: Job, survey: VerifyReport, least: number): number {
  const { head, error, pending = head.seq } = survey;
  const sound = error === undefined ? pending : survey.readable;
  const range = `It can be restored up to any entry from ${least} to ${sound}`;
  if (toSeq !== undefined && toSeq < least) {
    throw new WalError(
      'ERR_WAL_COMPACTED',
      `The log was compacted: its state at entry ${toSeq} is gone. ${range}.`,
      { seq: least },
    );
  }
  if (toSeq !== undefined && toSeq <= sound) return toSeq;
  if (error === undefined) {
    if (toSeq === undefined) return sound;
    throw badArgument(`The log ends before entry ${toSeq}. ${range}`);
  }
  if (cut && sound >= least) return sound;
  const before = sound === 0 ? ' There is no entry before the damage.' : ` ${range}: ${CHOICE}`;
  const advice = sound >= least ? before : '';
  throw new WalError(error.code, `The log to restore is damaged. ${error.message}${advice}`, {
    ...error,
    cause: error.cause,
  });
}

/** Feeds the lines from `first` to `last` to the copy. `verifyLog` has already shown that all are there. */
async function feed(
  store: FileStore,
  copy: LineCopy,
  first: number,
  last: number,
  { environment: { clock }, signal }: Job,
): Promise<void> {
  const reader = store.reader(first, false);
  try {
    while (!copy.isDone && (await reader.read(copy)) === 'more') {
      checkAborted(signal);
      await clock.yield();
    }
  } catch (error) {
    // What comes after `last` need not follow from it.
    if (!hasCode(error, 'ERR_WAL_DIVERGED') || copy.reached !== last) throw error;
  } finally {
    reader.close();
  }
  if (copy.failure !== undefined) throw copy.failure;
  if (copy.reached === last) return;
  throw new WalError(
    'ERR_WAL_DIVERGED',
    `The log in ${store.info().location} was replaced while it was read: it reached entry ${last}, and now ${copy.reached}. Restore it again.`,
    { seq: last },
  );
}

/** Whether a snapshot ends exactly where copied lines end or begin, with the right seal. */
function leadsTo({ head: { seq }, seal }: SnapshotHeader, copy: LineCopy, first: number): boolean {
  const end = copy.ends.get(seq);
  return end === undefined ? seq === first - 1 : end === seal;
}

function stateGoneError(store: FileStore, first: number): WalError {
  return new WalError(
    'ERR_WAL_CORRUPT',
    `The entries before ${first} in ${store.info().location} were compacted away, and no snapshot that covers them is whole: there is no state to restore. The remaining entries can be read ("jsonl-wal read").`,
    { seq: first },
  );
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new WalError('ERR_WAL_ABORTED', 'The restore was aborted: no new log was made.', {
    cause: signal.reason,
  });
}
