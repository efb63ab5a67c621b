import { join } from 'node:path';
import { withoutAdvice } from '../errors/damage.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import { checkTurn, fitFileSystem, openFileStore, openWriteLock } from '../file/open.ts';
import { type FoldIdentity, isFoldIdentity } from '../format/fold-identity.ts';
import { DEFAULT_KEY_WINDOW, isKeyWindow } from '../format/key-scope.ts';
import { decodeMeta, type KeepEvents, type Meta } from '../format/meta.ts';
import { META_FILE } from '../format/names.ts';
import { convertedIn, isInvalid, type Survey } from '../format/survey.ts';
import { encodingOf, toUtf8, trimmed } from '../format/within.ts';
import { repairFailedSync } from '../layout/failed-sync.ts';
import { layoutOf } from '../layout/layout.ts';
import { readMeta } from '../layout/log-directory.ts';
import { MarkFile } from '../layout/mark-file.ts';
import { NewLog } from '../layout/new-log.ts';
import { readBody } from '../layout/snapshots.ts';
import { isDamage, type VerifyReport, verifyLog } from '../log/verify.ts';
import { Rebuild, type Rebuilt } from '../recovery/rebuild.ts';
import { headerIn } from '../recovery/repair-snapshot.ts';
import { type Snapshots, snapshotsFor } from '../recovery/salvage-snapshots.ts';
import { surveySegments } from '../recovery/survey.ts';
import { sessionName } from '../setup/environment.ts';
import { resolveOptions } from '../setup/options.ts';
import { fileError } from '../storage/error.ts';
import { readWhole } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';
import type { RepairJob, RepairReport } from './model.ts';
import { takeRepairLock } from './repair-lock.ts';
import {
  beginSwap,
  besideBackups,
  endSwap,
  finishSwap,
  keepOriginal,
  removeMade,
  type Swap,
  type SwapState,
  segmentBytes,
  undoSwap,
  unfinishedSwap,
} from './replacement.ts';

const MOST_LISTED = 1000;
/** How often to begin again after a checkout or a write that came between. */
const MOST_TRIES = 20;

/** The sink of a dry run. */
const NOTHING = { segment: () => {}, line: () => {} } as const;

/** What a new log is made from, and where that is. */
interface Source {
  readonly directory: string;
  readonly meta: Meta;
  readonly survey: Survey;
  readonly snapshots: Snapshots;
}

/**
 * Makes a new log of all that can be read in a damaged one, and replaces that one. The original is kept among its
 * backups. A crash at any moment leaves the old log, the new log, or a state from which the next salvage continues.
 */
export async function salvage(job: RepairJob): Promise<RepairReport> {
  const { storage } = job.environment;
  const unfinished = unfinishedSwap(storage, job.directory);
  if (unfinished?.state === 'ending') {
    if (!job.dryRun) return salvageInTurn(job);
    const made = besideBackups(job.directory, unfinished.made);
    const metaAt = readMeta(storage, made) === undefined ? job.directory : made;
    const source = await sourceIn(job, job.directory, metaAt);
    return report(job, ['A repair was interrupted.'], await rebuilt(job, source, NOTHING), source, undefined);
  }
  const seen = await look(job);
  if (seen.unfinished === undefined && seen.whole !== undefined) return nothingToDo(job, seen.whole);
  if (job.dryRun) {
    checkTurn(turnOptions(job));
    if (seen.swap === undefined && seen.whole !== undefined) return nothingToDo(job, seen.whole);
    const source = await sourceIn(job, seen.from);
    return report(job, seen.reasons, await rebuilt(job, source, NOTHING), source, undefined);
  }
  return salvageInTurn(job);
}

/** Runs one salvage of a log at a time. */
async function salvageInTurn(job: RepairJob): Promise<RepairReport> {
  checkTurn(turnOptions(job));
  const releaseRepairLock = keepOthersOut(job);
  try {
    return await salvageAlone(job);
  } catch (error) {
    throw cutShort(job, error);
  } finally {
    releaseRepairLock();
  }
}

const CLOSED = 'The log stays closed until you run the repair again, which continues this one.';
/** What an interrupted repair leaves, unless that is the log as it was. */
const LEFT: Partial<Readonly<Record<SwapState, string>>> = {
  closed: CLOSED,
  within: CLOSED,
  ending: CLOSED,
  after: 'The log is repaired and open: run the repair again to remove what is left of this one.',
};

/** The error of a failed salvage, with the state in which it left the log. */
function cutShort({ directory, environment }: RepairJob, error: unknown): WalError {
  const failure = fileError(error, 'repair', directory);
  const { message, code, cause, ...facts } = failure;
  const state = stateOf(environment.storage, directory);
  const left = state && LEFT[state];
  // If somebody put wal.json back, the error itself says what to do.
  const saysItself = code === 'ERR_WAL_CONFLICT' && state === 'after';
  return left === undefined || saysItself
    ? failure
    : new WalError(code, `${message} ${left}`, { ...facts, cause });
}

/** The state of a replacement; undefined if there is none, or the marker cannot be read. */
function stateOf(storage: Storage, directory: string): SwapState | undefined {
  try {
    return unfinishedSwap(storage, directory)?.state;
  } catch {
    return undefined;
  }
}

/**
 * The salvage itself. No other salvage of the log may run, because this one removes or continues what an earlier one
 * left.
 */
async function salvageAlone(job: RepairJob): Promise<RepairReport> {
  const { directory, environment } = job;
  const { storage } = environment;
  const unfinished = unfinishedSwap(storage, directory);
  if (unfinished?.state === 'ending') finishSwap(storage, directory, unfinished);
  else if (unfinished !== undefined && unfinished.state !== 'within')
    undoSwap(storage, directory, unfinished);
  const { swap, reasons, whole } = await look(job);
  if (swap === undefined && whole !== undefined) return nothingToDo(job, whole);
  const { made, source, kept } = await replace(job, swap);
  return report(job, reasons, made, source, besideBackups(directory, kept));
}

/**
 * Finds what there is to salvage, and where: in the log, or in the original that an earlier salvage kept before it was
 * interrupted while wal.json was removed.
 */
async function look(job: RepairJob) {
  const { directory, environment } = job;
  const unfinished = unfinishedSwap(environment.storage, directory);
  const swap = unfinished?.state === 'within' ? unfinished : undefined;
  const closed = unfinished?.state === 'closed' ? unfinished : swap;
  const from = closed === undefined ? directory : besideBackups(directory, closed.kept);
  const { wrong, whole } = await examine(job, from);
  const reasons = closed === undefined ? wrong : ['A repair was interrupted.', ...wrong];
  return { unfinished, swap, from, reasons, whole };
}

function report(
  { dryRun, directory }: RepairJob,
  reasons: readonly string[],
  made: Rebuilt,
  { survey, snapshots }: Source,
  kept: string | undefined,
): RepairReport {
  return {
    mode: 'salvage',
    dryRun,
    directory,
    reasons,
    head: made.head,
    entries: made.entries,
    recovered: made.recovered,
    converted: convertedIn(survey),
    edits: survey.edits.slice(0, MOST_LISTED),
    lost: made.lost,
    lostIds: snapshots.lostIds,
    damaged: damagedIn(survey),
    kept,
  };
}

/** Keeps other salvages of the log out, and returns a function that lets them in again. */
function keepOthersOut(job: RepairJob): () => void {
  const options = turnOptions(job);
  const { lock, hint } = openWriteLock(options, fitFileSystem(options), job.environment.randomHex(12));
  hint?.close();
  lock.close();
  return takeRepairLock(options, lock.kind);
}

/** The report for a whole log, of which a salvage would change no entry. */
function nothingToDo({ directory, dryRun }: RepairJob, { head, entries }: VerifyReport): RepairReport {
  return {
    mode: 'salvage',
    dryRun,
    directory,
    reasons: [],
    head,
    entries,
    recovered: 0,
    converted: [],
    edits: [],
    lost: [],
    lostIds: 0,
    damaged: [],
    kept: undefined,
  };
}

/** Keeps the original, makes the new log from it, and puts that in place; begins again if somebody wrote meanwhile. */
async function replace(
  job: RepairJob,
  unfinished: Swap | undefined,
): Promise<{ made: Rebuilt; source: Source; kept: string }> {
  const { directory, environment } = job;
  const { storage, clock, randomHex } = environment;
  repairFailedSync(storage, directory);
  let swap = unfinished;
  let isBegun = unfinished !== undefined;
  for (let tries = 1; tries <= MOST_TRIES; tries++) {
    const kept = swap?.kept ?? freeName(storage, directory, clock.now());
    if (swap === undefined) await keepOriginal(storage, directory, kept, randomHex(12));
    else removeMade(storage, directory, swap.made);
    const stamp = kept.slice(KEPT_PREFIX.length);
    swap = { kept, made: `repaired-${stamp}-${randomHex(6)}` };
    const { source, made, inPlace } = await attempt(
      isBegun ? { ...job, check: () => {} } : job,
      swap,
      isBegun,
    );
    if (!inPlace) {
      // A checkout, for example, replaced a file: the kept files are not those of the log any more.
      removeMade(storage, directory, swap.made);
      removeMade(storage, directory, swap.kept);
      swap = undefined;
      continue;
    }
    isBegun = true;
    // What was appended until the names changed is in the kept files, so they have grown; nothing was acknowledged
    // after that.
    if (segmentBytes(storage, besideBackups(directory, kept)) !== source.survey.bytes) continue;
    // The mark is set before the log is open again: processes that had it open check whether it holds the entry in the
    // mark.
    new MarkFile({ storage, directory, log: source.meta.id, now: clock.now }).set(made.head);
    endSwap(storage, directory, swap, randomHex(12));
    return { made, source, kept };
  }
  throw new WalError(
    'ERR_WAL_CONFLICT',
    `Other processes kept writing to ${directory} during the repair: stop them, and run it again.`,
  );
}

/** Makes the new log, and puts it in place unless the kept files are not those of the log any more. */
async function attempt(job: RepairJob, swap: Swap, isBegun: boolean) {
  try {
    const source = await sourceIn(job, besideBackups(job.directory, swap.kept));
    const made = await makeNew(job, source, swap);
    return { source, made, inPlace: await putInPlace(job, swap, isBegun) };
  } catch (error) {
    const { directory, environment } = job;
    const { storage } = environment;
    if (isAsItWas(storage, directory))
      for (const name of [swap.made, swap.kept]) removeMade(storage, directory, name);
    throw error;
  }
}

/** Returns true if no file of the log was replaced, after putting wal.json back if it was removed. */
function isAsItWas(storage: Storage, directory: string): boolean {
  const unfinished = unfinishedSwap(storage, directory);
  if (unfinished === undefined) return true;
  // If somebody put wal.json back, files may be the new log's, and the kept files are the only originals.
  if (unfinished.state !== 'before' && unfinished.state !== 'closed') return false;
  try {
    undoSwap(storage, directory, unfinished);
    return true;
  } catch {
    // The next salvage undoes it.
    return false;
  }
}

/** wal.json takes a snapshot's log id only if it is well-formed. */
const LOG_ID = /^[0-9a-f]{16}$/;
const KEPT_PREFIX = 'before-repair-';
const EVENTS_UNKNOWN =
  'Nothing shows whether the log was made to keep its events: it is not compacted until you set keepEvents in its wal.json to true or false.';

function freeName(storage: Storage, directory: string, now: number): string {
  for (let time = now; ; time++) {
    const name = `${KEPT_PREFIX}${new Date(time).toISOString().replace(/[-:]/g, '')}`;
    if (storage.look(besideBackups(directory, name)) === undefined) return name;
  }
}

function turnOptions({ directory, allowNetwork, lock, environment }: RepairJob) {
  const settings = resolveOptions({ allowNetwork, lock });
  return { ...environment, ...settings, directory, observe: {}, warn: () => {} };
}

/** Returns false if the files are not those any more that were kept. */
async function putInPlace(job: RepairJob, swap: Swap, isBegun: boolean): Promise<boolean> {
  const { directory, environment, check } = job;
  const { storage, clock, randomHex } = environment;
  check();
  const options = turnOptions(job);
  const { gate, lock, hint } = openWriteLock(options, fitFileSystem(options), randomHex(12));
  try {
    const swapInTurn = () => {
      try {
        if (gate.isHeld) hint?.write(clock.machineNow());
        return beginSwap(storage, directory, swap, randomHex(12), isBegun);
      } finally {
        gate.leave();
      }
    };
    return gate.take() ? swapInTurn() : (await gate.wait(() => true, swapInTurn, 0)) === true;
  } finally {
    hint?.close();
    lock.close();
  }
}

async function makeNew(job: RepairJob, source: Source, { made: name }: Swap): Promise<Rebuilt> {
  const { storage, clock, randomHex } = job.environment;
  const destination = besideBackups(job.directory, name);
  const log = new NewLog(storage, source.directory, destination, randomHex(12));
  try {
    const made = await rebuilt(job, source, log);
    for (const { of, ...leading } of made.snapshots) {
      const repaired = source.snapshots.repaired.find(({ header }) => header === of);
      const body = repaired?.body ?? readBody(storage, source.directory, of);
      await log.snapshot({ ...of, ...leading, log: source.meta.id }, body, () => clock.yield());
    }
    job.check();
    await log.finish(source.meta);
    return made;
  } catch (error) {
    log.discard();
    throw error;
  }
}

function rebuilt(
  { environment: { storage, clock, randomHex }, check }: RepairJob,
  { directory, meta, survey, snapshots }: Source,
  sink: Pick<NewLog, 'segment' | 'line'>,
): Promise<Rebuilt> {
  const session = sessionName(randomHex);
  const { headers, damaged } = snapshots;
  const parts = {
    storage,
    clock,
    directory,
    survey,
    snapshots: headers,
    damaged,
    traits: meta,
    session,
    sink,
  };
  return new Rebuild({ ...parts, onProgress: () => check() }).run();
}

/** Reads all segments and snapshots. */
async function sourceIn(job: RepairJob, directory: string, metaAt = directory): Promise<Source> {
  const { environment, check, acceptEdits } = job;
  const { storage, clock } = environment;
  const { meta, problem } = metaOf(job, metaAt);
  const survey = await surveySegments(storage, clock, directory, check, acceptEdits);
  const log = problem === undefined ? meta.id : undefined;
  return { directory, meta, survey, snapshots: await snapshotsFor(storage, clock, directory, log, survey) };
}

/** What is wrong with the log, in words; if it is whole, the report of `verify`. */
async function examine(
  job: RepairJob,
  directory: string,
): Promise<{ readonly wrong: readonly string[]; readonly whole?: VerifyReport }> {
  const { storage } = job.environment;
  const { problem, meta } = metaOf(job, directory);
  if (problem === undefined) return examineLines(job, directory);
  if (segmentBytes(storage, directory) > 0 || layoutOf(storage, directory).snapshots.length > 0)
    return { wrong: meta.keepEvents === 'unknown' ? [problem, EVENTS_UNKNOWN] : [problem] };
  throw new WalError(
    'ERR_WAL_NOT_FOUND',
    `There is no log in ${directory}, and nothing to make one from. ${problem}`,
  );
}

async function examineLines({ environment, check }: RepairJob, directory: string) {
  const settings = resolveOptions({ readOnly: true });
  const options = { ...environment, ...settings, directory, observe: {}, warn: () => {} };
  try {
    const store = await openFileStore(options);
    try {
      const whole = await verifyLog(store, environment.clock, check);
      return whole.error === undefined
        ? { wrong: [], whole }
        : { wrong: [withoutAdvice(whole.error.message)] };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { wrong: [withoutAdvice(error.message)] };
  }
}

/**
 * The content of wal.json, or as much of it as can be recovered, and what is wrong with the file. Throws
 * ERR_WAL_VERSION if it is of another version.
 */
function metaOf(
  { environment: { storage, clock, randomHex }, directory: place }: RepairJob,
  directory: string,
): { readonly meta: Meta; readonly problem: string | undefined } {
  let problem = `${join(directory, META_FILE)} is missing.`;
  try {
    const meta = readMeta(storage, directory);
    if (meta !== undefined) return { meta, problem: undefined };
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_FORMAT')) throw error;
    problem = (error as WalError).message;
  }
  const [header] = layoutOf(storage, directory)
    .snapshots.toReversed()
    .map((seq) => headerIn(storage, directory, seq, undefined))
    .filter((each) => each !== undefined && LOG_ID.test(each.log));
  const attributes = readWhole(storage, join(place, '.gitattributes'))?.toString() ?? '';
  const bytes = readWhole(storage, join(directory, META_FILE)) ?? Buffer.alloc(0);
  const text = trimmed(toUtf8(bytes, encodingOf(bytes))).toString();
  const whole = wholeMeta(text);
  if (whole !== undefined) return { meta: whole, problem };
  const id = /"id":\s*"([0-9a-f]{16})"/.exec(text)?.[1] ?? header?.log ?? randomHex(16);
  // A log that lies in a repository, but was not made for git, has these attributes too; it grows more segments.
  const isOne = layoutOf(storage, directory).segments.length <= 1;
  const git = /"git":\s*true/.test(text) || (isOne && /^\*\.jsonl -text/m.test(attributes));
  const window = Number(/"keyWindow":\s*(\d{1,8})\b/.exec(text)?.[1] ?? header?.keys.window);
  const keyWindow = isKeyWindow(window) ? window : DEFAULT_KEY_WINDOW;
  // A log that was compacted does not keep its events.
  const isCompacted = layoutOf(storage, directory).snapshots.length > 0;
  const keepEvents: KeepEvents = keepEventsIn(text) ?? (isCompacted ? false : 'unknown');
  const made = { git, keyWindow, fold: foldNamedIn(text) ?? header?.fold, keepEvents };
  return { meta: { id, created: new Date(clock.now()).toISOString(), ...made }, problem };
}

/** Whether the log keeps its events, by a damaged wal.json; undefined if that does not show it. */
function keepEventsIn(text: string): boolean | undefined {
  if (/"keepEvents":\s*true/.test(text)) return true;
  try {
    const { keepEvents = false } = JSON.parse(text);
    return keepEvents === false ? false : undefined;
  } catch {
    return undefined;
  }
}

/** The fold that a damaged wal.json names. */
function foldNamedIn(text: string): FoldIdentity | undefined {
  try {
    const fold: unknown = JSON.parse(/"fold":\s*(\{[^{}]*\})/.exec(text)?.[1] ?? 'null');
    return isFoldIdentity(fold) ? { name: fold.name, version: fold.version } : undefined;
  } catch {
    return undefined;
  }
}

/** The content of wal.json if it is whole except for what an editor or a copy did to all of it. */
function wholeMeta(text: string): Meta | undefined {
  try {
    return decodeMeta(text, META_FILE);
  } catch (error) {
    if (!hasCode(error, 'ERR_WAL_FORMAT')) throw error;
    return undefined;
  }
}

/** Damaged lines: neither records nor what a crash leaves. The first 1,000. */
export function damagedIn({ items }: Survey): RepairReport['damaged'] {
  return items
    .filter(isInvalid)
    .filter(({ verdict }) => verdict === 'damaged')
    .slice(0, MOST_LISTED);
}
