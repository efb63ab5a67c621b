import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { layoutOf, oldestSeq, refuseOtherEnd, requireSeal, startFor } from '../layout/layout.ts';
import { MarkFile } from '../layout/mark-file.ts';
import { openBody, readHeader, writeSnapshot } from '../layout/snapshots.ts';
import { fileError } from '../storage/error.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage } from '../storage/storage.ts';
import type { LineFeed, Turn } from '../store/feed.ts';
import { closedError, refuseOtherFold } from '../store/refusals.ts';
import type { SnapshotFile } from '../store/snapshot-file.ts';
import type { LineReader, LineStore, LogWatch, StoreInfo } from '../store/store.ts';
import { DirectoryFiles } from './directory-files.ts';
import { LogEnd } from './log-end.ts';
import { LogReader, type Readers } from './log-reader.ts';
import { Watching } from './watching.ts';
import { type WriteLock, WriteTurn } from './write-turn.ts';

export interface FileStoreParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
  /** Undefined if the store is opened read-only. */
  readonly writeLock: WriteLock | undefined;
  readonly segmentBytes: number;
  /** Returns `count` random hex digits. */
  readonly randomHex: (count: number) => string;
}

/** The most bytes of a group; a longer one would keep other writers waiting. */
const GROUP_BYTES = 1024 * 1024;

/** A LineStore on a directory of segments. */
export class FileStore implements LineStore {
  readonly #parts: FileStoreParts;
  /**
   * In a read-only store, undefined until the end of the log is needed: if that is damaged, the rest can still be
   * read.
   */
  #end: LogEnd | undefined;
  readonly #turn: WriteTurn | undefined;
  readonly #watching: Watching;
  /** The open ones. */
  readonly #snapshots = new Set<SnapshotFile>();
  readonly #readers: Readers;
  #closed = false;
  readonly groupBytes = GROUP_BYTES;
  readonly segmentBytes: number;
  readonly files: DirectoryFiles;

  constructor(parts: FileStoreParts) {
    const { storage, clock, directory, meta, writeLock } = parts;
    this.#parts = parts;
    this.segmentBytes = parts.segmentBytes;
    if (writeLock !== undefined) this.#turn = new WriteTurn({ ...parts, writeLock, end: this.#opened() });
    this.#watching = new Watching(storage, clock, directory);
    const place = { storage, directory, log: meta.id };
    this.#readers = { place, writable: writeLock !== undefined, open: new Set(), syncs: new Set() };
    const holds = () => this.#opened().reader.holdsAnchor;
    const marks = new MarkFile({ storage, directory, log: meta.id, now: () => clock.now(), holds });
    const blocking = {
      write: (turn: Turn) => this.#writable.writeNow(turn),
      sync: () => this.#opened().syncNow(),
      confirm: (feed: LineFeed) => this.#opened().confirmNow(feed),
    };
    const openCopy = (copy: string) => new FileStore({ ...parts, directory: copy, writeLock: undefined });
    this.files = new DirectoryFiles({ ...parts, marks, blocking, openCopy });
  }

  #opened(): LogEnd {
    this.#end ??= new LogEnd({ ...this.#parts, writable: this.#parts.writeLock !== undefined });
    return this.#end;
  }

  async catchUp(feed: LineFeed): Promise<void> {
    return this.#opened().catchUp(feed);
  }

  confirm(feed: LineFeed): Promise<void> | undefined {
    return this.#opened().confirm(feed);
  }

  write(turn: Turn): Promise<void> | undefined {
    return this.#writable.write(turn);
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
    const end = this.#opened();
    if (!quick) return end.sync();
    end.syncNow();
    return undefined;
  }

  reader(from: number, follow: boolean): LineReader {
    if (this.#closed) throw closedError();
    const { place } = this.#readers;
    return new LogReader(
      this.#readers,
      this.#listing(() => startFor(place, from)),
      follow,
    );
  }

  oldest(): number {
    return this.#listing(() => oldestSeq(this.#readers.place));
  }

  snapshots(): SnapshotHeader[] {
    const { storage, directory, log } = this.#readers.place;
    return this.#listing(() => {
      const seqs = layoutOf(storage, directory).snapshots.toReversed();
      const headers = seqs.map((seq) => readHeader(storage, directory, seq, log));
      return headers.filter((header) => header !== undefined) as SnapshotHeader[];
    });
  }

  #listing<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      throw fileError(error, 'list', this.#parts.directory);
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
    const { place } = this.#readers;
    await writeSnapshot(storage, directory, header, body, {
      token: randomHex(12),
      as: permissionsIn(storage, directory),
      pause: () => clock.yield(),
      fits: () =>
        this.#listing(() => {
          requireSeal(place, header);
          refuseOtherFold(header, readHeader(storage, directory, header.head.seq, place.log));
        }),
      stays: () => this.#listing(() => refuseOtherEnd(place, header)),
    });
  }

  async trim(seq: number): Promise<void> {
    const { storage, directory, clock } = this.#parts;
    const { trimFiles } = await import('./trim.ts');
    trimFiles(storage, directory, seq, clock.machineNow());
  }

  watch(): LogWatch {
    return this.#watching.watch();
  }

  info(): StoreInfo {
    const { meta, directory, writeLock } = this.#parts;
    return { ...meta, location: directory, lock: writeLock?.lock.kind, sync: 'fdatasync' };
  }

  async close(): Promise<void> {
    const { writeLock } = this.#parts;
    this.#closed = true;
    this.#watching.close();
    this.#end?.close();
    for (const reader of this.#readers.open) reader.close();
    // Their files are closed once these syncs have ended.
    await Promise.allSettled(this.#readers.syncs);
    for (const file of this.#snapshots) file.close();
    this.#snapshots.clear();
    writeLock?.hint?.close();
    writeLock?.lock.close();
  }
}
