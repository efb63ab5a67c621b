import type { DamageCause } from '../errors/damage.ts';
import type { WalError } from '../errors/errors.ts';
import type { Head, Tip } from '../format/chain.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import type { KeyScope } from '../format/key-scope.ts';
import type { Envelope } from '../format/line.ts';
import type { Mark, Rewind } from '../format/mark.ts';
import type { Meta } from '../format/meta.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { Stray } from '../format/strays.ts';
import type { LostRange, Survey, SurveyedLine } from '../format/survey.ts';

/** Where a feed stands once it was given all there is. */
export interface FeedState {
  /** Offset in the segment from which to read on: after the last crc-valid line. */
  readonly resume: number;
  /** Offset after the last byte that was fed. */
  readonly end: number;
  /** Bytes after the last newline. */
  readonly unterminated: number;
  /** Where those bytes are a line that lacks only its newline, and counts once it has that: the number of the entry after it. */
  readonly unended: { readonly next: number; readonly isSeal: boolean } | undefined;
  /** Where those bytes are a whole line with something around it that no writer puts there: what damages it. */
  readonly wrapped: DamageCause | undefined;
  /** Offset and crc of the last accepted line of this segment. */
  readonly anchor: { readonly offset: number; readonly crc: string } | undefined;
  /** True once a seal was accepted: the lines go on in the segment that begins with `tip.seq + 1`. */
  readonly sealed: boolean;
  /** Undefined where it is told by the segment before, which was not fed. */
  readonly tip: Tip | undefined;
}

/** What lies before a segment, as the segment before it or a snapshot tells. */
export interface Before {
  /** Crc of the line that the segment's first line must follow. */
  readonly link: string;
  /** Crc of the line that holds the entry before its first. */
  readonly crc: string;
  /** Which idempotency keys are looked for from there on, where what was fed before does not tell. */
  readonly keys?: KeyScope | undefined;
  /** The log's fold there. */
  readonly fold?: FoldIdentity | undefined;
}

/** What takes lines from a store: the engine's side of reading. Everything here is synchronous. */
export interface LineFeed {
  /**
   * The bytes that follow are a segment's, from its beginning. `before`: undefined where nothing tells. `replaced`: what was fed
   * before is not in this log.
   */
  begin(firstSeq: number, before: Before | undefined, replaced: boolean): void;
  /** The next bytes of the segment. They may be reused once the call returns. */
  push(bytes: Buffer): void;
  /** No more for now. What is pushed next begins at the `resume` of the answer. */
  pause(): FeedState;
  /** The group lies in the segment, ending at offset `end`, and nothing came before it. */
  landed(group: WrittenGroup, end: number): FeedState;
}

/** Lines, each chained to the one before, that are put down in one piece. */
export interface WrittenGroup {
  readonly bytes: Buffer;
  /** What they leave, once they have landed. */
  readonly tip: Tip;
  /** Whether the last of them is a seal. */
  readonly sealed: boolean;
  /** The log's fold after them. */
  readonly fold: FoldIdentity | undefined;
  /** How long the last of them is. */
  readonly lastLineBytes: number;
}

/** The engine's side of a write turn. All of it is synchronous, and called within the turn: nothing else of this thread comes between. */
export interface Turn {
  /** Is kept where the log ends. */
  readonly feed: LineFeed;
  /** Whether there is anything to write; asked while the store waits for its turn. */
  readonly wanted: () => boolean;
  /**
   * Makes a group that follows the tip to which the feed was just caught up; undefined where there is nothing to write. What it throws,
   * `write` throws or rejects with, having written nothing.
   */
  build(): WrittenGroup | undefined;
  /** Tells what became of the group. */
  wrote(outcome: WriteOutcome): void;
}

/**
 * landed: right where it was built for; the feed knows. overtaken: somebody
 * else's lines came first, and the feed has been given all that lies there now, the group included. replaced: it was
 * written to a log that is not the one there now. failed: what the feed has not seen accepted is as `error.outcome` says; `written` bytes of the group were taken; `fatal` where the
 * store must not be used again.
 */
export type WriteOutcome =
  | { readonly kind: 'landed' | 'overtaken' | 'replaced' }
  | { readonly kind: 'failed'; readonly error: WalError; readonly written: number; readonly fatal: boolean };

/** Reads a store's lines from a place, independently of its other readers. */
export interface LineReader {
  /** Feeds a piece. 'more': call again. 'end': that is all for now. 'replaced': the log there now is another; this reader is done. */
  read(feed: LineFeed): Progress | Promise<Progress>;
  /** What was fed before this call survives a crash after it. */
  sync(): Promise<void>;
  close(): void;
}

/** A snapshot that is read in parts. */
export interface SnapshotFile {
  /** So many bytes from an offset after the first line; fewer where there are no more. Blocking: tables answer at once. */
  read(offset: number, bytes: number): Buffer;
  close(): void;
}

export type Progress = 'more' | 'end' | 'replaced';

/** What a salvage would make of a log: a line that it keeps, with its fields from `data` to `op`, or numbers that it calls lost. */
export type Salvaged =
  | { readonly kind: 'line'; readonly line: SurveyedLine; readonly body: string; readonly seq: number }
  | { readonly kind: 'lost'; readonly range: LostRange };

/** What a store can say of itself. */
export interface StoreInfo extends Meta {
  readonly location: string;
  /** Kind of the lock in use, or undefined where the store was opened read-only. */
  readonly lock: string | undefined;
  /** What a sync of this store does, in words. */
  readonly sync: string;
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

export interface BackupRequest {
  /** Whether files may share their bytes with the log's. */
  readonly link: boolean;
  readonly signal: AbortSignal | undefined;
  /** Is given the copy before that gets its name. If it throws, there is no copy. */
  readonly check: (copy: LineStore) => Promise<void>;
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

/** What of a store is there for appends that block their thread. */
export interface BlockingStore {
  write(turn: Turn): void;
  sync(): void;
  confirm(feed: LineFeed): void;
}

/**
 * An ordered, append-only store of lines: all that the engine asks of what lies beneath. It knows nothing of chains: it
 * puts bytes after everything before them, in one piece, gives back what is there, and says when that was replaced.
 *
 * The feed of `catchUp`, `confirm` and `write` is the writer's own, always the same one: the store keeps it where the log ends.
 */
export interface LineStore {
  /** Feeds every line since last time. After a replacement it begins again, with `begin(..., true)`. */
  catchUp(feed: LineFeed): Promise<void>;
  /**
   * Makes sure that what was fed lies there still, before it is acknowledged; feeds what there is where that needs more than a look.
   * Undefined where nothing has to be waited for.
   */
  confirm(feed: LineFeed): Promise<void> | undefined;
  /** Takes a write turn: catches up, and puts down what `build` makes. Undefined where nothing had to be waited for. */
  write(turn: Turn): Promise<void> | undefined;
  /**
   * What was written or fed before this call is kept. `quick`: the caller would rather block than wait for a thread; then it may return
   * undefined. Where it fails (ERR_WAL_SYNC), word of that is left for whoever opens the log next.
   */
  sync(quick: boolean): Promise<void> | undefined;
  /** The same, blocking; undefined where a store cannot. */
  readonly blocking: BlockingStore | undefined;
  /** All snapshots, whole or not, newest first: the last entry that each stands for by its name, and its size. */
  snapshotFiles(): { seq: number; bytes: number }[] | Promise<{ seq: number; bytes: number }[]>;
  /** The headers of all snapshots whose first line is whole, newest first. */
  snapshots(): SnapshotHeader[] | Promise<SnapshotHeader[]>;
  /**
   * The bytes after a snapshot's first line, in pieces, each checked before it is given. Throws ERR_WAL_CORRUPT at what is
   * not as the header says, ERR_WAL_COMPACTED where it is gone.
   */
  readSnapshot(header: SnapshotHeader): Iterable<Buffer> | AsyncIterable<Buffer>;
  /** For reading parts of a snapshot, also when it has been deleted meanwhile. ERR_WAL_COMPACTED where it is gone already. */
  openSnapshot(header: SnapshotHeader): SnapshotFile | Promise<SnapshotFile>;
  /** Keeps a snapshot: once this resolves, it survives a crash, whole. It is not put where its seal is not this log's. */
  putSnapshot(header: SnapshotHeader, body: Iterable<Buffer>): Promise<void>;
  /** Deletes snapshots before the one at `seq`, and the segments that end at or before it. */
  trim(seq: number): Promise<void>;
  /** A segment of so many bytes is sealed by whoever makes it so long. Infinity: never. */
  readonly segmentBytes: number;
  /** Bytes of each segment that begins after a seq, in their order; without those that have none. */
  segmentSizes(after: number): number[] | Promise<number[]>;
  /**
   * Copies the log, as a directory of files, to where there is nothing yet; a store that cannot throws ERR_WAL_UNSUPPORTED.
   * All that was synced before the call is in it, and once it resolves it survives a crash.
   */
  backup(destination: string, request: BackupRequest): Promise<BackupFiles>;
  readonly marks: Marks;
  /** Files beside the log's own that bear names like theirs. */
  strays(): Stray[] | Promise<Stray[]>;
  /** The first seq that was not compacted away. What is missing without that is an error to who reads it. */
  oldest(): number | Promise<number>;
  /** Why it cannot be appended to, as its files lie there; undefined where nothing but its lines may be in the way. */
  refusal(): WalError | undefined | Promise<WalError | undefined>;
  /** The first seq of the segment that comes after the one that begins with `firstSeq`, whether or not it leads there. */
  nextSegment(firstSeq: number): number | undefined | Promise<number | undefined>;
  /** All lines that lie there, whatever became of them. */
  survey(onProgress?: (bytes: number) => void): Promise<Survey>;
  /**
   * What a salvage would make of them, in its order and under its numbers; nothing is written. ERR_WAL_COMPACTED where `from`
   * is a number before the first of them.
   */
  salvaged(from: number | undefined): AsyncIterable<Salvaged>;
  /** Reads from the segment that holds `from`; `follow` also watches for replacement. */
  reader(from: number, follow: boolean): LineReader;
  /** Resolves after the log may have changed, or `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
  info(): StoreInfo;
  /** What the log says of itself now: somebody may have changed or replaced that. Throws where it is away, damaged, or another log's. */
  metaNow(): Meta | Promise<Meta>;
  close(): Promise<void>;
}
