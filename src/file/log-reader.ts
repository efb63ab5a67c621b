import { WalError } from '../errors/errors.ts';
import { segmentName } from '../format/names.ts';
import { failedSyncIn, repairFailedSync } from '../layout/failed-sync.ts';
import type { Start } from '../layout/layout.ts';
import { syncNames } from '../layout/log-directory.ts';
import type { LogPlace } from '../layout/log-place.ts';
import { fileError } from '../storage/error.ts';
import type { LineFeed } from '../store/feed.ts';
import { closedError } from '../store/refusals.ts';
import type { LineReader, Progress } from '../store/store.ts';
import { syncFailed } from './log-end.ts';
import { SegmentReader } from './segments.ts';

/** What the readers of a store share. */
export interface Readers {
  readonly place: LogPlace;
  /** Whether the store is open for writing. */
  readonly writable: boolean;
  readonly open: Set<LogReader>;
  /** Their syncs that go on. */
  readonly syncs: Set<Promise<void>>;
}

/** Reads the log in a directory from a segment on. */
export class LogReader implements LineReader {
  readonly #readers: Readers;
  readonly #reader: SegmentReader;
  readonly #follow: boolean;
  #atEnd = false;
  /** First seq of the last segment that was made safe. */
  #safe: number | undefined;

  constructor(readers: Readers, start: Start, follow: boolean) {
    this.#readers = readers;
    this.#reader = new SegmentReader(readers.place, 'read', start);
    this.#follow = follow;
    readers.open.add(this);
  }

  read(feed: LineFeed): Progress {
    // Its caller may have been doing something else while the store was closed.
    if (!this.#readers.open.has(this)) throw closedError();
    const reader = this.#reader;
    try {
      const where = this.#follow && this.#atEnd ? reader.whereabouts() : 'here';
      if (where === 'replaced') return 'replaced';
      const progress = reader.read(feed);
      this.#atEnd = progress === 'end';
      // What a compaction deleted is sealed, and leads on.
      return where === 'gone' && this.#atEnd && !reader.state?.sealed ? 'replaced' : progress;
    } catch (error) {
      throw fileError(error, 'read', reader.path);
    }
  }

  async sync(): Promise<void> {
    const reader = this.#reader;
    const { place, writable } = this.#readers;
    const { storage, directory } = place;
    try {
      const { firstSeq } = reader;
      const isOpen = reader.file !== undefined;
      // Where it has gone on to a segment and read nothing there, the name of that one says that the one before is synced.
      if (isOpen) await this.#syncFile();
      if (this.#safe !== firstSeq) {
        // Its writer need not have: what it told nobody as synced may have a name that is not.
        syncNames(storage, directory, this.#safe === undefined);
        this.#makeSafe(isOpen ? firstSeq : firstSeq - 1);
      }
      if (isOpen) this.#safe = firstSeq;
    } catch (error) {
      throw syncFailed({ storage, directory, writable }, error, reader.firstSeq);
    }
  }

  async #syncFile(): Promise<void> {
    const { syncs } = this.#readers;
    const sync = this.#reader.opened().sync();
    syncs.add(sync);
    try {
      await sync;
    } finally {
      syncs.delete(sync);
    }
  }

  /** Where a sync of what holds entry `seq` failed before that was opened: the system does not tell that to who opens it since. */
  #makeSafe(seq: number): void {
    const { storage, directory } = this.#readers.place;
    if (this.#readers.writable) {
      repairFailedSync(storage, directory);
      return;
    }
    const failedSync = failedSyncIn(storage, directory);
    if (failedSync !== undefined && failedSync <= seq) {
      throw new WalError(
        'ERR_WAL_SYNC',
        `A sync in ${directory} failed, and what was written there may not be on the disk: open the log for writing, which makes it safe, and follow it again.`,
        failedSync > 0 ? { segment: segmentName(failedSync) } : {},
      );
    }
  }

  close(): void {
    this.#readers.open.delete(this);
    this.#reader.close();
  }
}
