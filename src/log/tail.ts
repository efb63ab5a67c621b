import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Before, FeedState, WrittenGroup } from '../store/feed.ts';
import { ChainFeed } from './chain-feed.ts';
import type { Keys } from './keys.ts';

export interface TailObserver {
  /** An accepted line was read (not one written here and known to have landed). */
  accepted(line: Envelope): void;
  /** The log was replaced: what was read before does not count. */
  replaced(): void;
  /** All was read that is there for now. */
  caughtUp(state: FeedState): void;
}

/** Hears of each accepted line, others' and one's own, as soon as the tail knows of it. */
export interface TailListener {
  /**
   * `bytes[start, end)` is the line without its newline, until the call returns; `segment` is the first seq of its segment. `envelope`: what
   * was read of it; undefined of one that was written here.
   */
  line(bytes: Buffer, start: number, end: number, segment: number, envelope: Envelope | undefined): void;
  /** The line that comes next does not follow the one before: the log was replaced, or goes on behind a snapshot. */
  interrupted(): void;
}

/** The writer's view of where the log ends. */
export class Tail extends ChainFeed {
  /** The idempotency keys of the lines that were read. */
  readonly keys: Keys;
  /** What the log was made with. */
  readonly #madeWith: FoldIdentity | undefined;
  /** The fold that makes the log's state; undefined where none was recorded up to the head. */
  fold: FoldIdentity | undefined;
  readonly #observer: TailObserver;
  /** The highest seq known to be synced, by a sync of this Wal's own or by what accepted lines say. */
  synced = 0;
  /**
   * The highest seq that a sync of this Wal's own covered in the file that lies here now. What the lines say does not
   * count: they may have been copied here from a file where it was true.
   */
  syncedHere = 0;
  /** Counts the replacements of the log. */
  epoch = 0;
  /** Where it stood when it was caught up last, or what was written here landed. */
  at: FeedState | undefined;
  /** Who hears of the lines after the head. */
  readonly listeners = new Set<TailListener>();

  constructor(keys: Keys, fold: FoldIdentity | undefined, observer: TailObserver) {
    super();
    this.keys = keys;
    this.#madeWith = fold;
    this.fold = fold;
    this.#observer = observer;
  }

  /** Notes that a snapshot names the log's fold: the lines can only name a later version of that. */
  observeSnapshot({ fold }: Pick<SnapshotHeader, 'fold'>): void {
    this.fold = this.fold === undefined ? fold : recordedFold(fold, this.fold);
  }

  /** Notes that a sync of this Wal's own covered all up to `seq`. */
  raiseSynced(seq: number): void {
    if (seq > this.syncedHere) this.syncedHere = seq;
    if (seq > this.synced) this.synced = seq;
  }

  /** Hears of the lines after the head. Returns how to stop. */
  listen(listener: TailListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Passes on a line. */
  tell(bytes: Buffer, start: number, end: number, envelope?: Envelope): void {
    const { firstSeq } = this;
    for (const listener of this.listeners) listener.line(bytes, start, end, firstSeq, envelope);
  }

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    // A compaction may have taken away what lies between.
    if (replaced || firstSeq !== this.head.seq + 1) {
      this.keys.begin(firstSeq, before?.keys);
      this.fold = before?.fold ?? this.#madeWith;
      for (const listener of this.listeners) listener.interrupted();
    }
    this.keys.since = Math.min(this.keys.since, firstSeq);
    super.begin(firstSeq, before, replaced);
    // What it said of the segment before is not where the log ends now: perhaps there is more to read, perhaps less.
    this.at = undefined;
    if (!replaced) return;
    this.epoch++;
    this.synced = 0;
    this.syncedHere = 0;
    this.#observer.replaced();
  }

  override accepted(line: Envelope, bytes: Buffer, start: number, end: number): void {
    if (line.synced > this.synced) this.synced = line.synced;
    if (line.key !== undefined) this.keys.add(line.key, line);
    if (line.keyWindow !== undefined) this.keys.raise(line.keyWindow, line.seq);
    if (line.keys !== undefined) this.keys.scope = line.keys;
    if (line.fold !== undefined) this.fold = recordedFold(this.fold, line.fold);
    this.#observer.accepted(line);
    if (this.listeners.size > 0) this.tell(bytes, start, end, line);
  }

  override pause(): FeedState {
    this.at = super.pause();
    this.#observer.caughtUp(this.at);
    return this.at;
  }

  override landed({ tip, sealed, fold, lastLineBytes }: WrittenGroup, end: number): FeedState {
    if (fold !== undefined) this.fold = recordedFold(this.fold, fold);
    const { scan } = this;
    const anchor = { offset: end - lastLineBytes, crc: tip.link };
    scan.advance(this.before?.link ?? GENESIS_CRC, tip, sealed, anchor, end);
    const unended = undefined;
    this.at = { resume: end, end, unterminated: 0, unended, wrapped: undefined, anchor, sealed, tip };
    return this.at;
  }
}
