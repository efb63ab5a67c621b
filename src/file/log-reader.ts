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
  /** Their syncs in progress. */
  readonly syncs: Set<Promise<void>>;
}

/** Reads the log in a directory, beginning with a segment. */
export class LogReader implements LineReader {
  readonly #readers: Readers;
  readonly #reader: SegmentReader;
  readonly #follow: boolean;
  #atEnd = false;
  /** First seq of the last segment that is known to survive a crash. */
  #safe: number | undefined;

  constructor(readers: Readers, start: Start, follow: boolean) {
    this.#readers = readers;
    this.#reader = new SegmentReader(readers.place, 'read', start);
    this.#follow = follow;
    readers.open.add(this);
  }

  read(feed: LineFeed): Progress {
    // The store may have been closed since the last call.
    if (!this.#readers.open.has(this)) throw closedError();
    const reader = this.#reader;
    try {
      const where = this.#follow && this.#atEnd ? reader.whereabouts() : 'here';
      if (where === 'replaced') return 'replaced';
      const progress = reader.read(feed);
      this.#atEnd = progress === 'end';
      // A segment that a compaction deleted is sealed, and the log continues after it.
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
      // If the reader has moved to a segment and read nothing there, the name of that segment proves that the one
      // before is synced.
      if (isOpen) await this.#syncFile();
      if (this.#safe !== firstSeq) {
        // The writer need not have synced the name: it does so only before it acknowledges an append.
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

  /**
   * A sync of the segment that holds entry `seq` may have failed before the segment was opened here; the system does
   * not report that to files opened since.
   */
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
        `A sync in ${directory} failed, and what was written there may not be on the disk: open the log for writing, which repairs that, then follow it again.`,
        failedSync > 0 ? { segment: segmentName(failedSync) } : {},
      );
    }
  }

  close(): void {
    this.#readers.open.delete(this);
    this.#reader.close();
  }
}
