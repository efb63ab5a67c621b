import type { Clock } from '../clock/clock.ts';
import { hasCode } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import { type Rewind, rewindTo } from '../format/mark.ts';
import type { FeedState } from '../store/feed.ts';
import type { LineStore, Marks } from '../store/store.ts';
import { OwnRuns } from './own-runs.ts';
import type { Pending } from './pending.ts';
import type { Tail } from './tail.ts';

export interface WitnessParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly tail: Tail;
  /** The Wal's random name. */
  readonly session: string;
  /** Whether appends are in progress. */
  readonly busy: () => boolean;
  /** Called, possibly within a turn, with the range of entries that are missing. */
  readonly rewound: (rewind: Rewind) => void;
}

/** The mark is raised this long after an acknowledgement, unless appends are in progress. In milliseconds. */
const IDLE_MS = 1000;

/** What is looked for while the log is read from its beginning, or again. */
interface Search {
  readonly mark: Head | undefined;
  hasMark: boolean;
  /** The last of this Wal's own entries that was read. */
  own: number;
}

/**
 * Knows what was acknowledged on this machine: by this Wal and, from the mark that is kept beside the log, by earlier
 * ones. If the log is read and no longer holds those entries, it reports that. It never delays an append.
 */
export class Witness {
  readonly #parts: WitnessParts;
  /** Undefined if nothing is kept beside the lines: then only this Wal's own acknowledgements are known. */
  readonly #marks: Marks | undefined;
  readonly #runs = new OwnRuns();
  /** Identity of this Wal's last acknowledged line. */
  #writer = '';
  /**
   * The head to which the mark is to be raised; undefined if it is there already, or was found not to be in the log
   * any more.
   */
  #head: Head | undefined;
  #search: Search | undefined;
  /**
   * The mark that the log was found not to hold, and the rewind to be noted when it is replaced; undefined if that
   * was noted already.
   */
  #stale: { readonly mark: Head; readonly rewind: Rewind | undefined } | undefined;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: WitnessParts) {
    this.#parts = parts;
    this.#marks = parts.store.files?.marks;
  }

  /** The log is about to be read from the beginning of its last segment: at opening, or because it was replaced. */
  seek(): void {
    this.#head = undefined;
    this.#search = { mark: this.#marks?.read(), hasMark: false, own: 0 };
  }

  /** An accepted line was read. */
  read(line: Envelope): void {
    // Entries that were cut off may be restored unchanged: then the log has only grown.
    if (line.crc === this.#stale?.mark.crc) this.#stale = undefined;
    const search = this.#search;
    if (search === undefined) return;
    const last = line.seq + line.count - 1;
    if (line.writer.startsWith(this.#parts.session)) search.own = last;
    if (line.crc === search.mark?.crc && last === search.mark.seq) search.hasMark = true;
  }

  /** All that is there for now was read. */
  caughtUp({ unended, sealed }: FeedState): void {
    const search = this.#search;
    if (search === undefined) return;
    const { tail } = this.#parts;
    // A damaged line may be the one looked for; the damage is reported, and must be repaired first. A line that lacks
    // only its newline will count soon.
    if (tail.corruption !== undefined || unended !== undefined) return;
    const own = this.#ownGone(search.own);
    const marked = this.#markGone(search);
    const gone = own && marked ? union(own, marked) : (own ?? marked);
    // The next segment may have been made, or this one compacted away, while it was read: then there is more to read.
    if (gone !== undefined && (this.#marks?.goesOn(tail.firstSeq) ?? sealed)) return;
    this.#search = undefined;
    this.#stale = marked && { mark: search.mark as Head, rewind: own ? undefined : marked };
    if (gone === undefined) return;
    // A rewind that the mark shows is noted when the mark is replaced: until then the mark itself shows it.
    if (own !== undefined) {
      this.#runs.clear();
      this.#marks?.note(gone);
    }
    this.#parts.rewound(gone);
  }

  /** `read`: the last of this Wal's own entries in the last segment. */
  #ownGone(read: number): Rewind | undefined {
    const { tail } = this.#parts;
    const { head, firstSeq } = tail;
    const to = this.#runs.last;
    if (to === 0) return undefined;
    if (to < firstSeq) {
      const isThere = this.#marks?.has(to, ({ writer }) => writer === this.#writer);
      return isThere === false ? { from: to, to, head } : undefined;
    }
    const from = this.#runs.firstAfter(Math.max(read, firstSeq - 1));
    return from === undefined ? undefined : { from: Math.min(from, head.seq + 1), to, head };
  }

  #markGone({ mark, hasMark }: Search): Rewind | undefined {
    if (mark === undefined || hasMark) return undefined;
    const { tail } = this.#parts;
    const { head, firstSeq } = tail;
    if (mark.seq < firstSeq && this.#marks?.has(mark.seq, ({ crc }) => crc === mark.crc)) return undefined;
    return rewindTo(head, mark);
  }

  /** This Wal's appends from `first` to `last` were acknowledged; `head` was the log's head when their sync began. */
  acknowledged(first: Pending, last: Pending, head: Head): void {
    this.#writer = last.writer;
    const to = last.seq + last.body.count - 1;
    if (first.seq === this.#runs.last + 1) this.#runs.last = to;
    else this.#runs.add(first.seq, to);
    this.#head = head;
    if (this.#search !== undefined) this.#search.own = to;
    if (this.#parts.tail.at?.sealed) this.#raise();
    else if (this.#cancel === undefined) this.#wait();
  }

  #wait(): void {
    this.#cancel ??= this.#parts.clock.later(IDLE_MS, () => {
      this.#cancel = undefined;
      if (this.#parts.busy()) this.#wait();
      else this.#looking = this.#look();
    });
  }

  #raise(): void {
    if (this.#head === undefined) return;
    const { tail } = this.#parts;
    const mark = { ...this.#head, kept: tail.syncedHere > 0 };
    this.#marks?.raise(mark, this.#stale?.mark, this.#stale?.rewind);
    this.#head = undefined;
    this.#stale = undefined;
  }

  /** Raises the mark if the log still holds what was acknowledged; reads the log again if it may not. */
  async #look(): Promise<void> {
    const { store, tail } = this.#parts;
    const place = this.#marks?.place ?? 'away';
    if (this.#runs.last === 0 || place === 'away') return;
    try {
      if (place === 'elsewhere') await store.catchUp(tail);
    } catch (error) {
      // An error of the log is reported to the caller that next uses it. If the log is missing, only the mark can
      // report that.
      if (!hasCode(error, 'ERR_WAL_NOT_FOUND')) return;
    }
    this.#raise();
  }

  /** The Wal is being closed, and no append is in progress. */
  async end(): Promise<void> {
    this.#cancel?.();
    await this.#looking;
    await this.#look();
  }
}

function union(a: Rewind, b: Rewind): Rewind {
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to), head: a.head };
}
