import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { segmentName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Gate } from '../lock/gate.ts';
import type { Lock } from '../lock/lock.ts';
import type { HolderHint } from '../lock/record.ts';
import { fileError, isFull } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';
import type {
  BackupReport,
  BackupRequest,
  Build,
  FeedState,
  LineFeed,
  LineReader,
  LineStore,
  SnapshotFile,
  StoreInfo,
  WriteOutcome,
} from '../store/store.ts';
import { backupLog } from './backup.ts';
import { layoutOf, newestStart, oldestSeq, requireSeal, type Start, startFor } from './layout.ts';
import { keepLog } from './log-directory.ts';
import { SegmentReader } from './segments.ts';
import { settling } from './settling.ts';
import { openBody, readBody, readHeader, writeSnapshot } from './snapshots.ts';
import { markSuspect } from './suspect.ts';
import { trimFiles } from './trim.ts';

/** The write turn's parts; a store opened read-only has none. */
export interface Turnstile {
  readonly lock: Lock;
  readonly gate: Gate;
  readonly hint: HolderHint | undefined;
}

export interface FileStoreParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
  readonly turnstile: Turnstile | undefined;
  /** A random part for temporary names. */
  readonly token: string;
  readonly fileMode: number;
  readonly segmentBytes: number;
  /** That many random hex digits. */
  readonly randomHex: (count: number) => string;
}

/** Ends a torn tail for good: no line ends in it, so the tail can never become valid. */
const TORN = Buffer.from('~\n');

/** After so long without a look much may have come. */
const LONG_AGO_MS = 100;
/** How often a follower looks where the system gives no notice. */
const POLL_MS = 50;

/** A LineStore on a directory of segments. All of `write` but the waiting is one synchronous stretch. */
export class FileStore implements LineStore {
  readonly #parts: FileStoreParts;
  #reader: SegmentReader;
  /** First seq of the segment whose name is known to survive a crash. */
  #kept: number | undefined;
  #lookedAt = 0;
  /** Those that are open. */
  readonly #snapshots = new Set<SnapshotFile>();
  readonly #wakers = new Set<() => void>();
  #stopWatching: (() => void) | undefined;

  constructor(parts: FileStoreParts) {
    this.#parts = parts;
    this.#reader = this.#newestReader(false);
  }

  #newestReader(replaced: boolean): SegmentReader {
    const { storage, directory, turnstile, fileMode } = this.#parts;
    const access = turnstile === undefined ? 'read' : 'append-existing';
    try {
      const start = newestStart(storage, directory);
      const path = join(directory, segmentName(start.firstSeq));
      // After a compaction nobody may have gone on yet. A log without any file was taken away, and is not made anew.
      if (turnstile !== undefined && start.firstSeq > 1 && storage.look(path) === undefined)
        storage.open(path, 'append', fileMode).close();
      return new SegmentReader(storage, directory, access, start, replaced);
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
      await this.#settle();
    }
  }

  catchUpNow(feed: LineFeed): void {
    while (!this.#catchUpHere(feed)) this.#settleNow();
  }

  #catchUpHere(feed: LineFeed): boolean {
    for (const steps = this.#catchingUp(feed); ; ) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  /** Feeds all there is, and yields after each piece of it; false where the log was replaced. */
  *#catchingUp(feed: LineFeed): Generator<void, boolean> {
    this.#lookedAt = this.#parts.clock.elapsed();
    for (;;) {
      const reader = this.#reader;
      const { firstSeq } = reader;
      try {
        const where = reader.whereabouts();
        if (where === 'replaced') return false;
        for (;;) {
          const progress = reader.read(feed);
          if (progress === 'replaced') return false;
          if (progress === 'end') break;
          yield;
          // Other code may have run, and read on, or found the log replaced.
          if (reader !== this.#reader) break;
        }
        if (reader !== this.#reader) continue;
        // A compaction deletes a segment once it was sealed: what is open here was read to that seal, and beyond.
        return where === 'here' || reader.firstSeq !== firstSeq || this.#standsFor(reader.state);
      } catch (error) {
        if (!hasCode(error, 'ERR_WAL_COMPACTED')) throw fileError(error, 'read', reader.path);
        // More was compacted away than this Wal has read: it goes on behind the snapshot.
        const next = this.#newestReader(false);
        if (next.firstSeq <= reader.firstSeq) throw error;
        this.#goOnWith(next);
      }
    }
  }

  /** Whether a snapshot stands for a segment that was read to its seal: then its file may go. */
  #standsFor(state: FeedState | undefined): boolean {
    const { storage, directory } = this.#parts;
    const { sealed, head } = state ?? {};
    return sealed === true && layoutOf(storage, directory).snapshots.some((seq) => seq === head?.seq);
  }

  #goOnWith(reader: SegmentReader): void {
    this.#reader.close();
    this.#kept = undefined;
    this.#reader = reader;
  }

  async write(feed: LineFeed, build: Build, wanted: () => boolean): Promise<WriteOutcome> {
    const gate = this.#gate;
    for (;;) {
      // Much may have come since: better read before the turn, piece by piece, than while others wait.
      if (this.#parts.clock.elapsed() - this.#lookedAt > LONG_AGO_MS) await this.catchUp(feed);
      const outcome = await gate.enter(wanted, () => this.#turn(feed, build));
      if (outcome === undefined) return { kind: 'nothing' };
      if (outcome !== 'elsewhere') return outcome;
      await this.#settle();
      await this.catchUp(feed);
    }
  }

  writeNow(feed: LineFeed, build: Build): WriteOutcome {
    for (;;) {
      const outcome = this.#gate.enterNow(() => this.#turn(feed, build));
      if (outcome !== 'elsewhere') return outcome;
      this.#settleNow();
    }
  }

  get #gate(): Gate {
    const { turnstile, directory } = this.#parts;
    if (turnstile === undefined) {
      throw new WalError(
        'ERR_WAL_READ_ONLY',
        `${directory} was opened read-only: open it without readOnly to append.`,
        {
          outcome: 'not-written',
        },
      );
    }
    return turnstile.gate;
  }

  /** The write turn: what the lock is held for. */
  #turn(feed: LineFeed, build: Build): WriteOutcome | 'elsewhere' {
    if (!this.#catchUpHere(feed) || !this.#roll(feed)) return 'elsewhere';
    const group = build();
    return group === undefined ? { kind: 'nothing' } : this.#put(feed, group);
  }

  /**
   * Makes the next segment where the last one was sealed, and goes on there, which may be sealed by then, too. Its name
   * tells all that the last one is synced.
   */
  #roll(feed: LineFeed): boolean {
    const { storage, directory, fileMode } = this.#parts;
    for (;;) {
      const state = this.#reader.state;
      if (!state?.sealed || state.head === undefined) return true;
      const path = join(directory, segmentName(state.head.seq + 1));
      try {
        this.#reader.file.syncNow();
      } catch (error) {
        throw this.#syncError(error, this.#reader);
      }
      try {
        storage.open(path, 'append', fileMode).close();
      } catch (error) {
        throw fileError(error, 'make', path, 'not-written');
      }
      if (!this.#catchUpHere(feed)) return false;
    }
  }

  #put(feed: LineFeed, bytes: Buffer): WriteOutcome {
    const reader = this.#reader;
    const before = reader.state;
    const torn = before !== undefined && before.unterminated > 0;
    const total = bytes.length + (torn ? TORN.length : 0);
    let written: number;
    let whole: boolean;
    try {
      written = reader.file.append(torn ? [TORN, bytes] : [bytes]);
    } catch (error) {
      const full = isFull(error);
      const outcome = full ? 'not-written' : 'unknown';
      return {
        kind: 'failed',
        error: fileError(error, 'append to', reader.path, outcome),
        written: 0,
        fatal: !full,
      };
    }
    try {
      // Nobody can have come between if the file grew by just this, from where it was read to.
      const end = (before?.end ?? 0) + written;
      if (written === total && reader.file.endsAt(end)) {
        reader.settle(feed.landed(end));
        return { kind: 'landed' };
      }
      whole = this.#catchUpHere(feed);
    } catch (error) {
      return {
        kind: 'failed',
        error: fileError(error, 'look after an append to', reader.path, 'unknown'),
        written,
        fatal: true,
      };
    }
    if (written === total) return { kind: whole ? 'overtaken' : 'replaced' };
    const message = `${reader.path} took ${written} of ${total} bytes: the disk, a quota or the file-size limit is full. Make room and append again.`;
    // In a file that was rewritten meanwhile nobody can say what became of it.
    const error = new WalError('ERR_WAL_NO_SPACE', message, { outcome: whole ? 'not-written' : 'unknown' });
    return { kind: 'failed', error, written: written - (total - bytes.length), fatal: false };
  }

  async sync(quick: boolean): Promise<void> {
    const reader = this.#reader;
    try {
      if (quick) reader.file.syncNow();
      else await reader.file.sync();
      if (reader === this.#reader) this.#keepName();
    } catch (error) {
      throw this.#syncError(error, reader);
    }
  }

  syncNow(): void {
    try {
      this.#reader.file.syncNow();
      this.#keepName();
    } catch (error) {
      throw this.#syncError(error, this.#reader);
    }
  }

  /**
   * Before the first acknowledgement in a segment its name must be kept too. That another Wal saw to it, as the lines say,
   * does not count: a checkout may have given the name to another file since.
   */
  #keepName(): void {
    const { firstSeq } = this.#reader;
    if (this.#kept === firstSeq) return;
    const { storage, directory } = this.#parts;
    try {
      if (this.#kept === undefined) keepLog(storage, directory);
      storage.syncDirectory(directory);
    } catch (error) {
      // That the directory cannot be opened now says nothing of the disk.
      const { syscall } = error as NodeJS.ErrnoException;
      throw syscall === 'open' ? fileError(error, 'sync', directory, 'unknown') : error;
    }
    this.#kept = firstSeq;
  }

  #syncError(error: unknown, reader: SegmentReader): WalError {
    if (error instanceof WalError) return error;
    return new WalError(
      'ERR_WAL_SYNC',
      `The disk could not confirm what was written to ${reader.path}: ${(error as Error).message}. Check the disk, then open the log again.`,
      { outcome: 'unknown', cause: error, segment: segmentName(reader.firstSeq) },
    );
  }

  suspect(): void {
    const { storage, directory, token } = this.#parts;
    markSuspect(storage, directory, this.#reader.firstSeq, token);
  }

  async #settle(): Promise<void> {
    for (const ms of this.#settling()) await this.#parts.clock.sleep(ms);
  }

  #settleNow(): void {
    for (const ms of this.#settling()) this.#parts.clock.block(ms);
  }

  /** After a replacement: yields how long to wait, until the log keeps still, then reads it anew. */
  *#settling(): Generator<number, void> {
    const { storage, directory, meta } = this.#parts;
    yield* settling(storage, directory, meta);
    // The new one first: should it fail, the old one must not go on as if nothing had been replaced.
    this.#goOnWith(this.#newestReader(true));
  }

  reader(from: number, follow: boolean): LineReader {
    const { storage, directory } = this.#parts;
    const reader = new SegmentReader(storage, directory, 'read', this.#startFor(from));
    let atEnd = false;
    return {
      read: (feed) => {
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
          if (reader.state !== undefined) await reader.file.sync();
        } catch (error) {
          throw this.#syncError(error, reader);
        }
      },
      close: () => reader.close(),
    };
  }

  #startFor(from: number): Start {
    const { storage, directory } = this.#parts;
    try {
      return startFor(storage, directory, from);
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  oldest(): number {
    const { storage, directory } = this.#parts;
    try {
      return oldestSeq(storage, directory);
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  get segmentBytes(): number {
    return this.#parts.segmentBytes;
  }

  segmentSizes(after: number): number[] {
    const { storage, directory } = this.#parts;
    try {
      return layoutOf(storage, directory)
        .segments.filter((first) => first > after)
        .map((first) => storage.look(join(directory, segmentName(first)))?.size ?? 0)
        .filter((size) => size > 0);
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  snapshots(): SnapshotHeader[] {
    const { storage, directory, meta } = this.#parts;
    try {
      return layoutOf(storage, directory)
        .snapshots.toReversed()
        .map((seq) => readHeader(storage, directory, seq))
        .filter((header) => header !== undefined && header.log === meta.id) as SnapshotHeader[];
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  readSnapshot(header: SnapshotHeader): Iterable<Buffer> {
    const { storage, directory } = this.#parts;
    return readBody(storage, directory, header);
  }

  openSnapshot(header: SnapshotHeader): SnapshotFile {
    const { storage, directory } = this.#parts;
    const file = openBody(storage, directory, header);
    this.#snapshots.add(file);
    const close = () => {
      if (this.#snapshots.delete(file)) file.close();
    };
    return { read: file.read, close };
  }

  async putSnapshot(header: SnapshotHeader, body: Iterable<Buffer>): Promise<void> {
    const { storage, clock, directory, fileMode: mode, randomHex } = this.#parts;
    const pause = () => clock.yield();
    requireSeal(storage, directory, header.head);
    await writeSnapshot(storage, directory, header, body, { token: randomHex(12), mode, pause });
  }

  async trim(seq: number): Promise<void> {
    const { storage, directory, clock } = this.#parts;
    trimFiles(storage, directory, seq, clock.now());
  }

  backup(destination: string, request: BackupRequest): Promise<BackupReport> {
    const { storage, clock, directory, randomHex } = this.#parts;
    return backupLog({ storage, clock, directory, token: randomHex(12) }, destination, request);
  }

  async changed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    this.#stopWatching ??= this.#watch();
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#wakers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    await clock.sleep(POLL_MS, woken.signal);
    signal.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
  }

  #watch(): () => void {
    const { storage, directory } = this.#parts;
    try {
      return storage.watch(directory, () => {
        for (const wake of this.#wakers) wake();
      });
    } catch (error) {
      throw fileError(error, 'watch', directory);
    }
  }

  info(): StoreInfo {
    const { meta, directory, turnstile } = this.#parts;
    return {
      id: meta.id,
      created: meta.created,
      git: meta.git,
      location: directory,
      lock: turnstile?.lock.kind,
      sync: 'fdatasync',
    };
  }

  async close(): Promise<void> {
    const { turnstile } = this.#parts;
    this.#stopWatching?.();
    for (const wake of this.#wakers) wake();
    this.#reader.close();
    for (const file of this.#snapshots) file.close();
    this.#snapshots.clear();
    turnstile?.hint?.close();
    turnstile?.lock.close();
  }
}
