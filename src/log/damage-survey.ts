import type { Acknowledged, Damage, Evidence } from '../errors/damage.ts';
import { type Envelope, isSameWrite } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import type { InvalidLine } from '../format/verdict.ts';

/** A damaged range as verify reports it, with what remains around it. */
export interface SurveyedDamage extends Damage {
  /** True if a repair was appended since: the log is used again without it. */
  readonly settled: boolean;
  /** Readable entries before it, in the segments that are present. */
  readonly before: number;
  /** Readable entries after it: those from a later segment on, or after a repair. */
  readonly after: number;
  /** Entries after it in whole lines that do not count, because what they follow is missing. */
  readonly stranded: number;
}

/** Position of a line in the segment being read. */
export interface Place {
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  readonly line: number | undefined;
}

/** The most damaged ranges that are reported. */
const MOST_RANGES = 1000;

interface DamagedRange extends Omit<Mutable<Damage>, 'acknowledged'> {
  settled: boolean;
  /** Readable entries before it, and (`passed`) stranded ones. */
  readonly read: number;
  readonly passed: number;
  /** Whether torn lines, which were never acknowledged, are there. */
  readonly torn: boolean;
}

/** Lines with which the log continues after damaged ranges, by their crcs; the last is `line`. */
interface Closing {
  readonly ranges: DamagedRange[];
  readonly firstSeq: number;
  readonly crcs: Set<string>;
  line: Envelope;
}

/**
 * Follows whole lines, accepted and stranded, through the segments, and records where something is damaged or missing
 * between them: which entries, and whether a later line says that they had been synced.
 */
export class DamageSurvey {
  readonly #ranges: DamagedRange[] = [];
  /** Ranges not yet proven to have been acknowledged completely. */
  #unproven = new Set<DamagedRange>();
  /** Damaged lines at the present position; the next whole line shows which entries they held. */
  #open: DamagedRange | undefined;
  /**
   * Damaged ranges after which the log continues as if nothing were there: certain once a line of another write
   * follows.
   */
  #closing: Closing | undefined;
  /** State of the sequence of whole lines: the last entry, and the crc of the last line. */
  #seq: number;
  #crc: string | undefined;
  #sealed = true;
  #torn = false;
  #overtaken: string | undefined;
  #segment = 0;
  #foreign: DamagedRange | undefined;
  /** What is missing although no whole line follows it. */
  #missed: DamagedRange | undefined;
  #read = 0;
  #stranded = 0;
  #synced = 0;

  /** `oldest`: the first entry that must be there. */
  constructor(oldest: number) {
    this.#seq = oldest - 1;
  }

  /** A segment begins; the previous one ended at byte `end`, after `lines` lines. */
  begin(firstSeq: number, end: number, lines: number | undefined): void {
    const from = this.#seq + 1;
    this.#torn = false;
    if (this.#open !== undefined) this.#close(firstSeq - 1);
    else if (from <= firstSeq && (from < firstSeq || !this.#sealed) && this.#foreign === undefined) {
      const gone = this.#sealed;
      this.#add({
        kind: 'missing',
        segment: segmentName(gone ? from : this.#segment),
        offset: gone ? 0 : end,
        length: 0,
        ...(!gone && lines !== undefined && { line: lines + 1 }),
        from,
        ...extent(from, firstSeq - 1),
      });
    }
    this.#seq = firstSeq - 1;
    this.#crc = undefined;
    this.#sealed = false;
    this.#overtaken = undefined;
    this.#missed = undefined;
    this.#segment = firstSeq;
    this.#foreign = undefined;
  }

  /** The segment being read ends at byte `end`. */
  end(end: number): void {
    if (this.#foreign !== undefined) this.#foreign.length = end;
  }

  /** The segment being read does not follow what precedes it. */
  foreign(): void {
    if (this.#foreign !== undefined) return;
    const from = this.#segment;
    const place = { segment: segmentName(from), offset: 0, length: 0, line: 1 };
    this.#foreign = this.#add({ kind: 'foreign', ...place, from, records: 0, exact: false });
  }

  accepted(line: Envelope, place: Place, readable: boolean): void {
    if (this.#foreign !== undefined) return;
    if (this.#open !== undefined || line.seq <= this.#seq) this.#reuse(line.seq);
    if (line.repair) this.#repair();
    this.#observeSynced(line, place);
    this.#goOn(line);
    this.#goTo(line);
    this.#sealed = line.count === 0;
    if (readable) this.#read += line.count;
    else {
      const { seq: from, count } = line;
      this.#add({ kind: 'unreadable', ...this.#at(place), from, ...extent(from, from + count - 1) });
    }
  }

  /** The numbers from `first` on are used again: later evidence about them concerns other entries. */
  #reuse(first: number): void {
    for (const range of this.#unproven) if (range.from >= first) this.#unproven.delete(range);
  }

  /** The log continues with an accepted line. */
  #goOn(line: Envelope): void {
    const closing = this.#closing;
    if (closing !== undefined && line.prev === closing.line.crc) {
      if (isSameWrite(closing.line, line)) this.#closeWith(closing, line);
      else this.#confirm();
    }
    if (this.#open === undefined) return;
    this.#closing ??= { ranges: [], firstSeq: line.seq, crcs: new Set(), line };
    this.#closing.ranges.push(this.#open);
    this.#closeWith(this.#closing, line);
    this.#open = undefined;
  }

  #closeWith(closing: Closing, line: Envelope): void {
    closing.line = line;
    closing.crcs.add(line.crc);
  }

  /**
   * Whether a line follows a line other than those with which the log continues: the damage may have been that line.
   */
  #contradicts({ seq, prev }: Envelope): boolean {
    const closing = this.#closing;
    return closing !== undefined && seq > closing.firstSeq && !closing.crcs.has(prev);
  }

  /** A repair gives up what was damaged before it. */
  #repair(): void {
    for (const range of this.#ranges) range.settled = true;
    this.#open = undefined;
  }

  /**
   * The damaged lines did not count: the line after them follows the line before them, and other writes built on
   * that.
   */
  #confirm(): void {
    for (const range of this.#closing?.ranges ?? []) Object.assign(range, extent(range.from, range.from - 1));
    this.#closing = undefined;
  }

  passedOver(verdict: 'superseded' | 'stranded', line: Envelope, place: Place): void {
    if (this.#foreign !== undefined) return;
    const next = this.#seq + 1;
    if (line.prev !== this.#overtaken && this.#contradicts(line)) this.#closing = undefined;
    const overtaken = verdict === 'superseded' && (line.seq <= next || line.prev === this.#overtaken);
    this.#overtaken = verdict === 'superseded' ? line.crc : undefined;
    if (!overtaken) {
      if (line.seq > next) this.#jump(line, place);
      else if (line.seq === next && line.prev === this.#crc && this.#open !== undefined)
        this.#close(next - 1);
      const last = line.seq + line.count - 1;
      if (last >= this.#seq) {
        this.#stranded += last - Math.max(this.#seq, line.seq - 1);
        this.#goTo(line);
        this.#sealed = line.count === 0;
      }
    }
    this.#observeSynced(line, place);
  }

  invalidLine({ cause, evidence }: InvalidLine, place: Place): void {
    if (this.#foreign !== undefined) return;
    if (cause === undefined) this.#torn = true;
    else if (this.#open !== undefined)
      this.#open.length = place.offset + place.length + 1 - this.#open.offset;
    else {
      const from = this.#seq + 1;
      this.#open = this.#add({ kind: 'damaged', ...this.#at(place), cause, from, records: 0, exact: false });
    }
    if (evidence !== undefined) this.#observeSynced(evidence, place);
  }

  #at({ offset, length, line }: Place): Pick<Damage, 'segment' | 'offset' | 'length' | 'line'> {
    return {
      segment: segmentName(this.#segment),
      offset,
      length: length + 1,
      ...(line !== undefined && { line }),
    };
  }

  #goTo({ seq, count, crc }: Envelope): void {
    this.#seq = seq + count - 1;
    this.#crc = crc;
    this.#torn = false;
    this.#missed = undefined;
  }

  /** A line follows entries that are missing here. */
  #jump(line: Envelope, place: Place): void {
    if (this.#open !== undefined) this.#close(line.seq - 1);
    else this.#miss(line.seq - 1, place);
  }

  #miss(to: number, place: Place): DamagedRange {
    const from = this.#seq + 1;
    return this.#add({ kind: 'missing', ...this.#at(place), length: 0, from, ...extent(from, to) });
  }

  /**
   * A line that does not count proves that entries are missing for which there is no whole line; the next may prove
   * more.
   */
  #missTo(to: number, place: Place): void {
    if (this.#missed === undefined) this.#missed = this.#miss(to, place);
    else {
      Object.assign(this.#missed, extent(this.#missed.from, to));
      if (this.#missed.evidence !== undefined) this.#unproven.add(this.#missed);
    }
    this.#seq = to;
    this.#crc = undefined;
  }

  #close(to: number): void {
    const open = this.#open as DamagedRange;
    this.#open = undefined;
    if (to >= open.from - 1) Object.assign(open, extent(open.from, to));
  }

  #add(damage: Omit<Mutable<Damage>, 'acknowledged'>): DamagedRange {
    const range: DamagedRange = {
      ...damage,
      settled: false,
      read: this.#read,
      passed: this.#stranded,
      torn: this.#torn,
    };
    if (this.#ranges.length === MOST_RANGES) return range;
    this.#ranges.push(range);
    if (damage.kind !== 'foreign') this.#unproven.add(range);
    return range;
  }

  /**
   * Records what a whole line proves: all up to its `synced`; and, for the first line of a segment, all before the
   * segment.
   */
  #observeSynced(line: Envelope, place: Place): void {
    const isFirst = line.seq === this.#segment;
    const synced = isFirst ? Math.max(line.synced, line.seq - 1) : line.synced;
    if (synced <= this.#synced) return;
    this.#synced = synced;
    if (synced > this.#seq && this.#open === undefined) this.#missTo(synced, place);
    this.#prove({ segment: segmentName(this.#segment), offset: place.offset, synced });
  }

  /** There is evidence that all entries up to `synced` had been acknowledged. */
  #prove(evidence: Evidence): void {
    const { synced } = evidence;
    for (const range of this.#unproven) {
      const { from, to = Infinity } = range;
      if (to < from) this.#unproven.delete(range);
      if (synced < from || to < from || synced <= (range.evidence?.synced ?? 0)) continue;
      range.evidence = evidence;
      if (!range.exact) range.records = synced - from + 1;
      if (synced >= to) this.#unproven.delete(range);
    }
  }

  get found(): SurveyedDamage[] {
    return this.#ranges
      .filter(({ torn, evidence, kind }) => kind !== 'missing' || !torn || evidence !== undefined)
      .map(({ read, passed, torn: _, ...range }) => ({
        ...range,
        acknowledged: acknowledgedOf(range),
        before: read,
        after: this.#read - read,
        stranded: this.#stranded - passed,
      }));
  }
}

/** The exact range of entries `from` to `to`. */
function extent(from: number, to: number): { to: number; records: number; exact: true } {
  return { to, records: to - from + 1, exact: true };
}

function acknowledgedOf({ records, exact, evidence }: Omit<Damage, 'acknowledged'>): Acknowledged {
  if (exact && records === 0) return 'no';
  return evidence === undefined ? 'unknown' : 'yes';
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
