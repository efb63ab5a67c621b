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

/** At once, or later. A store that has `files` answers at once: its `blocking` appends may have to read older keys. */
export type Answer<T> = T | Promise<T>;

/** What a reading came to: 'more': read again. 'end': that is all for now. 'replaced': the log there now is another. */
export type Progress = 'more' | 'end' | 'replaced';

/** Reads a store's lines from a place, independently of its other readers. */
export interface LineReader {
  /**
   * Feeds a piece. After 'replaced' it is done: nothing more is fed. One that does not follow need not look for that, and may read what it
   * began with to its end. Rejects with ERR_WAL_COMPACTED where what it has not read yet was trimmed, and with ERR_WAL_CLOSED once the store is
   * closed.
   */
  read(feed: LineFeed): Answer<Progress>;
  /** What was fed before this call survives a crash after it. Rejects with ERR_WAL_SYNC where that cannot be said. */
  sync(): Promise<void>;
  close(): void;
}

/** What a store can say of itself. */
export interface StoreInfo extends Meta {
  readonly location: string;
  /** Kind of the lock in use, or undefined where the store was opened read-only, or has none. */
  readonly lock: string | undefined;
  /** What a sync of this store does, in words. */
  readonly sync: string;
}

/**
 * An ordered, append-only store of lines: all that the engine asks of what lies beneath. It knows nothing of chains: it
 * puts bytes after everything before them, in one piece, gives back what is there, and says when that was replaced.
 *
 * It keeps lines in segments, as `LineFeed.begin` names them: after the state that it is told by `pause` says `sealed`, the next line that is
 * put down begins the segment `tip.seq + 1`. What others put down for an earlier segment after its seal, not having read that, does not
 * count, and need not be fed.
 *
 * The feed of `catchUp`, `confirm` and `write` is the writer's own, always the same one: the store keeps it where the log ends. Each of the
 * three may be called while another goes on; a store for which that is too much runs them one after the other.
 *
 * What is thrown, and what promises are rejected with, is a WalError.
 */
export interface LineStore {
  /**
   * Feeds every line since last time. The first time it begins with a segment of its choice, after the newest snapshot or later, and tells
   * `begin` what lies before that. After a replacement it begins so again, with `replaced`; where what it has not fed yet was trimmed, it goes
   * on with the segment after the newest snapshot.
   */
  catchUp(feed: LineFeed): Promise<void>;
  /**
   * Makes sure that what was fed lies there still, before it is acknowledged; feeds what there is where that needs more than a look.
   * Undefined where nothing has to be waited for.
   */
  confirm(feed: LineFeed): Promise<void> | undefined;
  /**
   * Takes a write turn: catches up, asks `build` once for a group, puts that down behind all that lies there, and tells `wrote` what became of
   * it, once for each group. The group need not be the next to be put down: what others put down first makes it 'overtaken'. It is there whole,
   * or not at all, or the outcome is 'failed'. Undefined where nothing had to be waited for. Rejects where it came to no group: nothing was
   * written then.
   */
  write(turn: Turn): Promise<void> | undefined;
  /**
   * What was written or fed before this call is kept. `quick`: the caller would rather block than wait for a thread; then it may return
   * undefined. Rejects with ERR_WAL_SYNC where that cannot be said: then nothing more is written by this store.
   */
  sync(quick: boolean): Promise<void> | undefined;
  /** Reads from the segment that holds `from`, or from one before it; `follow` also watches for replacement. */
  reader(from: number, follow: boolean): LineReader;
  /** For who has read to the end, and waits for more. */
  watch(): LogWatch;
  /** The first seq that was not compacted away. What is missing without that is an error to who reads it. */
  oldest(): Answer<number>;
  /** The headers of all snapshots whose first line is whole, newest first. */
  snapshots(): Answer<SnapshotHeader[]>;
  /**
   * For reading a snapshot, in parts or whole, also when it has been deleted meanwhile. ERR_WAL_COMPACTED where it is gone already; what its
   * bytes are worth is the caller's to check.
   */
  openSnapshot(header: SnapshotHeader): Answer<SnapshotFile>;
  /**
   * Keeps a snapshot: once this resolves, it survives a crash, whole. Rejects with ERR_WAL_DIVERGED where no segment ends in its seal, for it
   * would stand for what goes on, too; with ERR_WAL_COMPACTED where another took that segment away; with ERR_WAL_FOLD where the one in its place
   * is of another fold, or a later version.
   */
  putSnapshot(header: SnapshotHeader, body: Iterable<Buffer>): Promise<void>;
  /** Deletes snapshots before the one at `seq`, and the segments that end at or before it; what lies after is left alone. */
  trim(seq: number): Promise<void>;
  /**
   * A group ends before the line that would make it longer than so many bytes: others wait for their turn meanwhile. A line that is longer by
   * itself is put down alone. A seal, of 4 KB at most, is not counted.
   */
  readonly groupBytes: number;
  /** A segment of so many bytes is sealed by whoever makes it so long. Infinity: only a compaction seals. */
  readonly segmentBytes: number;
  info(): StoreInfo;
  /** Ends what waits for changes, and lets go of all that is open. Called when nothing but readings goes on. */
  close(): Promise<void>;
  /** What a directory of files can do besides; undefined where the store is none. */
  readonly files: LogFiles | undefined;
}

/** Tells one who follows a log that it may have changed. */
export interface LogWatch {
  /**
   * Resolves once the log may have changed, or `signal` aborts. What changed since the call before resolved is told at once: the caller looks
   * after each. The first call resolves at once, too, unless such a change is told soon without that.
   */
  changed(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * What a log can do because it is a directory of files. A store that is none has no such part: what needs it is left out there, or refused
 * with ERR_WAL_UNSUPPORTED (`filesOf`).
 */
export interface LogFiles {
  /** Appends that block their thread. */
  readonly blocking: BlockingStore;
  readonly marks: Marks;
  /** What wal.json says now: somebody may have changed or replaced it. Throws where it is away, damaged, or another log's. */
  metaNow(): Meta;
  /** All snapshots, whole or not, newest first: the last entry that each stands for by its name, and its size. */
  snapshots(): FileSize[];
  /** Bytes of each segment that begins after a seq, in their order; without those that have none. */
  segmentSizes(after: number): number[];
  /** The first seq of the segment that comes after the one that begins with `firstSeq`, whether or not it leads there. */
  nextSegment(firstSeq: number): number | undefined;
  /** Files beside the log's own that bear names like theirs. */
  strays(): Stray[];
  /** Why it cannot be appended to, as its files lie there; undefined where nothing but its lines may be in the way. */
  refusal(): WalError | undefined;
  /** All lines that lie there, whatever became of them. */
  survey(onProgress?: (bytes: number) => void): Promise<Survey>;
  /**
   * What a salvage would make of them, in its order and under its numbers; nothing is written. ERR_WAL_COMPACTED where `from`
   * is a number before the first of them.
   */
  salvaged(from: number | undefined): AsyncIterable<Salvaged>;
  /** Copies the log to where there is nothing yet. All that was synced before the call is in it, and once it resolves it survives a crash. */
  backup(destination: string, request: BackupRequest): Promise<BackupFiles>;
}

/** `write`, `sync` and `confirm` of a LineStore, for a thread that is blocked until they have ended. */
export interface BlockingStore {
  write(turn: Turn): void;
  sync(): void;
  confirm(feed: LineFeed): void;
}

/** The number that the name of a segment or snapshot bears, and the bytes of the file. */
export interface FileSize {
  readonly seq: number;
  readonly bytes: number;
}

/** What a salvage would make of a log: a line that it keeps, with its fields from `data` to `op`, or numbers that it calls lost. */
export type Salvaged =
  | { readonly kind: 'line'; readonly line: SurveyedLine; readonly body: string; readonly seq: number }
  | { readonly kind: 'lost'; readonly range: LostRange };

/** How a copy of a log is to be made. */
export interface BackupRequest {
  /** Whether files may share their bytes with the log's. */
  readonly link: boolean;
  readonly signal: AbortSignal | undefined;
  /** Is given the copy before that gets its name. If it throws, there is no copy. */
  readonly check: (copy: LineStore) => Promise<void>;
}

/** The files of a copy of a log, and how they were made. */
export interface BackupFiles {
  /** Where they lie. */
  readonly directory: string;
  /** Bytes of all files; those that are linked are the log's own as long as that keeps them. */
  readonly bytes: number;
  readonly files: number;
  /** How many of the files are hard links to the log's. */
  readonly linked: number;
  /** How many share their blocks with the log's until either is written to. */
  readonly reflinked: number;
  /** How many are bytes of their own. */
  readonly copied: number;
}

/**
 * What this machine keeps of a log beside its lines: the mark, which is the last entry that was acknowledged here. It is
 * information, which decides nothing: none of this throws, and what cannot be written is left as it was.
 */
export interface Marks {
  /** The mark; undefined where there is none, or none that can be read. */
  read(): Mark | undefined;
  /**
   * here: the file that the log was last read from is the one there, with the last line that was read. away: no log is there
   * now. elsewhere: what is there has to be read to tell.
   */
  readonly place: 'here' | 'away' | 'elsewhere';
  /**
   * Makes the mark this one, unless it is at or past that and not `stale`, a mark that the log was found not to hold.
   * Where it replaces the stale one, the rewind is noted.
   */
  raise(mark: Mark, stale: Head | undefined, rewind: Rewind | undefined): void;
  /** Makes the mark `head`, which is synced, whatever it was. */
  set(head: Head): void;
  /** Notes, until it is to be forgotten, that entries acknowledged here are gone. */
  note(rewind: Rewind): void;
  /** Whether a segment comes after the one that begins with `firstSeq`, or a snapshot stands for that one, or that cannot be told. */
  goesOn(firstSeq: number): boolean;
  /** Whether `isIt` says so of an accepted line that ends with entry `seq`, or a snapshot stands for that entry. */
  has(seq: number, isIt: (line: Envelope) => boolean): boolean;
}
