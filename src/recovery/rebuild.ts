import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { canonicalJson } from '../format/canonical.ts';
import type { Head, Tip } from '../format/chain.ts';
import { readEdited } from '../format/edited.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type KeyScope, raisedScope, scopeAtStart } from '../format/key-scope.ts';
import {
  COVERED_OFFSET,
  ENVELOPE_BYTES,
  foldIn,
  GENESIS_CRC,
  LOST_OP,
  REPAIR_OP,
  raisedIn,
  readEnvelope,
  sealText,
  writeLine,
} from '../format/line.ts';
import type { LogTraits } from '../format/meta.ts';
import { segmentName, snapshotName } from '../format/names.ts';
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
import { readFully } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

/** Takes what a new log is made of. */
export interface RebuildSink {
  segment(firstSeq: number): void;
  /** The line `bytes[start, end)`, without its newline. */
  line(bytes: Buffer, start: number, end: number): void;
  /** A line that is kept: its fields from `data` to `op`, and the number that it gets. */
  kept?(line: SurveyedLine, body: string, seq: number): void;
  lost?(range: LostRange): void;
}

export interface RebuildParts {
  readonly storage: Storage;
  readonly clock: Clock;
  /** Where what was surveyed lies. */
  readonly directory: string;
  readonly survey: Survey;
  /** The headers of all snapshots that are whole, oldest first. */
  readonly snapshots: readonly SnapshotHeader[];
  /** The newest snapshot by name, where that is damaged, else 0: the numbers up to it were given. */
  readonly damaged: number;
  readonly traits: LogTraits;
  /** Names the writer of the lines that are new. 8 characters of 0-9a-z. */
  readonly session: string;
  readonly sink: RebuildSink;
  readonly onProgress: () => void;
}

export interface KeptSnapshot extends Pick<SnapshotHeader, 'head' | 'seal' | 'keys'> {
  readonly of: SnapshotHeader;
}

export interface Rebuilt {
  readonly head: Head;
  /** Entries of the old log that are in the new one. */
  readonly entries: number;
  /** Those of them that did not count any more. */
  readonly recovered: number;
  readonly lost: readonly LostRange[];
  /** Snapshots that stand for the same entries in the new log, with what leads up to them there. */
  readonly snapshots: readonly KeptSnapshot[];
}

/** A longer gap is not filled up: the entries after it get other numbers. */
const MOST_FILLED = 100_000;
/** What only the name of a file tells of is filled up, since no number is given twice: up to so many, about 250 MB. */
const MOST_NAMED_GONE = 10_000_000;
/** Edited entries that the record of them names. */
const MOST_NAMED = 100;
/** Entries that one line stands for. */
const FILL_LINE = 10_000;

type Damage = Pick<LostRange, 'segment' | 'offset' | 'cause'>;

/**
 * Makes the lines of a log of all that can be read in a damaged one. Entries keep their numbers, so that revs and snapshots
 * go on to fit: a repair, and entries that stand for nothing, take the places of those that are lost. A line whose number
 * and predecessor are the same stays the same to the byte.
 */
export class Rebuild {
  readonly #parts: RebuildParts;
  #tip: Tip = { seq: 0, crc: GENESIS_CRC, link: GENESIS_CRC };
  /** How far the numbers are from what they were. */
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
  /** Lines whose numbers are taken, that would put what comes out of step with the snapshot it rests on. */
  readonly #late: SurveyedLine[] = [];
  #startsAlone = false;
  /** The highest number that lines which are not kept say was synced. */
  #claimed = 0;
  #writersOnce: ReadonlySet<string> | undefined;
  /** Writers of lines that count and are not JSON. */
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

  /** Makes it a little at a time: the sink is given what each step makes. */
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
      if (isInvalid(item)) this.#meetMisfit(item);
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
   * What lies before a gap that a snapshot stands for is what a compaction had not deleted yet, where the gap is of whole
   * segments, or wide.
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

  /** Whether it begins a segment, and what counts in the one before it ends in a seal. */
  #isAfterSealed({ seq, segment }: SurveyedLine): boolean {
    if (segment !== segmentName(seq)) return false;
    const { items } = this.#parts.survey;
    const first = items.findIndex((item) => item.segment === segment);
    return isSealed(items.slice(0, first), items[first - 1]?.segment ?? '');
  }

  /** Where the new log begins: with the first entry, or with what a snapshot leads to. */
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

  #meetMisfit({ verdict, cause, segment, offset }: SurveyedInvalidLine): void {
    if (verdict === 'damaged' && cause !== undefined && cause !== 'merge-conflict')
      this.#damage ??= { segment, offset, cause };
  }

  /** A seal, or a line that holds no entries of its own: what it says was synced is told of the lines that it was chained to. */
  #meetOther(line: SurveyedLine): void {
    if (line.count === 0 && (line.accepted || !this.#sealFits)) this.#seal = line;
    const claimed = line.synced + this.#shift;
    if (claimed <= Math.max(this.#claimed, this.#tip.seq) || this.#keptWriters.has(line.writer)) return;
    this.#claimed = claimed;
  }

  /** The writers of all lines that are kept: an append has one, however often it was written. */
  get #keptWriters(): ReadonlySet<string> {
    this.#writersOnce ??= new Set(
      this.#parts.survey.items.flatMap((item) => (isInvalid(item) || !item.kept ? [] : [item.writer])),
    );
    return this.#writersOnce;
  }

  /** Whether the line that this one follows is in the new log, under whatever number: nothing lay between. */
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
    // Numbers that are taken, as on the other side of a merge, move on all that follows.
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

  /** Whether a snapshot is yet to come without which the log has no beginning. */
  get #leadsToBase(): boolean {
    return this.#startsAlone && this.#snapshots.length === 0 && this.#boundaries.length > 0;
  }

  #fillBefore(line: SurveyedLine, gap: number): void {
    // A gap takes back by how much taken numbers had moved on what follows, but for one: the repair needs a number.
    const back = Math.max(0, Math.min(gap - 1, this.#shift));
    const left = gap - back;
    // A wide one is not filled up: one entry stands for it, and what follows gets lower numbers.
    const filled = left > MOST_FILLED ? 1 : left;
    this.#shift -= back + left - filled;
    const damage = this.#damage ?? { segment: line.segment, offset: line.offset, cause: 'missing' };
    this.#fill(this.#tip.seq + filled, damage);
  }

  /** Fills up what was compacted into the damaged snapshot, up to `to` or its end. */
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
    const message = `${file} is damaged. Its name tells that entries up to ${last} were there, ${count} of which nothing is left, and a salvage fills up ${MOST_NAMED_GONE} at most, so that no number is given twice. Put the file back from a backup; remove it where its name cannot be right.`;
    throw new WalError('ERR_WAL_CORRUPT', message, { segment: file, offset: 0, seq: this.#tip.seq + 1 });
  }

  /** The last segment of which nothing is kept, and the number before it, as the new log counts: that it was given, the name tells. */
  get #unread(): { readonly segment: string; readonly last: number } {
    const { items, segments } = this.#parts.survey;
    const kept = new Set(items.flatMap((item) => (isInvalid(item) || !item.kept ? [] : [item.segment])));
    const first = segments.findLast((seq) => !kept.has(segmentName(seq)));
    if (first === undefined) return { segment: '', last: 0 };
    const last = first - 1 + this.#shift;
    this.#refuseTooMany(segmentName(first), last);
    return { segment: segmentName(first), last };
  }

  /** Puts a repair, and entries that stand for nothing, in the place of what is lost up to `to`. */
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

  /** A snapshot stands for whole segments: where it ends, so does one. */
  #crossBoundary(): void {
    while (this.#boundaries.length > 0) {
      const [of] = this.#boundaries as [SnapshotHeader];
      if (of.head.seq > this.#tip.seq) return;
      this.#boundaries.shift();
      // With other numbers it stands for other entries; those are all there.
      if (of.head.seq < this.#tip.seq || this.#shift !== 0) continue;
      this.#hear(of.keys);
      this.#observeFold(of.fold);
      this.#endSegment();
      this.#snapshots.push({ of, head: this.#head, seal: this.#tip.link, keys: this.#scope });
    }
  }

  /** Ends the segment, with the seal it had where that follows. One without entries is not ended. */
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
    this.#hear(old?.keys);
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
    this.#tellEdits();
    if (this.#sealFits) this.#putSeal();
  }

  /** Says in the log itself which entries are not what their writers appended. */
  #tellEdits(): void {
    if (this.#edited.length === 0) return;
    if (this.#sealFits) this.#endSegment();
    const edited = this.#edited.slice(0, MOST_NAMED);
    const body = canonicalJson({ edited, edits: this.#edited.length, reason: 'edits accepted' }) as string;
    this.#new(`"data":${body},"id":"wal","op":"${REPAIR_OP}"`, 1);
  }

  /** What raised the window may be among what is lost: who comes after it knows. */
  #hear(keys: KeyScope | undefined): void {
    if (keys !== undefined && keys.window > this.#scope.window)
      this.#scope = { ...this.#scope, window: keys.window };
  }

  #observeFold(fold: FoldIdentity | undefined): void {
    if (fold !== undefined) this.#fold = recordedFold(this.#fold, fold);
  }

  /** Whether the seal that was met last follows what is there now. */
  get #sealFits(): boolean {
    return this.#seal?.seq === this.#tip.seq + 1 && this.#seal.prev === this.#tip.link;
  }

  /** Its fields after the crc and before `prev`. */
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

/** A line's fields after the crc and before `prev`. */
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
