import type { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import type { Mark, Rewind } from '../format/mark.ts';
import type { Meta } from '../format/meta.ts';
import type { Stray } from '../format/strays.ts';
import type { LostRange, Survey, SurveyedLine } from '../format/survey.ts';
import type { LineFeed, Turn } from './feed.ts';
import type { LineStore } from './store.ts';

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
