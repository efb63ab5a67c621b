import type { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import type { Mark, Rewind } from '../format/mark.ts';
import type { Meta } from '../format/meta.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Stray } from '../format/strays.ts';
import type { LostRange, Survey, SurveyedLine } from '../format/survey.ts';
import type { LineFeed, Turn } from './feed.ts';
import type { SnapshotFile } from './snapshot-file.ts';

/**
 * A value or a promise of it. A store with `files` returns the value itself: its `blocking` appends may have
 * to read older keys.
 */
export type Answer<T> = T | Promise<T>;

/**
 * Outcome of a read. 'more': read again. 'end': that is all for now. 'replaced': the log there now is another
 * one.
 */
export type Progress = 'more' | 'end' | 'replaced';

/** Reads a store's lines from some position, independently of its other readers. */
export interface LineReader {
  /**
   * Feeds a piece. After 'replaced' the reader is finished: nothing more is fed. A reader that does not
   * follow need not check for replacement, and may read the files that it began with to their end. Rejects
   * with ERR_WAL_COMPACTED if lines that it has not read yet were trimmed, and with ERR_WAL_CLOSED once the
   * store is closed.
   */
  read(feed: LineFeed): Answer<Progress>;
  /**
   * Once it resolves, what was fed before this call survives a crash. Rejects with ERR_WAL_SYNC if that
   * cannot be guaranteed.
   */
  sync(): Promise<void>;
  close(): void;
}

/** Facts about a store. */
export interface StoreInfo extends Meta {
  readonly location: string;
  /** Kind of the lock in use; undefined if the store was opened read-only or has no lock. */
  readonly lock: string | undefined;
  /** What a sync of this store does, in words. */
  readonly sync: string;
}

/**
 * An ordered, append-only store of lines: all that the engine needs from the layer below. It knows nothing of
 * chains: it appends bytes after all others, in one piece, returns what is there, and reports when that was
 * replaced.
 *
 * It keeps lines in segments, as named by `LineFeed.begin`. Once `pause` answers `sealed`, the next line begins
 * a new segment, named `tip.seq + 1`. A writer that has not read the seal may still put lines into the old
 * segment: they do not count, and need not be fed.
 *
 * The feed passed to `catchUp`, `confirm` and `write` is always the same one, the writer's: the store keeps
 * it at the end of the log. Each of the three may be called while another is in progress; a store that cannot
 * run them concurrently runs them one after the other.
 *
 * Everything thrown, and every rejection, is a WalError.
 */
export interface LineStore {
  /**
   * Feeds every line since the last call. The first call begins with a segment of the store's choice, after
   * the newest snapshot or later, and passes to `begin` what precedes it. After a replacement it begins in
   * the same way, with `replaced`. If lines that it has not fed yet were trimmed, it continues with the
   * segment after the newest snapshot.
   */
  catchUp(feed: LineFeed): Promise<void>;
  /**
   * Verifies, before an acknowledgement, that what was fed is still there; if more than a look is needed,
   * feeds all there is. Undefined if nothing has to be waited for.
   */
  confirm(feed: LineFeed): Promise<void> | undefined;
  /**
   * Takes a write turn: catches up, calls `build` once, appends the group that it makes after all that is
   * there, and reports the outcome of that group to `wrote`, once. If others put lines down first, the group
   * is put down behind them all the same, and the outcome is 'unsure'. A group is there whole or not at all;
   * if the store cannot say, the outcome is 'failed'. Undefined if nothing had to be waited for. Rejects if it
   * fails before a group is made; nothing has been written then.
   */
  write(turn: Turn): Promise<void> | undefined;
  /**
   * Once it resolves, what was written or fed before this call survives a crash. `quick`: the
   * store may sync on the calling thread, and return undefined when that is done. A store that cannot ignores
   * it. Rejects with ERR_WAL_SYNC if that cannot be guaranteed; this store then writes nothing more.
   */
  sync(quick: boolean): Promise<void> | undefined;
  /**
   * Reads from the segment that holds `from`, or from an earlier one; `follow` also checks for replacement.
   */
  reader(from: number, follow: boolean): LineReader;
  /** Reports changes to a reader that has read to the end and waits for more. */
  watch(): LogWatch;
  /**
   * The first seq that was not compacted away. If an entry from there on is missing, reading it is an error.
   */
  oldest(): Answer<number>;
  /** The headers of all snapshots whose first line is whole, newest first. */
  snapshots(): Answer<SnapshotHeader[]>;
  /**
   * Opens a snapshot for reading, in parts or whole; an open one stays readable if it is deleted meanwhile.
   * ERR_WAL_COMPACTED if it has been deleted already. The caller verifies the bytes.
   */
  openSnapshot(header: SnapshotHeader): Answer<SnapshotFile>;
  /**
   * Stores a snapshot: once this resolves, the whole snapshot survives a crash. Rejects with ERR_WAL_DIVERGED
   * unless a segment ends with its seal; otherwise the snapshot would also cover entries still being
   * appended. Rejects with ERR_WAL_COMPACTED if another compaction deleted that segment, and with
   * ERR_WAL_FOLD if the snapshot already there is of another fold or of a later version.
   */
  putSnapshot(header: SnapshotHeader, body: Iterable<Buffer>): Promise<void>;
  /**
   * Deletes the snapshots before the one at `seq`, and the segments that begin at or before it, which it covers whole;
   * later ones are kept.
   */
  trim(seq: number): Promise<void>;
  /**
   * The most bytes of a group, so that other writers do not wait long for their turn: a line that would
   * exceed it begins the next group. A longer line is written alone. A seal, of 4 KB at most, is not counted.
   */
  readonly groupBytes: number;
  /**
   * The writer whose group brings a segment to this many bytes seals it. Infinity: only a compaction seals.
   */
  readonly segmentBytes: number;
  info(): StoreInfo;
  /** Ends all waits for changes, and closes all open files. Called when only readings are in progress. */
  close(): Promise<void>;
  /** The operations of a directory of files; undefined if the store is not one. */
  readonly files: LogFiles | undefined;
}

/** Reports to a follower that the log may have changed. */
export interface LogWatch {
  /**
   * Resolves once the log may have changed, or `signal` aborts. If it may have changed since the previous call
   * resolved, resolves at once, because the caller looks after each call. The first call resolves at once too, unless
   * the store reports such a change soon in another way.
   */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * What a log can do because it is a directory of files. On another store, what needs them is left out or
 * refused with ERR_WAL_UNSUPPORTED (`filesOf`).
 */
export interface LogFiles {
  /** Appends that block their thread. */
  readonly blocking: BlockingStore;
  readonly marks: Marks;
  /**
   * The contents of wal.json now, which may have been changed or replaced. Throws if it is missing, damaged,
   * or another log's.
   */
  metaNow(): Meta;
  /**
   * All snapshots, whole or damaged, newest first: the last entry that each covers, from its name, and its
   * size.
   */
  snapshots(): FileSize[];
  /** Bytes of each segment that begins after a seq, in order; empty ones are left out. */
  segmentSizes(after: number): number[];
  /**
   * The first seq of the next segment after the one that begins with `firstSeq`, whether or not the chain
   * leads there.
   */
  nextSegment(firstSeq: number): number | undefined;
  /** Other files in the directory whose names resemble those of the log's files. */
  strays(): Stray[];
  /** Why the files of the log rule out appending; undefined if at most its lines do. */
  refusal(): WalError | undefined;
  /** All lines that are there, whatever their verdicts. */
  survey(onProgress?: (bytes: number) => void): Promise<Survey>;
  /**
   * What a salvage would keep of those lines, in its order and with its numbers; writes nothing.
   * ERR_WAL_COMPACTED if `from` is before the first of them.
   */
  salvaged(from: number | undefined): AsyncIterable<Salvaged>;
  /**
   * Copies the log to a path where nothing exists. The copy holds all that was synced before the call, and
   * survives a crash once this resolves.
   */
  backup(destination: string, request: BackupRequest): Promise<BackupFiles>;
}

/** `write`, `sync` and `confirm` of a LineStore, blocking the thread until they are done. */
export interface BlockingStore {
  write(turn: Turn): void;
  sync(): void;
  confirm(feed: LineFeed): void;
}

/** The number in the name of a segment or snapshot, and the size of the file. */
export interface FileSize {
  readonly seq: number;
  readonly bytes: number;
}

/**
 * What a salvage would make of a log: a line that it keeps, with its fields from `data` to `op`, or a range
 * of numbers that it declares lost.
 */
export type Salvaged =
  | { readonly kind: 'line'; readonly line: SurveyedLine; readonly body: string; readonly seq: number }
  | { readonly kind: 'lost'; readonly range: LostRange };

/** How a copy of a log is to be made. */
export interface BackupRequest {
  /** Whether files may share their bytes with the log's. */
  readonly link: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called with the copy before it is renamed into place. If it rejects, there is no copy. */
  readonly check: (copy: LineStore) => Promise<void>;
}

/** The files of a copy of a log, and how they were made. */
export interface BackupFiles {
  /** Where they are. */
  readonly directory: string;
  /** Bytes of all files; linked ones share the log's own bytes until the log deletes its copy. */
  readonly bytes: number;
  readonly files: number;
  /** How many of the files are hard links to the log's. */
  readonly linked: number;
  /** How many share their blocks with the log's until either file is written to. */
  readonly reflinked: number;
  /** How many are bytes of their own. */
  readonly copied: number;
}

/**
 * What this machine keeps of a log beside its lines: the mark, which names the last entry that was
 * acknowledged here. The mark is informative and decides nothing: no method throws, and a mark that cannot be
 * written stays as it was.
 */
export interface Marks {
  /** The mark; undefined where there is none, or none that can be read. */
  read(): Mark | undefined;
  /**
   * here: the path still leads to the file that was last read, and its last accepted line is still there.
   * away: there is no log there now. elsewhere: the log has to be read to find out.
   */
  readonly place: 'here' | 'away' | 'elsewhere';
  /**
   * Sets the mark to `mark` unless the present one is at or past it; a present mark equal to `stale`, which
   * the log was found not to hold, is replaced in any case, and the rewind is then noted.
   */
  raise(mark: Mark, stale: Head | undefined, rewind: Rewind | undefined): void;
  /** Sets the mark to `head`, which is synced, whatever the mark was. */
  set(head: Head): void;
  /** Notes that entries acknowledged here are gone, until the note is deleted on request. */
  note(rewind: Rewind): void;
  /**
   * Whether another segment follows the one that begins with `firstSeq`, or a snapshot covers that one; also
   * true if that cannot be determined.
   */
  goesOn(firstSeq: number): boolean;
  /** Whether `isIt` accepts the accepted line that ends with entry `seq`, or a snapshot covers that entry. */
  has(seq: number, isIt: (line: Envelope) => boolean): boolean;
}
