import type { Body } from '../format/entry.ts';
import { type FoldIdentity, recordedFold } from '../format/fold-identity.ts';
import type { KeyScope } from '../format/key-scope.ts';
import type { Envelope } from '../format/line.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Before, FeedState } from '../store/store.ts';
import { ChainFeed } from './chain-feed.ts';
import type { KeyWindow } from './key-window.ts';

export interface TailObserver {
  /** An accepted line was read (not one written here and known to have landed). */
  accepted(line: Envelope): void;
  /** The group written last landed where it was made for, ending at that offset. */
  landed(end: number): void;
  /** The log was replaced: what was read before does not count. */
  replaced(): void;
  /** All was read that is there for now. */
  caughtUp(state: FeedState): void;
}

/** Hears of each accepted line, others' and one's own, as soon as the tail knows of it. */
export interface TailListener {
  /** `bytes[start, end)` is the line without its newline, until the call returns; `segment` is the first seq of its segment. */
  line(bytes: Buffer, start: number, end: number, segment: number): void;
  /** The line that comes next does not follow the one before: the log was replaced, or goes on behind a snapshot. */
  interrupted(): void;
}

/** The writer's view of where the log ends. */
export class Tail extends ChainFeed {
  readonly #keys: KeyWindow;
  /** What the log was made with. */
  readonly #madeWith: FoldIdentity | undefined;
  #fold: FoldIdentity | undefined;
  readonly #observer: TailObserver;
  #synced = 0;
  #syncedHere = 0;
  #epoch = 0;
  readonly #listeners = new Set<TailListener>();
  #since = Infinity;

  constructor(keys: KeyWindow, fold: FoldIdentity | undefined, observer: TailObserver) {
    super();
    this.#keys = keys;
    this.#madeWith = fold;
    this.#fold = fold;
    this.#observer = observer;
  }

  /** The highest seq known to be synced, by a sync of this Wal's own or by what accepted lines say. */
  get synced(): number {
    return this.#synced;
  }

  /**
   * The highest seq that a sync of this Wal's own covered in the file that lies here now. What the lines say does not
   * count: they may have been copied here from a file where it was true.
   */
  get syncedHere(): number {
    return this.#syncedHere;
  }

  /** Which idempotency keys are looked for after the head. */
  get keyScope(): KeyScope {
    return this.#keys.scope;
  }

  /** The fold that makes the log's state; undefined where none was recorded up to the head. */
  get fold(): FoldIdentity | undefined {
    return this.#fold;
  }

  /** Takes in that a line names a fold. */
  hearFold(fold: FoldIdentity): void {
    this.#fold = recordedFold(this.#fold, fold);
  }

  /** Notes that a snapshot names the log's fold: the lines can only name a later version of that. */
  hearSnapshot({ fold }: Pick<SnapshotHeader, 'fold'>): void {
    this.#fold = this.#fold === undefined ? fold : recordedFold(fold, this.#fold);
  }

  /** Counts the replacements of the log. */
  get epoch(): number {
    return this.#epoch;
  }

  /** All entries from this seq on were read. */
  get since(): number {
    return this.#since;
  }

  /** Notes that what it must know of the entries before was read, from this seq on. */
  reachBackTo(seq: number): void {
    this.#since = seq;
  }

  /** Notes that a sync of this Wal's own covered all up to `seq`. */
  raiseSynced(seq: number): void {
    this.#syncedHere = Math.max(this.#syncedHere, seq);
    this.#hearSynced(seq);
  }

  #hearSynced(seq: number): void {
    if (seq > this.#synced) this.#synced = seq;
  }

  /** Hears of the lines after the head. Returns how to stop. */
  listen(listener: TailListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Takes in what a line written here, which has landed, says of keys. */
  hear(body: Body, seq: number): void {
    const { key, keyWindow, count, ts, sum } = body;
    if (key !== undefined) this.#keys.add(key, { seq, count, ts, sum });
    if (keyWindow !== undefined) this.#keys.raise(keyWindow, seq);
  }

  /** Passes on a line written here. */
  tell(bytes: Buffer, start: number, end: number): void {
    for (const listener of this.#listeners) listener.line(bytes, start, end, this.firstSeq);
  }

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    // A compaction may have taken away what lies between.
    if (replaced || firstSeq !== this.head.seq + 1) {
      this.#since = firstSeq;
      this.#keys.begin(before?.keys);
      this.#fold = before?.fold ?? this.#madeWith;
      for (const listener of this.#listeners) listener.interrupted();
    }
    this.#since = Math.min(this.#since, firstSeq);
    super.begin(firstSeq, before, replaced);
    if (!replaced) return;
    this.#epoch++;
    this.#synced = 0;
    this.#syncedHere = 0;
    this.#observer.replaced();
  }

  protected override accepted(line: Envelope, bytes: Buffer, start: number, end: number): void {
    this.#hearSynced(line.synced);
    if (line.key !== undefined) this.#keys.add(line.key, line);
    if (line.keyWindow !== undefined) this.#keys.raise(line.keyWindow, line.seq);
    if (line.keys !== undefined) this.#keys.goOn(line.keys);
    if (line.fold !== undefined) this.hearFold(line.fold);
    this.#observer.accepted(line);
    if (this.isHeard) this.tell(bytes, start, end);
  }

  override pause(): FeedState {
    const state = super.pause();
    this.#observer.caughtUp(state);
    return state;
  }

  override landed(end: number): FeedState {
    this.#observer.landed(end);
    return this.skipTo(end);
  }
}
