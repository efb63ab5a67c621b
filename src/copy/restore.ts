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
   * The last entry to restore; not one that only a snapshot stands for, nor one in the middle of an atomic batch. Default:
   * the last there is.
   */
  readonly toSeq?: number | undefined;
  /** At damage at or before the last entry wanted: `error` refuses it, `cut` restores what lies before the damage. Default `error`. */
  readonly onDamage?: 'error' | 'cut' | undefined;
  /** Gives it up: what was made is removed. */
  readonly signal?: AbortSignal | undefined;
}

export interface RestoreReport {
  /** Where the new log lies. */
  readonly directory: string;
  /** The new log's id. */
  readonly id: string;
  /** Its last entry. */
  readonly seq: number;
  /** Entries in it, up to `seq`; those before them a snapshot stands for. */
  readonly applied: number;
  /** Entries that come after `seq` and can be read. */
  readonly skipped: number;
  /**
   * Lines of the source that are damaged or not JSON, wherever they lie, those that are stranded where that does harm, and
   * snapshots that are damaged: the first 1,000.
   */
  readonly failed: readonly (Pick<OddLine, 'verdict' | 'segment'> & Partial<OddLine>)[];
  /** Entries that were acknowledged and are not in the source. */
  readonly missing: readonly MissingRange[];
}

/** Compactions of the source that come between, before it is given up. */
const MOST_TRIES = 10;

/** What is wrong with a line in itself. Where that does harm, lines are stranded for it. */
const HARM: readonly OddLine['verdict'][] = ['damaged', 'unreadable'];

interface Job {
  readonly environment: Environment;
  readonly destination: string;
  readonly toSeq: number | undefined;
  /** Whether to be content with what lies before damage. */
  readonly cut: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Makes a new log of another, or of a backup: see `Wal.restore`. */
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
    // What comes before the oldest snapshot is not the whole of it.
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
    // A last line that lacks its newline is restored, and not counted among the entries.
    const skipped = survey.entries + Math.max(0, pending - head.seq) - copy.entries;
    return { directory: destination, id, seq: last, applied: copy.entries, skipped, failed, missing };
  } catch (error) {
    made.discard();
    throw error;
  }
}

const CHOICE = "name it (toSeq), or take all that lies before the damage (onDamage: 'cut').";

/** The last entry to restore, from `least` on. Throws where that is not possible, saying what is. */
function lastWanted({ toSeq, cut }: Job, survey: VerifyReport, least: number): number {
  const { head, error, pending = head.seq } = survey;
  const sound = error === undefined ? pending : survey.readable;
  const range = `It can be restored up to any entry from ${least} to ${sound}`;
  if (toSeq !== undefined && toSeq < least) {
    throw new WalError(
      'ERR_WAL_COMPACTED',
      `The log was compacted: what it was at entry ${toSeq} is gone. ${range}.`,
      { seq: least },
    );
  }
  if (toSeq !== undefined && toSeq <= sound) return toSeq;
  if (error === undefined) {
    if (toSeq === undefined) return sound;
    throw badArgument(`The log ends before entry ${toSeq}. ${range}`);
  }
  if (cut && sound >= least) return sound;
  const before = sound === 0 ? ' Nothing lies before the damage.' : ` ${range}: ${CHOICE}`;
  const advice = sound >= least ? before : '';
  throw new WalError(error.code, `The log to restore is damaged. ${error.message}${advice}`, {
    ...error,
    cause: error.cause,
  });
}

/** Feeds the lines from `first` to `last`; that they are all there was seen before. */
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
    // What comes after it need not lead on.
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

/** Whether a snapshot stands for what comes before lines that were copied. */
function leadsTo({ head: { seq }, seal }: SnapshotHeader, copy: LineCopy, first: number): boolean {
  const end = copy.ends.get(seq);
  return end === undefined ? seq === first - 1 : end === seal;
}

function stateGoneError(store: FileStore, first: number): WalError {
  return new WalError(
    'ERR_WAL_CORRUPT',
    `The entries before ${first} in ${store.info().location} were compacted away, and no snapshot of them is whole: there is no state to restore. What is left can be read ("jsonl-wal read").`,
    { seq: first },
  );
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new WalError('ERR_WAL_ABORTED', 'The restoring was aborted: there is no new log.', {
    cause: signal.reason,
  });
}
