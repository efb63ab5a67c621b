import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Before, FeedState, WrittenGroup } from '../store/feed.ts';
import { ChainFeed } from './chain-feed.ts';
import type { Keys } from './keys.ts';

export interface TailObserver {
  /** An accepted line was read (not one that was written here and is known to have landed). */
  accepted(line: Envelope): void;
  /** The log was replaced: lines read before do not count. */
  replaced(): void;
  /** All that is there for now was read. */
  caughtUp(state: FeedState): void;
}

/** Receives each accepted line, of other writers and of this Wal, as soon as the tail knows of it. */
export interface TailListener {
  /**
   * `bytes[start, end)` is the line without its newline, until the call returns; `segment` is the first seq of its
   * segment. `envelope`: what was parsed of it; undefined for a line that was written here.
   */
  line(bytes: Buffer, start: number, end: number, segment: number, envelope: Envelope | undefined): void;
  /** The next line does not follow the previous one: the log was replaced, or reading continues after a snapshot. */
  interrupted(): void;
}

/** The writer's view of where the log ends. */
export class Tail extends ChainFeed {
  /** The idempotency keys of the lines that were read. */
  readonly keys: Keys;
  /** The fold that the log was made with. */
  readonly #madeWith: FoldIdentity | undefined;
  /** The fold that makes the log's state; undefined if none was recorded up to the head. */
  fold: FoldIdentity | undefined;
  readonly #observer: TailObserver;
  /** The highest seq known to be synced, by this Wal's own syncs or according to accepted lines. */
  synced = 0;
  /**
   * The highest seq covered by this Wal's own syncs of the file that is there now. What the lines say does not count:
   * they may have been copied here from a file for which it was true.
   */
  syncedHere = 0;
  /** Counts the replacements of the log. */
  epoch = 0;
  /** The state when it was last caught up, or when what was written here landed. */
  at: FeedState | undefined;
  /** Receivers of the lines after the head. */
  readonly listeners = new Set<TailListener>();

  constructor(keys: Keys, fold: FoldIdentity | undefined, observer: TailObserver) {
    super();
    this.keys = keys;
    this.#madeWith = fold;
    this.fold = fold;
    this.#observer = observer;
  }

  /** Records the fold named by a snapshot: the lines can only name a later version of it. */
  observeSnapshot({ fold }: Pick<SnapshotHeader, 'fold'>): void {
    this.fold = this.fold === undefined ? fold : recordedFold(fold, this.fold);
  }

  /** Records that this Wal's own sync covered everything up to `seq`. */
  raiseSynced(seq: number): void {
    if (seq > this.syncedHere) this.syncedHere = seq;
    if (seq > this.synced) this.synced = seq;
  }

  /** Passes the lines after the head to `listener`. Returns a function that stops it. */
  listen(listener: TailListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Passes a line to the listeners. */
  tell(bytes: Buffer, start: number, end: number, envelope?: Envelope): void {
    const { firstSeq } = this;
    for (const listener of this.listeners) listener.line(bytes, start, end, firstSeq, envelope);
  }

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    // A compaction may have deleted the lines in between.
    if (replaced || firstSeq !== this.head.seq + 1) {
      this.keys.begin(firstSeq, before?.keys);
      this.fold = before?.fold ?? this.#madeWith;
      for (const listener of this.listeners) listener.interrupted();
    }
    this.keys.since = Math.min(this.keys.since, firstSeq);
    super.begin(firstSeq, before, replaced);
    // The state in the previous segment is no longer the end of the log: there may be more to read, or less.
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
