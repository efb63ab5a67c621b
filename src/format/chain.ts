import type { DamageCause } from '../errors/damage.ts';
import type { Envelope } from './line.ts';

/** The last accepted entry's number, and the crc of the line that holds it. A seal, which holds none, leaves both as they are. */
export interface Head {
  readonly seq: number;
  readonly crc: string;
}

/** The head, and the crc of the last accepted line, which the next line follows: a seal has one of its own. */
export interface Tip extends Head {
  readonly link: string;
}

/** Acknowledged entries that are not in the log. */
export interface Missing {
  readonly kind: 'missing';
  /** First and last number that are gone. */
  readonly from: number;
  readonly to: number;
  /** Byte offset in the segment of the first line that proves it. */
  readonly offset: number;
  /** The damaged line before that one, where there is one. */
  readonly doubt: Doubt | undefined;
  readonly beyond?: Beyond | undefined;
}

/** Entries in whole lines after the head that do not count, for what they follow is gone: the first and the last of them. */
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
  /** Its number in the segment, from 1; undefined where lines were not counted. */
  readonly line: number | undefined;
  readonly beyond?: Beyond | undefined;
}

/**
 * Which lines of one segment count: a pure function of the crc-valid lines in their order. Every reader and writer runs
 * it over the same bytes, so all agree, even where the lock is broken. Its fields are for everybody to read, and for it alone to set:
 * an append reads them too often to go through a getter each time.
 */
export class Chain {
  readonly firstSeq: number;
  /** Number of the last accepted entry. */
  seq: number;
  /** Crc of the line that holds that entry; undefined while none of this segment was accepted. */
  crc: string | undefined = undefined;
  /** Crc of the last accepted line; before the first, of the line that it follows; undefined where neither is known. */
  link: string | undefined = undefined;
  /** Crc of the line that the segment's first line follows, once there is one. */
  start: string | undefined = undefined;
  /** True once a seal was accepted: nothing is accepted after it in this segment. */
  sealed = false;
  /** The highest `synced` of an accepted line. */
  synced = 0;
  /** Proof that acknowledged entries are gone, unless a repair settled it. */
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

  /** What stops reading at this point. A conflict marker tells why the entries are missing, and what to do. */
  get corruption(): Missing | Doubt | undefined {
    const corruption = this.doubt?.cause === 'merge-conflict' ? this.doubt : (this.missing ?? this.doubt);
    return corruption && { ...corruption, beyond: this.#beyond };
  }

  /** Says of the next crc-valid line whether it counts. `offset` is where it lies, for messages. */
  judge(line: Envelope, offset: number): 'accepted' | 'superseded' | 'stranded' {
    if (line.synced > this.seq) this.observeSynced(line, offset);
    if (this.link === undefined && line.seq === this.firstSeq) {
      this.start = line.prev;
      this.link = line.prev;
    }
    const next = this.seq + 1;
    // A segment without entries is never sealed: what follows such a seal would bear the same segment's name.
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

  /** Takes what a crc-valid line proves of earlier ones, whether or not the line itself counts. */
  observeSynced(line: Envelope, offset: number): void {
    if (line.synced <= this.seq || line.synced <= (this.missing?.to ?? 0)) return;
    this.missing =
      this.missing === undefined
        ? { kind: 'missing', from: this.seq + 1, to: line.synced, offset, doubt: this.doubt }
        : { ...this.missing, to: line.synced };
  }

  /** Notes a damaged line: unless a line is accepted later, nobody can say whether it counted. */
  suspect(cause: DamageCause, place: Pick<Doubt, 'offset' | 'length' | 'line'>): void {
    this.doubt ??= { kind: 'doubt', seq: this.seq + 1, cause, ...place };
  }

  /** A copy that goes on by itself: for a tail that is not certain yet. */
  fork(): Chain {
    const copy = Object.assign(new Chain(this.firstSeq), this);
    copy.#overtaken = this.#overtaken;
    copy.#beyond = this.#beyond;
    return copy;
  }
}
