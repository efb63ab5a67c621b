import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { canonicalJson } from '../format/canonical.ts';
import type { Head, Tip } from '../format/chain.ts';
import { readEdited } from '../format/edited.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type KeyScope, raisedScope, scopeAtStart } from '../format/key-scope.ts';
import { COVERED_OFFSET, ENVELOPE_BYTES, GENESIS_CRC, LOST_OP, REPAIR_OP } from '../format/line.ts';
import { foldIn, raisedIn, sealText } from '../format/line-body.ts';
import type { LogTraits } from '../format/meta.ts';
import { segmentName, snapshotName } from '../format/names.ts';
import { readEnvelope } from '../format/read-line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import {
  type EditedLine,
  isInvalid,
  isSealed,
  type LostRange,
  type Survey,
  type SurveyedInvalidLine,
  type SurveyedLine,
} from '../format/survey.ts';
import { lineWithin } from '../format/within.ts';
import { writeLine } from '../format/write-line.ts';
import { readFully } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

/** Receives the lines of a new log. */
export interface RebuildSink {
  segment(firstSeq: number): void;
  /** The line is `bytes[start, end)`, without its newline. */
  line(bytes: Buffer, start: number, end: number): void;
  /** Called for each line that is kept, with its fields from `data` to `op` and its number in the new log. */
  kept?(line: SurveyedLine, body: string, seq: number): void;
  lost?(range: LostRange): void;
}

export interface RebuildParts {
  readonly storage: Storage;
  readonly clock: Clock;
  /** The directory that was surveyed. */
  readonly directory: string;
  readonly survey: Survey;
  /** The headers of all whole snapshots, oldest first. */
  readonly snapshots: readonly SnapshotHeader[];
  /** The seq in the newest snapshot's name if that snapshot is damaged, else 0: the numbers up to it were given. */
  readonly damaged: number;
  readonly traits: LogTraits;
  /** The writer name of new lines: 8 characters of 0-9a-z. */
  readonly session: string;
  readonly sink: RebuildSink;
  readonly onProgress: () => void;
}

export interface KeptSnapshot extends Pick<SnapshotHeader, 'head' | 'seal' | 'keys'> {
  readonly of: SnapshotHeader;
}

export interface Rebuilt {
  readonly head: Head;
  /** Number of entries of the old log that are in the new one. */
  readonly entries: number;
  /** How many of them did not count any more in the old log. */
  readonly recovered: number;
  readonly lost: readonly LostRange[];
  /** Snapshots that cover the same entries in the new log, with the head, seal and keys at that place in it. */
  readonly snapshots: readonly KeptSnapshot[];
}

/** The most entries that a gap between lines is filled with. The entries after a wider gap get other numbers. */
const MOST_FILLED = 100_000;
/**
 * The most lost entries, about 250 MB, to fill in if only the name of a file shows that they existed. They are filled
 * in so that no number is given twice.
 */
const MOST_NAMED_GONE = 10_000_000;
/** The most edited lines that the record of the edits names. */
const MOST_NAMED = 100;
/** Lost entries for which one line is written. */
const FILL_LINE = 10_000;

type Damage = Pick<LostRange, 'segment' | 'offset' | 'cause'>;

/**
 * Makes the lines of a new log from all that can be read in a damaged one. Entries keep their numbers, so that revs and
 * snapshots stay valid: lost entries are replaced by a repair and `wal.lost` entries. A line whose number and
 * predecessor are unchanged stays the same to the byte.
 */
export class Rebuild {
  readonly #parts: RebuildParts;
  #tip: Tip = { seq: 0, crc: GENESIS_CRC, link: GENESIS_CRC };
  /** Difference between the new number of an entry and its old one. */
  #shift = 0;
  #segmentStart = 1;
  #source: string | undefined;
  #seal: SurveyedLine | undefined;
  #writers = 0;
  #entries = 0;
  #recovered = 0;
  #damage: Damage | undefined;
  readonly #lost: LostRange[] = [];
  readonly #edited: Pick<EditedLine, 'from' | 'to' | 'segment' | 'offset'>[] = [];
  readonly #snapshots: KeptSnapshot[] = [];
  #scope: KeyScope;
  #fold: FoldIdentity | undefined;
  #boundaries: SnapshotHeader[] = [];
  /**
   * Lines whose numbers are taken, put off to the end: placed here, they would shift the numbers that follow, and the
   * snapshot without which the log has no beginning would no longer fit.
   */
  readonly #late: SurveyedLine[] = [];
  #startsAlone = false;
  /** The highest number that lines which are not kept say was synced. */
  #claimed = 0;
  #writersOnce: ReadonlySet<string> | undefined;
  /** Writers of kept lines whose body is not JSON. */
  readonly #unreadable = new Set<string>();
  #file: { readonly name: string; readonly file: StorageFile } | undefined;

  constructor(parts: RebuildParts) {
    this.#parts = parts;
    this.#scope = scopeAtStart(parts.traits.keyWindow);
    this.#fold = parts.traits.fold;
  }

  async run(): Promise<Rebuilt> {
    const { clock, onProgress } = this.#parts;
    const steps = this.steps();
    for (let turns = 1; ; turns++) {
      const { done, value } = steps.next();
      if (done) return value;
      onProgress();
      if (turns % 1000 === 0) await clock.yield();
    }
  }

  /** Makes the log step by step; each step gives the sink what it made. */
  *steps(): Generator<void, Rebuilt, undefined> {
    try {
      return yield* this.#steps();
    } finally {
      this.#file?.file.close();
    }
  }

  *#steps(): Generator<void, Rebuilt, undefined> {
    const { survey, snapshots } = this.#parts;
    const kept = survey.items.filter((item) => !isInvalid(item) && item.kept) as SurveyedLine[];
    const first = kept[this.#beginning(kept)];
    this.#begin(first);
    this.#boundaries = snapshots.filter(({ head }) => head.seq > this.#tip.seq);
    this.#segmentStart = this.#tip.seq + 1;
    this.#parts.sink.segment(this.#segmentStart);
    const [start, begins] = [segmentName(this.#segmentStart), first !== undefined];
    let begun = false;
    for (const item of survey.items) {
      begun ||= begins ? item === first : item.segment >= start;
      if (!begun) continue;
      if (isInvalid(item)) this.#meetInvalidLine(item);
      else if (item.kept) this.#put(item);
      else this.#meetOther(item);
      yield;
    }
    if (first === undefined) this.#claimed = 0;
    this.#finish();
    const [entries, recovered, lost] = [this.#entries, this.#recovered, this.#lost];
    return { head: this.#head, entries, recovered, lost, snapshots: this.#snapshots };
  }

  get #head(): Head {
    const { seq, crc } = this.#tip;
    return { seq, crc };
  }

  /**
   * The index of the first kept line of the new log. Lines before a gap that a snapshot covers are left over from an
   * unfinished compaction if the gap is of whole segments, or is too wide to fill.
   */
  #beginning(kept: readonly SurveyedLine[]): number {
    const newest = this.#parts.snapshots.at(-1)?.head.seq ?? 0;
    let [beginning, end] = [0, 0];
    for (const [i, line] of kept.entries()) {
      const isGap = end > 0 && line.seq > end && newest >= end;
      const isCompacted = isGap && newest >= line.seq - 1 && this.#isAfterSealed(line);
      if (isCompacted || (isGap && line.seq - end > MOST_FILLED)) beginning = i;
      end = Math.max(end, line.seq + line.count);
    }
    return beginning;
  }

  /** Whether the line begins a segment, and the accepted lines of the segment before end in a seal. */
  #isAfterSealed({ seq, segment }: SurveyedLine): boolean {
    if (segment !== segmentName(seq)) return false;
    const { items } = this.#parts.survey;
    const first = items.findIndex((item) => item.segment === segment);
    return isSealed(items.slice(0, first), items[first - 1]?.segment ?? '');
  }

  /** Sets the beginning of the new log: entry 1, or the end of a snapshot that leads to the first line. */
  #begin(first: SurveyedLine | undefined): void {
    const { snapshots } = this.#parts;
    const before = (first?.seq ?? Infinity) - 1;
    if (before === 0) return;
    const exact = snapshots.find(({ head }) => head.seq === before);
    if (first !== undefined && exact === undefined && snapshots.some(({ head }) => head.seq > before)) {
      this.#tip = { seq: before, crc: first.prev, link: first.prev };
      this.#startsAlone = true;
      return;
    }
    const base = exact ?? snapshots.findLast(({ head }) => head.seq < before);
    if (base === undefined) return;
    const { head, seal, keys } = base;
    this.#tip = { ...head, link: seal };
    this.#scope = keys;
    this.#fold = base.fold;
    this.#snapshots.push({ of: base, head, seal, keys });
  }

  #meetInvalidLine({ verdict, cause, segment, offset }: SurveyedInvalidLine): void {
    if (verdict === 'damaged' && cause !== undefined && cause !== 'merge-conflict')
      this.#damage ??= { segment, offset, cause };
  }

  /**
   * Meets a seal, or a line without entries of its own. Its `synced` proves something only of the lines to which it was
   * chained.
   */
  #meetOther(line: SurveyedLine): void {
    if (line.count === 0 && (line.accepted || !this.#sealFits)) this.#seal = line;
    const claimed = line.synced + this.#shift;
    if (claimed <= Math.max(this.#claimed, this.#tip.seq) || this.#keptWriters.has(line.writer)) return;
    this.#claimed = claimed;
  }

  /** The writers of all kept lines. An append keeps its writer, however often it was written. */
  get #keptWriters(): ReadonlySet<string> {
    this.#writersOnce ??= new Set(
      this.#parts.survey.items.flatMap((item) => (isInvalid(item) || !item.kept ? [] : [item.writer])),
    );
    return this.#writersOnce;
  }

  /** Whether the line that this one follows is in the new log, under any number: if so, no entry is lost in between. */
  #followsKept({ follows }: SurveyedLine): boolean {
    if (follows === undefined) return false;
    if (follows.count === 0) return this.#followsKept(follows);
    return this.#keptWriters.has(follows.writer) && !this.#unreadable.has(follows.writer);
  }

  #put(line: SurveyedLine): void {
    const text = this.#bodyOf(line);
    if (!isJson(`{${text}}`)) {
      this.#damage ??= { segment: line.segment, offset: line.offset, cause: 'unreadable' };
      this.#unreadable.add(line.writer);
      return;
    }
    if (this.#shift === 0 && this.#damage === undefined) this.#fillCompacted(line.seq - 1);
    const next = this.#tip.seq + 1;
    const early = next - (line.seq + this.#shift);
    // If its numbers are taken, as on the other side of a merge, all that follows gets higher numbers.
    if (early > 0 && this.#leadsToBase) {
      this.#late.push(line);
      return;
    }
    if (early > 0 || (early < 0 && this.#followsKept(line))) this.#shift += early;
    else if (early < 0) this.#fillBefore(line, -early);
    this.#damage = undefined;
    if (this.#source !== undefined && line.segment !== this.#source) this.#endSegment();
    this.#source = line.segment;
    const { synced, ts, writer } = line;
    const seq = this.#tip.seq + 1;
    this.#write(text, { seq, synced: Math.min(synced, seq - 1), ts, writer }, line.count);
    this.#parts.sink.kept?.(line, text, seq);
    if (line.edited) {
      const { segment, offset, count } = line;
      this.#edited.push({ from: seq, to: seq + count - 1, segment, offset });
    }
    this.#entries += line.count;
    if (!line.accepted) this.#recovered += line.count;
  }

  /** Whether the snapshot without which the log has no beginning is still to come. */
  get #leadsToBase(): boolean {
    return this.#startsAlone && this.#snapshots.length === 0 && this.#boundaries.length > 0;
  }

  #fillBefore(line: SurveyedLine, gap: number): void {
    // A gap first absorbs the shift that taken numbers caused, except for one number, which the repair needs.
    const back = Math.max(0, Math.min(gap - 1, this.#shift));
    const left = gap - back;
    // A wide gap is not filled: one entry takes its place, and the entries that follow get lower numbers.
    const filled = left > MOST_FILLED ? 1 : left;
    this.#shift -= back + left - filled;
    const damage = this.#damage ?? { segment: line.segment, offset: line.offset, cause: 'missing' };
    this.#fill(this.#tip.seq + filled, damage);
  }

  /** Fills in the entries that were compacted into the damaged snapshot, up to `to` or the snapshot's end. */
  #fillCompacted(to: number): void {
    const last = Math.min(to, this.#parts.damaged);
    if (last <= this.#tip.seq) return;
    const file = snapshotName(this.#parts.damaged);
    this.#refuseTooMany(file, last);
    this.#fill(last, { segment: file, offset: 0, cause: 'snapshot' });
  }

  #refuseTooMany(file: string, last: number): void {
    const count = last - this.#tip.seq;
    if (count <= MOST_NAMED_GONE) return;
    const message = `${file} is damaged. Its name shows that there were entries up to ${last}; ${count} of them are lost. A salvage replaces at most ${MOST_NAMED_GONE} lost entries, so that no number is given twice. Put the file back from a backup, or remove it if its name cannot be right.`;
    throw new WalError('ERR_WAL_CORRUPT', message, { segment: file, offset: 0, seq: this.#tip.seq + 1 });
  }

  /**
   * The last segment of which no line is kept, and the number before its first, in the numbers of the new log. The
   * segment's name shows that this number was given.
   */
  get #unread(): { readonly segment: string; readonly last: number } {
    const { items, segments } = this.#parts.survey;
    const kept = new Set(items.flatMap((item) => (isInvalid(item) || !item.kept ? [] : [item.segment])));
    const first = segments.findLast((seq) => !kept.has(segmentName(seq)));
    if (first === undefined) return { segment: '', last: 0 };
    const last = first - 1 + this.#shift;
    this.#refuseTooMany(segmentName(first), last);
    return { segment: segmentName(first), last };
  }

  /** Puts a repair, and then `wal.lost` entries, in the place of the lost entries up to `to`. */
  #fill(to: number, damage: Damage): void {
    const lost = { from: this.#tip.seq + 1, to, ...damage };
    this.#lost.push(lost);
    this.#parts.sink.lost?.(lost);
    const body = canonicalJson({ ...lost, reason: 'salvage' }) as string;
    if (this.#sealFits) this.#endSegment();
    this.#new(`"data":${body},"id":"wal","op":"${REPAIR_OP}"`, 1);
    while (this.#tip.seq < to) {
      this.#crossBoundary();
      const boundary = this.#shift === 0 ? (this.#boundaries[0]?.head.seq ?? Infinity) : Infinity;
      const count = Math.min(to, boundary) - this.#tip.seq;
      const part = Math.min(count, FILL_LINE);
      this.#new(`"entries":[${Array(part).fill(`{"id":"wal","op":"${LOST_OP}"}`).join(',')}]`, part);
    }
  }

  #new(body: string, count: number): void {
    const { clock, session } = this.#parts;
    const writer = `${session}.${++this.#writers}`;
    this.#write(body, { seq: this.#tip.seq + 1, synced: this.#tip.seq, ts: clock.now(), writer }, count);
  }

  #write(
    body: string,
    placed: { seq: number; synced: number; ts: number; writer: string },
    count: number,
  ): void {
    this.#crossBoundary();
    const bytes = Buffer.allocUnsafe(Buffer.byteLength(body) + ENVELOPE_BYTES);
    const place = { ...placed, seq: this.#tip.seq + 1, prev: this.#tip.link, crc: '' };
    const end = writeLine(bytes, 0, body, place, count);
    this.#parts.sink.line(bytes, 0, end - 1);
    const window = raisedIn(body);
    if (window !== undefined) this.#scope = raisedScope(this.#scope, window, place.seq);
    this.#observeFold(foldIn(body));
    this.#tip = { seq: this.#tip.seq + count, crc: place.crc, link: place.crc };
  }

  /** Ends the segment where a snapshot ends, because a snapshot covers whole segments. */
  #crossBoundary(): void {
    while (this.#boundaries.length > 0) {
      const [of] = this.#boundaries as [SnapshotHeader];
      if (of.head.seq > this.#tip.seq) return;
      this.#boundaries.shift();
      // If numbers have shifted, the snapshot would cover other entries. It is left out; the entries are all there.
      if (of.head.seq < this.#tip.seq || this.#shift !== 0) continue;
      this.#raiseWindow(of.keys);
      this.#observeFold(of.fold);
      this.#endSegment();
      this.#snapshots.push({ of, head: this.#head, seal: this.#tip.link, keys: this.#scope });
    }
  }

  /** Ends the segment, with its old seal if that still follows. A segment without entries is not ended. */
  #endSegment(): void {
    const { traits, sink } = this.#parts;
    if (traits.git || this.#tip.seq < this.#segmentStart) return;
    this.#putSeal();
    this.#segmentStart = this.#tip.seq + 1;
    sink.segment(this.#segmentStart);
  }

  #putSeal(): void {
    const { text, synced, ts, writer } = this.#sealFits ? this.#oldSeal : this.#newSeal;
    const { seq, crc, link: prev } = this.#tip;
    const place = { seq: seq + 1, synced, ts, writer, prev, crc: '' };
    const bytes = Buffer.allocUnsafe(Buffer.byteLength(text) + ENVELOPE_BYTES);
    const end = writeLine(bytes, 0, text, place, 0);
    this.#parts.sink.line(bytes, 0, end - 1);
    this.#tip = { seq, crc, link: place.crc };
    const seal = readEnvelope(bytes, 0, end - 1);
    this.#scope = seal?.keys ?? this.#scope;
    this.#observeFold(seal?.fold);
  }

  get #oldSeal() {
    const seal = this.#seal as SurveyedLine;
    return { ...seal, text: bodyOf(this.#read(seal)) };
  }

  get #newSeal() {
    const { clock, session } = this.#parts;
    const bytes = this.#seal === undefined ? undefined : this.#read(this.#seal);
    const old = bytes && readEnvelope(bytes, 0, bytes.length);
    this.#raiseWindow(old?.keys);
    this.#observeFold(old?.fold);
    const writer = `${session}.${++this.#writers}`;
    return { text: sealText(this.#scope, this.#fold), synced: this.#tip.seq, ts: clock.now(), writer };
  }

  #finish(): void {
    const { segment, last } = this.#unread;
    const claimed = Math.min(this.#claimed - this.#tip.seq, MOST_FILLED);
    const missing = Math.max(claimed, last - this.#tip.seq);
    const damage = this.#damage ?? { segment: this.#source ?? segment, offset: 0, cause: 'missing' };
    const beyond = this.#boundaries.at(-1)?.head.seq ?? 0;
    if (this.#shift === 0 && beyond > this.#tip.seq && beyond - this.#tip.seq <= MOST_FILLED)
      this.#fill(Math.max(beyond, last), damage);
    else if (this.#damage !== undefined || missing > 0)
      this.#fill(this.#tip.seq + Math.max(1, missing), damage);
    for (const line of this.#late.splice(0)) this.#put(line);
    this.#fillCompacted(Infinity);
    this.#crossBoundary();
    this.#recordEdits();
    if (this.#sealFits) this.#putSeal();
  }

  /** Records in the log itself which entries were edited, and so are not what their writers appended. */
  #recordEdits(): void {
    if (this.#edited.length === 0) return;
    if (this.#sealFits) this.#endSegment();
    const edited = this.#edited.slice(0, MOST_NAMED);
    const body = canonicalJson({ edited, edits: this.#edited.length, reason: 'edits accepted' }) as string;
    this.#new(`"data":${body},"id":"wal","op":"${REPAIR_OP}"`, 1);
  }

  /** Raises the window to that of a later seal or snapshot: the entry that raised it may be lost. */
  #raiseWindow(keys: KeyScope | undefined): void {
    if (keys !== undefined && keys.window > this.#scope.window)
      this.#scope = { ...this.#scope, window: keys.window };
  }

  #observeFold(fold: FoldIdentity | undefined): void {
    if (fold !== undefined) this.#fold = recordedFold(this.#fold, fold);
  }

  /** Whether the seal that was met last follows the lines made so far. */
  get #sealFits(): boolean {
    return this.#seal?.seq === this.#tip.seq + 1 && this.#seal.prev === this.#tip.link;
  }

  /** The line's fields between the crc and `prev`. */
  #bodyOf(line: SurveyedLine): string {
    const bytes = this.#read(line);
    return line.edited ? (readEdited(bytes)?.body ?? '') : bodyOf(bytes);
  }

  #read(line: SurveyedLine): Buffer {
    const { segment, offset, length, glued, converted, edited } = line;
    if (this.#file?.name !== segment) {
      this.#file?.file.close();
      const { storage, directory } = this.#parts;
      this.#file = { name: segment, file: storage.open(join(directory, segment), 'read') };
    }
    const bytes = Buffer.allocUnsafe(length);
    const whole = bytes.subarray(0, readFully(this.#file.file, bytes, offset));
    return glued || edited || converted !== undefined ? lineWithin(whole, line) : whole;
  }
}

/** A line's fields between the crc and `prev`. */
function bodyOf(line: Buffer): string {
  return line.toString('utf8', COVERED_OFFSET, line.lastIndexOf(',"prev":"'));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
