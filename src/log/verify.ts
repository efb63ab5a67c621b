import type { Clock } from '../clock/clock.ts';
import type { DamageCause } from '../errors/damage.ts';
import { hasCode, type WalError } from '../errors/errors.ts';
import type { Doubt, Head, Missing } from '../format/chain.ts';
import { type Envelope, isSameWrite } from '../format/line.ts';
import { type Rewind, rewindTo } from '../format/mark.ts';
import { segmentName, snapshotName } from '../format/names.ts';
import { passedOver } from '../format/passed-over.ts';
import { singleRecord } from '../format/record.ts';
import type { UnendedLine } from '../format/scan.ts';
import type { Stray } from '../format/strays.ts';
import type { SurveyedLine } from '../format/survey.ts';
import type { InvalidLine, Verdict } from '../format/verdict.ts';
import type { Before, FeedState } from '../store/feed.ts';
import type { LineReader, LineStore } from '../store/store.ts';
import { ChainFeed } from './chain-feed.ts';
import { corruptionError, passedOverError } from './corruption.ts';
import { DamageSurvey, type Place, type SurveyedDamage } from './damage-survey.ts';
import { unreadableError } from './record-feed.ts';
import { checkSnapshots, type SnapshotCheck } from './snapshot-check.ts';

/** A line that is not accepted or cannot be read, and its position. */
export interface OddLine {
  readonly verdict: Exclude<Verdict, 'accepted'> | 'unreadable';
  readonly segment: string;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** For a damaged line, the cause if known. */
  readonly cause?: DamageCause;
  /** For a crc-valid line, the number that it claims; for a pending one only if it lacks nothing but its newline. */
  readonly seq?: number;
}

/** Entries that are missing although a later line proves that they were acknowledged. */
export interface MissingRange {
  readonly from: number;
  readonly to: number;
  /** The line that proves it. */
  readonly segment: string;
  readonly offset: number;
  /** True if a repair was appended since: the log is used again without them. */
  readonly settled: boolean;
}

export interface VerifyReport {
  /** True unless acknowledged entries are missing or may be: a salvage would bring nothing back. */
  readonly ok: boolean;
  readonly head: Head;
  /** All entries up to this one can be read from the beginning; equal to `head.seq` if nothing prevents reading. */
  readonly readable: number;
  /** Accepted entries, including those after damage. */
  readonly entries: number;
  readonly bytes: number;
  /** How many lines have each verdict. */
  readonly lines: Readonly<Record<Verdict | 'unreadable', number>>;
  readonly segments: readonly { readonly name: string; readonly entries: number; readonly bytes: number }[];
  /** Last entry of a line at the log's end that lacks only its newline: the next append completes that line. */
  readonly pending: number | undefined;
  readonly missing: readonly MissingRange[];
  /**
   * What is damaged or missing, in the order of the log, whether or not it prevents reading or appending: the first
   * 1,000 ranges, then snapshots.
   */
  readonly damage: readonly SurveyedDamage[];
  /** Lines that are not accepted, or cannot be read: the first 1,000 of them. */
  readonly odd: readonly OddLine[];
  /**
   * Entries that this machine saw acknowledged, according to its file wal.mark, and that the log does not hold (cut,
   * restored, checked out?); reported until the next append here replaces the mark. Informative: `ok` does not depend
   * on it.
   */
  readonly rewound: Rewind | undefined;
  /** Other files whose names resemble those of the log's files: copies made by a sync tool, logrotate or a person. */
  readonly strays: readonly Stray[];
  /**
   * Whether the log ends with a seal: the next append makes the next segment. If that already existed, it was
   * removed.
   */
  readonly sealed: boolean;
  /** The error with which reading the whole log, or opening it to append, fails; undefined if neither does. */
  readonly error: WalError | undefined;
}

const MOST_LISTED = 1000;
/** How many accepted lines are remembered: a line that follows an earlier one is treated as if it followed none. */
const MOST_COUNTED = 1000;

/** Compactions may interrupt this many tries in a row before verify gives up. */
const MOST_TRIES = 100;

/** Reads the whole log and reports what is in it. Other work of this thread runs between two pieces. */
export async function verifyLog(
  store: LineStore,
  clock: Clock,
  onProgress?: (bytes: number) => void,
): Promise<VerifyReport> {
  for (let tries = 1; ; tries++) {
    const oldest = await store.oldest();
    try {
      return await verifyFrom(oldest, store, clock, onProgress);
    } catch (error) {
      // A compaction deleted what this was reading: the rest is verified. Without a compaction the next try would
      // fail in the same way.
      const isCompacted = hasCode(error, 'ERR_WAL_COMPACTED') && (await store.oldest()) !== oldest;
      if (!isCompacted || tries === MOST_TRIES) throw error;
    }
  }
}

/** Whether an error of verify, or of opening, is about the log itself. */
export function isDamage(error: unknown): error is WalError {
  // ERR_WAL_COMPACTED without a compaction means that the segments do not lead to the snapshot that is there.
  return hasCode(error, 'ERR_WAL_CORRUPT', 'ERR_WAL_DIVERGED', 'ERR_WAL_COMPACTED');
}

async function verifyFrom(
  oldest: number,
  store: LineStore,
  clock: Clock,
  onProgress: ((bytes: number) => void) | undefined,
): Promise<VerifyReport> {
  const feed = new VerifyFeed(oldest, store.files?.marks.read());
  const errors: (WalError | undefined)[] = [];
  for (let from: number | undefined = oldest; from !== undefined; ) {
    const failure = await readFrom(store, clock, from, feed, onProgress);
    errors.push(feed.corruption, hasCode(failure, 'ERR_WAL_COMPACTED') ? undefined : failure);
    from = failure && store.files?.nextSegment(Math.max(feed.lastBegun, from - 1));
  }
  const snapshots = await checkSnapshots(store, clock, oldest, feed.head.seq);
  const { files } = store;
  const report = feed.report(errors, snapshots, files?.refusal(), files?.strays() ?? []);
  // A store that is not a directory has no branches: its contents are never merged.
  if (files === undefined) return report;
  // Most lines that do not count were overtaken and written again, or are in segments that a compaction has not
  // deleted yet.
  const mayPassOver = feed.mayPassOver || (files.nextSegment(0) ?? oldest) < oldest;
  if (report.error !== undefined || !mayPassOver) return report;
  const lines = passedOver(await files.survey(onProgress), oldest);
  if (lines.length === 0) return report;
  // A survey may have read zeros of a line still being written, after which later lines seem to follow none; the next
  // survey reads that line whole.
  const found = new Set(lines.map(placeIn));
  const again = passedOver(await files.survey(onProgress), oldest).filter((line) => found.has(placeIn(line)));
  const branch = passedOverError(again);
  return branch === undefined ? report : { ...report, ok: false, error: branch };
}

const placeIn = ({ segment, offset }: SurveyedLine) => `${segment} ${offset}`;

/** Whether each segment leads to the next, up to the last, whatever is missing or damaged in them. */
export async function leadsOn(store: LineStore, clock: Clock): Promise<boolean> {
  const oldest = await store.oldest();
  return (await readFrom(store, clock, oldest, new VerifyFeed(oldest, undefined), undefined)) === undefined;
}

/** Reads on to the end, or until the next segment does not follow: returns the error that says so. */
async function readFrom(
  store: LineStore,
  clock: Clock,
  from: number,
  feed: VerifyFeed,
  onProgress: ((bytes: number) => void) | undefined,
): Promise<WalError | undefined> {
  let reader: LineReader | undefined;
  try {
    reader = store.reader(from, false);
    while ((await reader.read(feed)) === 'more') {
      onProgress?.(feed.bytesRead);
      await clock.yield();
    }
    return undefined;
  } catch (error) {
    // If damage is why the lines do not lead to what a snapshot covers, nothing was compacted away meanwhile.
    const isDamage = hasCode(error, 'ERR_WAL_COMPACTED') && feed.corruption !== undefined;
    if (hasCode(error, 'ERR_WAL_DIVERGED', 'ERR_WAL_CORRUPT') || isDamage) return error as WalError;
    throw error;
  } finally {
    reader?.close();
  }
}

/** What a line follows, and what follows it. */
interface Followed extends Pick<Envelope, 'seq' | 'prev' | 'crc'> {
  readonly next: number;
}

class VerifyFeed extends ChainFeed {
  readonly #lines = {
    accepted: 0,
    superseded: 0,
    stranded: 0,
    pending: 0,
    torn: 0,
    damaged: 0,
    unreadable: 0,
  };
  readonly #odd: OddLine[] = [];
  readonly #missing: Mutable<MissingRange>[] = [];
  readonly #segments: { name: string; entries: number; bytes: number }[] = [];
  bytesRead = 0;
  #proof: Missing | undefined;
  /** Offset up to which the segment's odd lines are listed, because its end may be read twice. */
  #listed = 0;
  #unended: UnendedLine | undefined;
  #wrapped: WalError | undefined;
  #unreadable: WalError | undefined;
  #strange: WalError | undefined;
  readonly #survey: DamageSurvey;
  readonly #mark: Head | undefined;
  #hasMark: boolean;
  /** Lines that do not count, by their crcs. */
  readonly #others = new Map<string, Pick<Envelope, 'writer' | 'synced'>>();
  /** The last accepted lines, in no order. */
  readonly #counted: Followed[] = [];
  #countedNext = 0;
  /** Whether lines that do not count may hold entries that are nowhere else. */
  mayPassOver = false;
  #end: { bytes: number; lines: number | undefined } = { bytes: 0, lines: 0 };

  /** `oldest`: the first entry that must be there. `mark`: the entry to look for. */
  constructor(oldest: number, mark: Head | undefined) {
    super();
    this.#mark = mark;
    this.#hasMark = mark === undefined || mark.seq < oldest;
    this.#survey = new DamageSurvey(oldest);
  }

  /** First seq of the last segment that was begun; 0 if none was. */
  get lastBegun(): number {
    return this.#segments.length === 0 ? 0 : this.firstSeq;
  }

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    super.begin(firstSeq, before, replaced);
    this.#survey.begin(firstSeq, this.#end.bytes, this.#end.lines);
    this.#proof = undefined;
    this.#listed = 0;
    this.#segments.push({ name: segmentName(firstSeq), entries: 0, bytes: 0 });
  }

  override push(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    super.push(bytes);
  }

  override pause(): FeedState {
    const { end, unterminated } = this.finish();
    this.#unended = this.unended;
    this.#look();
    this.#end = { bytes: end, lines: this.scan.lineNumber };
    const state = super.pause();
    if (unterminated > 0) {
      this.mayPassOver ||= this.#unended === undefined;
      const seq = this.#unended?.line.seq;
      const place = { offset: end - unterminated, length: unterminated };
      this.#list({ verdict: 'pending', ...place, ...(seq !== undefined && { seq }) });
      this.#wrapped = this.#wrappedError(state.wrapped, place);
    }
    this.#segment.bytes = end;
    this.#survey.end(end);
    return state;
  }

  /** The next writer ends the line, which is then damaged, so that appending is refused. */
  #wrappedError(cause: FeedState['wrapped'], place: { offset: number; length: number }) {
    if (cause === undefined) return undefined;
    const line = this.scan.lineNumber === undefined ? undefined : this.scan.lineNumber + 1;
    const doubt = { kind: 'doubt', seq: this.head.seq + 1, cause, ...place, line } as const;
    return this.errorOf(doubt, this.firstSeq);
  }

  get #segment() {
    return this.#segments.at(-1) as { name: string; entries: number; bytes: number };
  }

  override accepted(line: Envelope, bytes: Buffer, start: number, end: number, offset: number): void {
    this.#lines.accepted++;
    this.#count(line);
    this.#segment.entries += line.count;
    if (line.crc === this.#mark?.crc && line.seq + line.count - 1 === this.#mark.seq) this.#hasMark = true;
    const { foreign } = this;
    this.#strange ??= foreign;
    this.#look();
    if (line.repair) for (const range of this.#missing) range.settled = true;
    if (foreign !== undefined) this.#survey.foreign();
    let readable = true;
    try {
      // A batch was parsed when its line was read.
      if (!line.batch) singleRecord(line, bytes, start, end);
    } catch (cause) {
      readable = false;
      this.#list({ verdict: 'unreadable', offset, length: end - start, seq: line.seq });
      this.#unreadable ??= unreadableError(line, this.#segment.name, offset, end - start, cause);
    }
    this.#survey.accepted(line, this.#place(offset, end - start), readable);
  }

  #count({ seq, count, prev, crc }: Envelope): void {
    this.#counted[this.#countedNext] = { seq, prev, next: seq + count, crc };
    this.#countedNext = (this.#countedNext + 1) % MOST_COUNTED;
  }

  /** Whether a line follows one of the last accepted lines, or what one of them follows. */
  #followsCounted({ seq, prev }: Envelope): boolean {
    return this.#counted.some(
      (line) => (line.seq === seq && line.prev === prev) || (line.next === seq && line.crc === prev),
    );
  }

  #place(offset: number, length: number): Place {
    return { offset, length, line: this.scan.lineNumber };
  }

  override passedOver(
    verdict: 'superseded' | 'stranded',
    line: Envelope,
    offset: number,
    length: number,
  ): void {
    this.#look();
    this.#survey.passedOver(verdict, line, this.#place(offset, length));
    const before = this.#others.get(line.prev);
    this.#others.set(line.crc, { writer: line.writer, synced: line.synced });
    const isLone = before === undefined && !this.#followsCounted(line);
    this.mayPassOver ||=
      verdict === 'stranded' || isLone || (before !== undefined && !isSameWrite(before, line));
    this.#list({ verdict, offset, length, seq: line.seq });
  }

  override invalidLine(invalidLine: InvalidLine, offset: number, length: number): void {
    const { verdict, cause } = invalidLine;
    this.mayPassOver ||= verdict === 'damaged';
    this.#look();
    if (offset >= this.#listed) this.#survey.invalidLine(invalidLine, this.#place(offset, length));
    this.#list({ verdict, offset, length, ...(cause && { cause }) });
  }

  #list(line: Omit<OddLine, 'segment'>): void {
    if (line.offset < this.#listed) return;
    this.#listed = line.offset + 1;
    this.#lines[line.verdict]++;
    if (this.#odd.length < MOST_LISTED) this.#odd.push({ ...line, segment: this.#segment.name });
  }

  /** Keeps what the chain proved, also after the repair that settles it. */
  #look(): void {
    const proof = this.scan.chain.missing;
    if (proof === this.#proof) return;
    const known = this.#proof !== undefined && proof?.offset === this.#proof.offset;
    this.#proof = proof;
    if (proof === undefined) return;
    const { from, to, offset } = proof;
    // Later lines may extend the same range.
    if (known) this.#missing.pop();
    this.#missing.push({ from, to, offset, segment: this.#segment.name, settled: false });
  }

  protected override errorOf(corruption: Missing | Doubt, firstSeq: number): WalError {
    return corruptionError(corruption, firstSeq, true);
  }

  /**
   * `errors`: what stopped reading, in that order. `refusal`: why it could not be appended to, whatever its lines
   * are.
   */
  report(
    errors: readonly (WalError | undefined)[],
    snapshots: SnapshotCheck,
    refusal: WalError | undefined,
    strays: readonly Stray[],
  ): VerifyReport {
    const unread = firstOf([...errors, this.#strange, this.#unreadable, this.#wrapped, snapshots.error]);
    const failure = unread ?? refusal;
    const entries = this.#segments.reduce((sum, segment) => sum + segment.entries, 0);
    const bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const { newest, whole = 0 } = snapshots;
    const head = newest !== undefined && newest.seq > this.head.seq ? newest : this.head;
    const unended = this.#unended?.chain.seq ?? 0;
    return {
      ok: failure === undefined,
      head,
      readable: unread === undefined ? head.seq : Math.min(head.seq, placeOf(unread) - 1),
      entries,
      bytes,
      lines: this.#lines,
      segments: this.#segments,
      pending: unended > head.seq ? unended : undefined,
      missing: this.#missing,
      damage: [...this.#survey.found.map(standing), ...snapshots.damage],
      odd: this.#odd,
      rewound:
        this.#hasMark || this.#unended?.line.crc === this.#mark?.crc
          ? undefined
          : rewindTo(head, this.#mark as Head),
      strays,
      sealed: this.isSealed,
      error: failure,
    };

    /** Adds the snapshot that covers it, if there is one. */
    function standing(damage: SurveyedDamage): SurveyedDamage {
      const { from, to = from } = damage;
      return Math.max(from, to) <= whole ? { ...damage, snapshot: snapshotName(whole) } : damage;
    }
  }
}

/** The error that reading reaches first: damage is why a segment does not lead to the next. */
function firstOf(errors: readonly (WalError | undefined)[]): WalError | undefined {
  const there = errors.filter((error) => error !== undefined);
  return there.reduce<WalError | undefined>(
    (first, error) => (first === undefined || placeOf(error) < placeOf(first) ? error : first),
    undefined,
  );
}

/** The first entry that an error is about. */
function placeOf({ damage, seq }: WalError): number {
  return damage?.from ?? seq ?? 0;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
