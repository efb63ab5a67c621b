import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { segmentName, snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { fileError } from '../storage/error.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage } from '../storage/storage.ts';
import type { LineFeed, Turn } from '../store/feed.ts';
import { closedError, refuseOtherFold } from '../store/refusals.ts';
import type { SnapshotFile } from '../store/snapshot-file.ts';
import type { LineReader, LineStore, StoreInfo } from '../store/store.ts';
import type { BackupFiles, BackupRequest } from './backup.ts';
import { DirectoryFiles } from './directory-files.ts';
import {
  type LogPlace,
  layoutOf,
  oldestSeq,
  refuseOtherEnd,
  requireSeal,
  type Start,
  startFor,
} from './layout.ts';
import { keepNames } from './log-directory.ts';
import { LogEnd, syncFailed } from './log-end.ts';
import { MarkFile } from './mark-file.ts';
import { SegmentReader } from './segments.ts';
import { openBody, readHeader, writeSnapshot } from './snapshots.ts';
import { healSuspect, suspectIn } from './suspect.ts';
import { Watching } from './watching.ts';
import { type Turnstile, WriteTurn } from './write-turn.ts';

export interface FileStoreParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
  /** Undefined where it is opened read-only. */
  readonly turnstile: Turnstile | undefined;
  readonly segmentBytes: number;
  /** That many random hex digits. */
  readonly randomHex: (count: number) => string;
}

/** A LineStore on a directory of segments. */
export class FileStore implements LineStore {
  readonly #parts: FileStoreParts;
  /** Undefined in a log that is opened read-only, until its end is asked for: where that is damaged, the rest can be read. */
  #end: LogEnd | undefined;
  readonly #turn: WriteTurn | undefined;
  readonly #watching: Watching;
  /** Those that are open. */
  readonly #snapshots = new Set<SnapshotFile>();
  readonly #readers = new Set<SegmentReader>();
  /** Syncs of readers that go on. */
  readonly #syncs = new Set<Promise<void>>();
  #closed = false;
  readonly segmentBytes: number;
  readonly files: DirectoryFiles;

  constructor(parts: FileStoreParts) {
    const { storage, clock, directory, meta, turnstile } = parts;
    this.#parts = parts;
    this.segmentBytes = parts.segmentBytes;
    if (turnstile !== undefined) this.#turn = new WriteTurn({ ...parts, turnstile, end: this.#opened() });
    this.#watching = new Watching(storage, clock, directory);
    const holds = () => this.#opened().reader.holds;
    const marks = new MarkFile({ storage, directory, log: meta.id, now: () => clock.now(), holds });
    const blocking = {
      write: (turn: Turn) => this.#writable.writeNow(turn),
      sync: () => this.#opened().syncNow(),
      confirm: (feed: LineFeed) => this.#opened().confirmNow(feed),
    };
    this.files = new DirectoryFiles({ ...parts, marks, blocking });
  }

  #opened(): LogEnd {
    this.#end ??= new LogEnd({ ...this.#parts, writable: this.#parts.turnstile !== undefined });
    return this.#end;
  }

  async catchUp(feed: LineFeed): Promise<void> {
    return this.#opened().catchUp(feed);
  }

  confirm(feed: LineFeed): Promise<void> | undefined {
    return (this.#end ?? this.#opened()).confirm(feed);
  }

  write(turn: Turn): Promise<void> | undefined {
    return (this.#turn ?? this.#writable).write(turn);
  }

  get #writable(): WriteTurn {
    if (this.#turn !== undefined) return this.#turn;
    throw new WalError(
      'ERR_WAL_READ_ONLY',
      `${this.#parts.directory} was opened read-only: open it without readOnly to append.`,
      { outcome: 'not-written' },
    );
  }

  sync(quick: boolean): Promise<void> | undefined {
    const end = this.#end ?? this.#opened();
    if (!quick) return end.sync();
    end.syncNow();
    return undefined;
  }

  /** Where a sync of what holds entry `seq` failed before that was opened: the system does not tell that to who opens it since. */
  #makeSafe(seq: number): void {
    const { storage, directory } = this.#parts;
    if (this.#turn !== undefined) {
      healSuspect(storage, directory);
      return;
    }
    const suspect = suspectIn(storage, directory);
    if (suspect !== undefined && suspect <= seq) {
      throw new WalError(
        'ERR_WAL_SYNC',
        `A sync in ${directory} failed, and what was written there may not be on the disk: open the log for writing, which makes it safe, and follow it again.`,
        suspect > 0 ? { segment: segmentName(suspect) } : {},
      );
    }
  }

  reader(from: number, follow: boolean): LineReader {
    const { storage, directory } = this.#parts;
    if (this.#closed) throw closedError();
    const reader = new SegmentReader(this.#place, 'read', this.#startFor(from));
    this.#readers.add(reader);
    let atEnd = false;
    let safe: number | undefined;
    return {
      read: (feed) => {
        // Its caller may have been doing something else while the store was closed.
        if (!this.#readers.has(reader)) throw closedError();
        try {
          const where = follow && atEnd ? reader.whereabouts() : 'here';
          if (where === 'replaced') return 'replaced';
          const progress = reader.read(feed);
          atEnd = progress === 'end';
          // What a compaction deleted is sealed, and leads on.
          return where === 'gone' && atEnd && !reader.state?.sealed ? 'replaced' : progress;
        } catch (error) {
          throw fileError(error, 'read', reader.path);
        }
      },
      sync: async () => {
        try {
          const { firstSeq } = reader;
          const isOpen = reader.file !== undefined;
          // Where it has gone on to a segment and read nothing there, the name of that one says that the one before is synced.
          if (isOpen) await this.#syncOf(reader);
          if (safe !== firstSeq) {
            // Its writer need not have: what it told nobody as synced may have a name that is not.
            keepNames(storage, directory, safe === undefined);
            this.#makeSafe(isOpen ? firstSeq : firstSeq - 1);
          }
          if (isOpen) safe = firstSeq;
        } catch (error) {
          throw syncFailed(
            { storage, directory, writable: this.#turn !== undefined },
            error,
            reader.firstSeq,
          );
        }
      },
      close: () => {
        this.#readers.delete(reader);
        reader.close();
      },
    };
  }

  async #syncOf(reader: SegmentReader): Promise<void> {
    const sync = reader.opened().sync();
    this.#syncs.add(sync);
    try {
      await sync;
    } finally {
      this.#syncs.delete(sync);
    }
  }

  #startFor(from: number): Start {
    try {
      return startFor(this.#place, from);
    } catch (error) {
      throw fileError(error, 'list', this.#parts.directory);
    }
  }

  get #place(): LogPlace {
    const { storage, directory, meta } = this.#parts;
    return { storage, directory, log: meta.id };
  }

  oldest(): number {
    try {
      return oldestSeq(this.#place);
    } catch (error) {
      throw fileError(error, 'list', this.#parts.directory);
    }
  }

  snapshots(): SnapshotHeader[] {
    const { storage, directory, meta } = this.#parts;
    try {
      return layoutOf(storage, directory)
        .snapshots.toReversed()
        .map((seq) => readHeader(storage, directory, seq, meta.id))
        .filter((header) => header !== undefined) as SnapshotHeader[];
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  openSnapshot(header: SnapshotHeader): SnapshotFile {
    const { storage, directory } = this.#parts;
    const file = openBody(storage, join(directory, snapshotName(header.head.seq)), header);
    this.#snapshots.add(file);
    const close = () => {
      if (this.#snapshots.delete(file)) file.close();
    };
    return { ...file, close };
  }

  async putSnapshot(header: SnapshotHeader, body: Iterable<Buffer>): Promise<void> {
    const { storage, clock, directory, randomHex } = this.#parts;
    const pause = () => clock.yield();
    const looking = (look: typeof requireSeal) => () => {
      try {
        look(this.#place, header);
      } catch (error) {
        throw fileError(error, 'list', directory);
      }
    };
    const fitting = (at: LogPlace) => {
      requireSeal(at, header);
      refuseOtherFold(header, readHeader(storage, directory, header.head.seq, at.log));
    };
    const [fits, stays] = [looking(fitting), looking(refuseOtherEnd)];
    const place = { token: randomHex(12), as: permissionsIn(storage, directory), pause, fits, stays };
    await writeSnapshot(storage, directory, header, body, place);
  }

  async trim(seq: number): Promise<void> {
    const { storage, directory, clock } = this.#parts;
    const { trimFiles } = await import('./trim.ts');
    trimFiles(storage, directory, seq, clock.machineNow());
  }

  /** Copies the log to where there is nothing yet. All that was synced before the call is in it, and once it resolves it survives a crash. */
  async backup(destination: string, request: BackupRequest): Promise<BackupFiles> {
    const { backupLog } = await import('./backup.ts');
    const open = (copy: string) => new FileStore({ ...this.#parts, directory: copy, turnstile: undefined });
    return backupLog({ ...this.#parts, token: this.#parts.randomHex(12), open }, destination, request);
  }

  changed(signal: AbortSignal): Promise<void> {
    return this.#watching.changed(signal);
  }

  info(): StoreInfo {
    const { meta, directory, turnstile } = this.#parts;
    return { ...meta, location: directory, lock: turnstile?.lock.kind, sync: 'fdatasync' };
  }

  async close(): Promise<void> {
    const { turnstile } = this.#parts;
    this.#closed = true;
    this.#watching.close();
    this.#end?.close();
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
    // Their files are closed once these have ended.
    await Promise.allSettled(this.#syncs);
    for (const file of this.#snapshots) file.close();
    this.#snapshots.clear();
    turnstile?.hint?.close();
    turnstile?.lock.close();
  }
}
