import { withoutAdvice } from '../errors/damage.ts';
import { hasCode, WalError, type WalErrorCode } from '../errors/errors.ts';
import type { FileStore } from '../file/file-store.ts';
import { checkTurn, openFileStore, refuseEmptied } from '../file/open.ts';
import { canonicalJson } from '../format/canonical.ts';
import { scopeAtStart } from '../format/key-scope.ts';
import { ENVELOPE_BYTES, REPAIR_OP } from '../format/line.ts';
import { isInvalid, type Survey, type SurveyedLine } from '../format/survey.ts';
import { writeLine } from '../format/write-line.ts';
import { Keys } from '../log/keys.ts';
import { Tail } from '../log/tail.ts';
import { leadsOn, type VerifyReport, verifyLog } from '../log/verify.ts';
import { surveySegments } from '../recovery/survey.ts';
import { sessionName } from '../setup/environment.ts';
import { resolveOptions } from '../setup/options.ts';
import type { WriteOutcome, WrittenGroup } from '../store/feed.ts';
import type { LineStore } from '../store/store.ts';
import type { RepairJob, RepairReport } from './model.ts';
import { damagedIn } from './salvage.ts';

/** The most ranges that the record names: it is one line, for people. */
const MOST_NAMED = 100;

/**
 * Lets writers continue after missing entries or a damaged end: appends the record that settles them. Refused if that
 * would bury entries that can still be read, or would not be enough.
 */
export async function repairTail(job: RepairJob): Promise<RepairReport> {
  const { directory, dryRun, check } = job;
  const { storage, clock } = job.environment;
  const store = await openStore(job);
  try {
    const seen = await verify(store, job);
    const survey = await surveySegments(storage, clock, directory, check);
    const report = (head: RepairReport['head'], reasons: readonly string[]): RepairReport => ({
      mode: 'tail',
      dryRun,
      directory,
      reasons,
      head,
      entries: seen.entries,
      recovered: 0,
      converted: [],
      edits: survey.edits.slice(0, MOST_NAMED),
      lost: reasons.length === 0 ? [] : lostIn(seen, survey),
      lostIds: 0,
      damaged: damagedIn(survey),
      kept: undefined,
    });
    const { error } = seen;
    if (error === undefined) return report(seen.head, []);
    refuseUnfit(error, seen, survey, await leadsOn(store, clock));
    check();
    if (dryRun) return report(seen.head, [withoutAdvice(error.message)]);
    const head = await appendRepair(store, job, lostIn(seen, survey), error);
    // A compaction may have finished its snapshot since the log was read, which can make other entries unreadable.
    const { error: left } = await verify(store, job);
    if (left !== undefined) throw unfitError(left.code, 'it is not the end of the log that is damaged', left);
    return report(head, [withoutAdvice(error.message)]);
  } finally {
    await store.close();
  }
}

/** The report of `verify`. */
async function verify(store: LineStore, { environment, check }: RepairJob): Promise<VerifyReport> {
  try {
    return await verifyLog(store, environment.clock, check);
  } catch (error) {
    // No compaction came between: the segments do not lead to the existing snapshot.
    if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw error;
    throw unfitError('ERR_WAL_CORRUPT', 'it is not the end of the log that is damaged');
  }
}

function unfitError(code: WalErrorCode, why: string, error?: WalError): WalError {
  const advice = 'Make a new log of all that can be read: "jsonl-wal repair --mode salvage".';
  const more = error === undefined ? '' : ` ${withoutAdvice(error.message)}`;
  const message = `A record at the end does not repair this log: ${why}. ${advice}${more}`;
  return new WalError(code, message, { ...error, cause: error?.cause });
}

/** Opens the log to write; for a dry run, opens it to read, after the checks that opening it to write would make. */
async function openStore({
  environment,
  directory,
  allowNetwork,
  lock,
  dryRun,
}: RepairJob): Promise<FileStore> {
  const settings = resolveOptions({ readOnly: dryRun, create: false, allowNetwork, lock });
  const options = { ...environment, ...settings, directory, observe: {}, warn: () => {} };
  const store = await openFileStore(options);
  if (!dryRun) return store;
  try {
    checkTurn(options);
    refuseEmptied(options, store.info().id);
    const refusal = store.files.refusal();
    if (refusal !== undefined) throw refusal;
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** `isWhole`: each segment leads to the next. If a seal is damaged, a record at the end does not replace it. */
function refuseUnfit(error: WalError, seen: VerifyReport, survey: Survey, isWhole: boolean): void {
  const isOpen = seen.missing.some(({ settled }) => !settled) || isDoubt(error);
  const why =
    error.cause === 'snapshot'
      ? 'it is a snapshot that is damaged'
      : !isOpen || !isWhole
        ? 'it is not the end of the log that is damaged'
        : error.cause === 'merge-conflict'
          ? 'the entries of the other side of the merge would be lost'
          : beyondText(survey);
  if (why === undefined) return;
  throw unfitError(error.code, why, error);
}

function isDoubt({ code, cause }: WalError): boolean {
  return code === 'ERR_WAL_CORRUPT' && typeof cause === 'string' && cause !== 'passed-over';
}

function beyondText({ items, edits }: Survey): string | undefined {
  if (edits.length > 0)
    return `a line that was edited would be lost, which "jsonl-wal repair --mode salvage --accept-edits" keeps`;
  const lines = items.filter((item) => !isInvalid(item)) as SurveyedLine[];
  const count = lines.reduce((sum, line) => sum + (line.kept && !line.accepted ? line.count : 0), 0);
  if (count === 0) return undefined;
  return `${count === 1 ? 'an entry' : `${count} entries`} beyond the damage can still be read, and would not count any more`;
}

/** The ranges that are proven to be missing and not settled yet; if there are none, the place of the damaged end. */
function lostIn({ missing, error }: VerifyReport, survey: Survey): RepairReport['lost'] {
  const open = missing.filter(({ settled }) => !settled);
  // Damage that is only white space loses no entry.
  if (open.length === 0 && damagedIn(survey).length === 0) return [];
  if (open.length > 0)
    return open.map(({ from, to, segment, offset }) => ({ from, to, segment, offset, cause: 'missing' }));
  const { seq = 0, segment = '', offset = 0, cause } = error as WalError;
  return [{ from: seq, to: seq, segment, offset, cause: cause as 'not-a-record' }];
}

async function appendRepair(
  store: FileStore,
  { environment: { clock, randomHex } }: RepairJob,
  lost: RepairReport['lost'],
  error: WalError,
): Promise<RepairReport['head']> {
  const tail = new Tail(new Keys(scopeAtStart(0)), undefined, {
    accepted: () => {},
    caughtUp: () => {},
    replaced: () => {},
  });
  const data = canonicalJson({
    lost: lost.slice(0, MOST_NAMED),
    reason: error.message.split('. ')[0],
  }) as string;
  const body = `"data":${data},"id":"wal","op":"${REPAIR_OP}"`;
  const writer = `${sessionName(randomHex)}.1`;
  await store.catchUp(tail);
  const before = tail.tip;
  let group: WrittenGroup | undefined;
  let outcome: WriteOutcome | undefined;
  await store.write({
    feed: tail,
    wanted: () => true,
    build: () => {
      // Another process may have repaired the log, or appended before the damage.
      if (tail.tip.link !== before.link) return undefined;
      const bytes = Buffer.alloc(Buffer.byteLength(body) + ENVELOPE_BYTES);
      const place = {
        prev: before.link,
        seq: before.seq + 1,
        synced: 0,
        ts: clock.now(),
        writer,
        crc: '',
      };
      const end = writeLine(bytes, 0, body, place);
      const tip = { seq: place.seq, crc: place.crc, link: place.crc };
      group = { bytes: bytes.subarray(0, end), tip, sealed: false, fold: undefined, lastLineBytes: end };
      return group;
    },
    wrote: (result) => {
      outcome = result;
    },
  });
  if (outcome?.kind === 'failed') throw outcome.error;
  // If the group was overtaken, the tail was read back, and may show that the record counts all the same.
  if (group === undefined || tail.tip.link !== group.tip.link)
    throw new WalError(
      'ERR_WAL_CONFLICT',
      'Another process wrote to the log during the repair: run the repair again.',
      { head: tail.head },
    );
  await store.sync(false);
  const { seq, crc } = group.tip;
  store.files.marks.set({ seq, crc });
  return { seq, crc };
}
