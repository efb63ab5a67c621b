import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { segmentName } from '../format/names.ts';
import { markFailedSync, repairFailedSync } from '../layout/failed-sync.ts';
import { startAtEnd } from '../layout/layout.ts';
import { syncNames } from '../layout/log-directory.ts';
import { fileError } from '../storage/error.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import type { LineFeed } from '../store/feed.ts';
import { SegmentReader } from './segments.ts';
import { settling } from './settling.ts';

export interface LogEndParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
  /** Whether the log is opened for writing. */
  readonly writable: boolean;
}

/** The end of the log: keeps a feed there through rotation, compaction and replacement, and syncs what is there. */
export class LogEnd {
  readonly #parts: LogEndParts;
  /** The segment in which the log ends, as far as it was read. */
  reader: SegmentReader;
  /** First seq of the segment whose name is known to survive a crash. */
  #kept: number | undefined;
  /** The file that a background sync is running on, or has failed on. */
  #syncing: StorageFile | undefined;
  /** When the log was last looked at, in milliseconds of `Clock.elapsed`. */
  lookedAt = 0;

  constructor(parts: LogEndParts) {
    this.#parts = parts;
    this.reader = this.#newestReader(false);
  }

  #newestReader(replaced: boolean): SegmentReader {
    const { storage, directory, meta, writable } = this.#parts;
    const place = { storage, directory, log: meta.id };
    const access = writable ? 'append-existing' : 'read';
    try {
      const start = startAtEnd(place, writable);
      const path = join(directory, segmentName(start.firstSeq));
      // After a compaction the next segment may not have been made yet. A log without any file was removed, and is
      // not made again.
      if (writable && start.firstSeq > 1 && storage.look(path) === undefined)
        storage.open(path, 'append', permissionsIn(storage, directory)).close();
      return new SegmentReader(place, access, start, replaced);
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  async catchUp(feed: LineFeed): Promise<void> {
    for (;;) {
      const steps = this.#catchingUp(feed);
      let step = steps.next();
      for (; !step.done; step = steps.next()) await this.#parts.clock.yield();
      if (step.value) return;
      await this.settle();
    }
  }

  /** Catches up without waiting; false if the log was replaced: call `settle` then. */
  catchUpHere(feed: LineFeed): boolean {
    for (const steps = this.#catchingUp(feed); ; ) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** Verifies that what was fed is still there; if that needs more than a look, feeds all that is there. */
  confirm(feed: LineFeed): Promise<void> | undefined {
    return this.reader.holdsLastLine() ? undefined : this.catchUp(feed);
  }

  confirmNow(feed: LineFeed): void {
    if (this.reader.holdsLastLine()) return;
    while (!this.catchUpHere(feed)) this.settleNow();
  }

  /** Feeds all there is and yields after each piece; false if the log was replaced. */
  *#catchingUp(feed: LineFeed): Generator<void, boolean> {
    this.lookedAt = this.#parts.clock.elapsed();
    again: for (;;) {
      const { reader } = this;
      const { firstSeq } = reader;
      try {
        const where = reader.whereabouts();
        if (where === 'replaced') return false;
        for (;;) {
          const progress = reader.read(feed);
          if (progress === 'replaced') return false;
          if (progress === 'end') break;
          yield;
          // Other code may have run and found that the log was replaced or compacted further.
          if (reader !== this.reader) continue again;
        }
        // A compaction deletes only sealed segments: if the open file was deleted by one, it was read through its
        // seal.
        return where === 'here' || reader.firstSeq !== firstSeq || reader.isCovered;
      } catch (error) {
        // The directory is away, perhaps for a moment: `settle` waits for it, and rejects if it does not come back.
        if (hasCode(error, 'ENOENT', 'ERR_WAL_NOT_FOUND')) return false;
        if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw fileError(error, 'read', reader.path);
        // More was compacted away than this Wal has read: it continues after the snapshot.
        const next = this.#newestReader(false);
        if (next.firstSeq <= reader.firstSeq) throw error;
        this.#goOnWith(next);
      }
    }
  }

  #goOnWith(reader: SegmentReader): void {
    this.reader.close();
    this.#kept = undefined;
    this.reader = reader;
  }

  /** After a replacement: waits until the log stops changing, and continues with what is there. */
  async settle(): Promise<void> {
    for (const ms of this.#settling()) await this.#parts.clock.sleep(ms);
  }

  settleNow(): void {
    for (const ms of this.#settling()) this.#parts.clock.block(ms);
  }

  /** After a replacement: yields the times to wait until the log stops changing, then reads it again. */
  *#settling(): Generator<number, void> {
    const { storage, directory, meta } = this.#parts;
    const { reader } = this;
    yield* settling(storage, directory, meta);
    // Other code may have waited for the same and continued already.
    if (reader !== this.reader) return;
    // Opened before the old reader is closed: if opening fails, the old reader must not continue as if nothing had
    // been replaced.
    this.#goOnWith(this.#newestReader(true));
  }

  async sync(): Promise<void> {
    const { reader } = this;
    // By the time the sync ends, the reader may have moved to the next segment.
    const { firstSeq } = reader;
    try {
      const file = reader.opened();
      this.#syncing = file;
      await file.sync();
      if (this.#syncing === file) this.#syncing = undefined;
      if (this.#kept !== this.reader.firstSeq) this.#syncName();
    } catch (error) {
      throw syncFailed(this.#parts, error, firstSeq);
    }
  }

  syncNow(): void {
    const { reader } = this;
    const { firstSeq } = reader;
    try {
      this.#toSyncNow(reader.opened()).syncNow();
      if (this.#kept !== this.reader.firstSeq) this.#syncName();
    } catch (error) {
      throw syncFailed(this.#parts, error, firstSeq);
    }
  }

  /**
   * The system reports a failed write-back once per descriptor. If a background sync has received such a report, which
   * this thread has not seen yet, another sync of the same descriptor would succeed. So while one is in progress, or
   * after one failed, this gives the reader's second descriptor.
   */
  #toSyncNow(file: StorageFile): StorageFile {
    if (this.#syncing !== file) return file;
    if (this.reader.second !== undefined) return this.reader.second;
    const message = `A background sync of ${this.reader.path} is in progress, and the file could not be opened a second time, so that it is not known yet whether the disk took what was written. Wait for the earlier appends, then append again.`;
    throw new WalError('ERR_WAL_IO', message, { outcome: 'unknown' });
  }

  /**
   * Before the first acknowledgement in a segment the segment's name must be synced too. That the lines say another
   * Wal has synced it is not enough: a checkout may have given the name to another file since. Besides, a sync of the
   * file may have failed before this Wal opened it, and the system reports that only to files open at the time.
   */
  #syncName(): void {
    const { firstSeq } = this.reader;
    const { storage, directory } = this.#parts;
    syncNames(storage, directory, this.#kept === undefined);
    repairFailedSync(storage, directory);
    this.#kept = firstSeq;
  }

  close(): void {
    this.reader.close();
  }
}

/**
 * A sync of the segment that begins at `firstSeq` failed: writes the failed-sync marker for the next process that
 * opens the log. Returns the error to throw.
 */
export function syncFailed(
  { storage, directory, writable }: Pick<LogEndParts, 'storage' | 'directory' | 'writable'>,
  error: unknown,
  firstSeq: number,
): WalError {
  if (error instanceof WalError) return error;
  try {
    if (writable) markFailedSync(storage, directory, firstSeq);
  } catch {
    // The disk that failed may refuse this too. The caller needs the first failure.
  }
  const segment = segmentName(firstSeq);
  return new WalError(
    'ERR_WAL_SYNC',
    `The disk could not confirm what was written to ${join(directory, segment)}: ${(error as Error).message}. Check the disk, then open the log again.`,
    { outcome: 'unknown', cause: error, segment },
  );
}
