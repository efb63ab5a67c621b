import type { DamageCause } from '../errors/damage.ts';
import type { Envelope } from './line.ts';

/**
 * The number of the last accepted entry, and the crc of the line that holds it. A seal holds no entry, so it changes
 * neither.
 */
export interface Head {
  readonly seq: number;
  readonly crc: string;
}

/**
 * The head, and `link`, the crc of the last accepted line, which the next line must follow. After a seal, `link` is the
 * seal's crc, and differs from `crc`.
 */
export interface Tip extends Head {
  readonly link: string;
}

/** Acknowledged entries that are not in the log. */
export interface Missing {
  readonly kind: 'missing';
  /** First and last number that are missing. */
  readonly from: number;
  readonly to: number;
  /** Byte offset, in the segment, of the first line that proves it. */
  readonly offset: number;
  /** The damaged line before that line, if there is one. */
  readonly doubt: Doubt | undefined;
  readonly beyond?: Beyond | undefined;
}

/**
 * Numbers of the first and last entry in crc-valid lines after the head that do not count because the line they follow
 * is missing.
 */
export interface Beyond {
  readonly from: number;
  readonly to: number;
}

/** A damaged line after which nothing was accepted: it may have been acknowledged. */
export interface Doubt {
  readonly kind: 'doubt';
  readonly seq: number;
  readonly cause: DamageCause;
  readonly offset: number;
  /** Bytes, without the newline. */
  readonly length: number;
  /** Its number in the segment, from 1; undefined if lines were not counted. */
  readonly line: number | undefined;
  readonly beyond?: Beyond | undefined;
}

/**
 * Decides which lines of one segment count, as a pure function of the crc-valid lines in their order. Every reader and
 * writer runs it over the same bytes, so all agree, even if the lock is broken.
 *
 * Its fields are public because an append reads them too often for getters, but only this class sets them.
 */
export class Chain {
  readonly firstSeq: number;
  /** Number of the last accepted entry. */
  seq: number;
  /** Crc of the line that holds that entry; undefined until an entry of this segment is accepted. */
  crc: string | undefined = undefined;
  /** Crc of the last accepted line; before the first, of the line that it follows; undefined if neither is known. */
  link: string | undefined = undefined;
  /** Crc of the line that the segment's first line follows; undefined until there is a first line. */
  start: string | undefined = undefined;
  /** True once a seal was accepted: this segment accepts no line after it. */
  sealed = false;
  /** The highest `synced` of an accepted line. */
  synced = 0;
  /** Proof that acknowledged entries are missing, unless a repair settled it. */
  missing: Missing | undefined = undefined;
  /** A damaged line with no accepted line after it. */
  doubt: Doubt | undefined = undefined;
  /** Crc of the superseded line just before. */
  #overtaken: string | undefined;
  #beyond: Beyond | undefined;

  constructor(firstSeq: number) {
    this.firstSeq = firstSeq;
    this.seq = firstSeq - 1;
  }

  /**
   * What stops reading at this point. A conflict marker comes before missing entries, because it explains why they are
   * missing and what to do.
   */
  get corruption(): Missing | Doubt | undefined {
    const corruption = this.doubt?.cause === 'merge-conflict' ? this.doubt : (this.missing ?? this.doubt);
    return corruption && { ...corruption, beyond: this.#beyond };
  }

  /** Decides whether the next crc-valid line counts. `offset` is its byte offset, for messages. */
  judge(line: Envelope, offset: number): 'accepted' | 'superseded' | 'stranded' {
    if (line.synced > this.seq) this.observeSynced(line, offset);
    if (this.link === undefined && line.seq === this.firstSeq) {
      this.start = line.prev;
      this.link = line.prev;
    }
    const next = this.seq + 1;
    // A seal at the segment's first seq is not accepted: the segment after such a seal would have this segment's name.
    const empty = line.count === 0 && line.seq === this.firstSeq;
    if (line.seq === next && line.prev === this.link && !this.sealed && !empty) {
      this.seq += line.count;
      this.link = line.crc;
      if (line.count > 0) this.crc = line.crc;
      this.sealed = line.count === 0;
      this.#overtaken = undefined;
      this.doubt = undefined;
      this.#beyond = undefined;
      if (line.synced > this.synced) this.synced = line.synced;
      if (line.repair) this.missing = undefined;
      return 'accepted';
    }
    if (line.seq <= next || this.sealed || line.prev === this.#overtaken) {
      this.#overtaken = line.crc;
      return 'superseded';
    }
    this.#overtaken = undefined;
    const { from = line.seq, to = 0 } = this.#beyond ?? {};
    this.#beyond = { from, to: Math.max(to, line.seq + line.count - 1) };
    return 'stranded';
  }

  /** Accepts lines without judging them: see `SegmentScan.advance`. */
  advance(before: string, tip: Tip, sealed: boolean): void {
    this.start ??= before;
    this.seq = tip.seq;
    this.crc = tip.crc;
    this.link = tip.link;
    this.sealed = sealed;
    this.#overtaken = undefined;
    this.doubt = undefined;
    this.#beyond = undefined;
  }

  /** Records what a crc-valid line proves about earlier ones, whether or not the line itself counts. */
  observeSynced(line: Envelope, offset: number): void {
    if (line.synced <= this.seq || line.synced <= (this.missing?.to ?? 0)) return;
    this.missing =
      this.missing === undefined
        ? { kind: 'missing', from: this.seq + 1, to: line.synced, offset, doubt: this.doubt }
        : { ...this.missing, to: line.synced };
  }

  /** Notes a damaged line. Unless a later line is accepted, nobody can tell whether the damaged one counted. */
  suspect(cause: DamageCause, place: Pick<Doubt, 'offset' | 'length' | 'line'>): void {
    this.doubt ??= { kind: 'doubt', seq: this.seq + 1, cause, ...place };
  }

  /** An independent copy, for lines at the end that may still change. */
  fork(): Chain {
    const copy = Object.assign(new Chain(this.firstSeq), this);
    copy.#overtaken = this.#overtaken;
    copy.#beyond = this.#beyond;
    return copy;
  }
}
