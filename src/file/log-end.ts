import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { segmentName } from '../format/names.ts';
import { markFailedSync, repairFailedSync } from '../layout/failed-sync.ts';
import { newestStart } from '../layout/layout.ts';
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
  /** Whether it is to be written to. */
  readonly writable: boolean;
}

/** Where the log ends: keeps a feed up to it through rotation, compaction and replacement, and what lies there synced. */
export class LogEnd {
  readonly #parts: LogEndParts;
  /** The segment that the log ends in, as far as was read. */
  reader: SegmentReader;
  /** First seq of the segment whose name is known to survive a crash. */
  #kept: number | undefined;
  /** What a sync in the background is under way of, or has failed of. */
  #syncing: StorageFile | undefined;
  /** When it was looked at last, in milliseconds of the clock. */
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
      const start = newestStart(place, writable);
      const path = join(directory, segmentName(start.firstSeq));
      // After a compaction nobody may have gone on yet. A log without any file was taken away, and is not made anew.
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

  /** Catches up without waiting; false where the log was replaced: then it must be settled. */
  catchUpHere(feed: LineFeed): boolean {
    for (const steps = this.#catchingUp(feed); ; ) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** Whether what was fed lies there still; where that needs more than a look, all that is there is fed. */
  confirm(feed: LineFeed): Promise<void> | undefined {
    return this.reader.stillHolds() ? undefined : this.catchUp(feed);
  }

  confirmNow(feed: LineFeed): void {
    if (this.reader.stillHolds()) return;
    while (!this.catchUpHere(feed)) this.settleNow();
  }

  /** Feeds all there is, and yields after each piece of it; false where the log was replaced. */
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
          // Other code may have run, and found the log replaced, or compacted further.
          if (reader !== this.reader) continue again;
        }
        // A compaction deletes a segment once it was sealed: what is open here was read to that seal, and beyond.
        return where === 'here' || reader.firstSeq !== firstSeq || reader.isCovered;
      } catch (error) {
        if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw fileError(error, 'read', reader.path);
        // More was compacted away than this Wal has read: it goes on behind the snapshot.
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

  /** After a replacement: waits until the log keeps still, and goes on with what lies there. */
  async settle(): Promise<void> {
    for (const ms of this.#settling()) await this.#parts.clock.sleep(ms);
  }

  settleNow(): void {
    for (const ms of this.#settling()) this.#parts.clock.block(ms);
  }

  /** After a replacement: yields how long to wait, until the log keeps still, then reads it anew. */
  *#settling(): Generator<number, void> {
    const { storage, directory, meta } = this.#parts;
    const { reader } = this;
    yield* settling(storage, directory, meta);
    // Other code may have waited for the same, and gone on already.
    if (reader !== this.reader) return;
    // The new one first: should it fail, the old one must not go on as if nothing had been replaced.
    this.#goOnWith(this.#newestReader(true));
  }

  async sync(): Promise<void> {
    const { reader } = this;
    // Before it ends, the reader may have gone on to the next segment.
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
   * The system tells of a failed write-back once for each open file. Of one that a sync in the background met, and that nobody has heard of
   * here yet, it would tell a sync of the same file nothing: such a sync is made of the reader's second one.
   */
  #toSyncNow(file: StorageFile): StorageFile {
    if (this.#syncing !== file) return file;
    if (this.reader.second !== undefined) return this.reader.second;
    const message = `A sync of ${this.reader.path} is under way in the background, and the file could not be opened once more: nobody can say yet whether the disk took what was written. Wait for the appends before, then append again.`;
    throw new WalError('ERR_WAL_IO', message, { outcome: 'unknown' });
  }

  /**
   * Before the first acknowledgement in a segment its name must be kept too. That another Wal saw to it, as the lines say,
   * does not count: a checkout may have given the name to another file since. And a sync of it may have failed before this
   * Wal had it open: then the system tells that to others only.
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

/** A sync failed of the segment that begins there: leaves word for whoever opens the log next. Returns the error to throw. */
export function syncFailed(
  { storage, directory, writable }: Pick<LogEndParts, 'storage' | 'directory' | 'writable'>,
  error: unknown,
  firstSeq: number,
): WalError {
  if (error instanceof WalError) return error;
  try {
    if (writable) markFailedSync(storage, directory, firstSeq);
  } catch {
    // The disk that failed may refuse this, too: what it failed at first is what the caller has to know.
  }
  const segment = segmentName(firstSeq);
  return new WalError(
    'ERR_WAL_SYNC',
    `The disk could not confirm what was written to ${join(directory, segment)}: ${(error as Error).message}. Check the disk, then open the log again.`,
    { outcome: 'unknown', cause: error, segment },
  );
}
