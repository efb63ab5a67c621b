import type { DamageCause } from '../errors/damage.ts';
import type { WalError } from '../errors/errors.ts';
import type { Tip } from '../format/chain.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import type { KeyScope } from '../format/key-scope.ts';

/** The state of a feed once it has been given all there is. */
export interface FeedState {
  /** Offset in the segment from which to continue reading: the end of the last crc-valid line. */
  readonly resume: number;
  /** Offset after the last byte that was fed. */
  readonly end: number;
  /** Bytes after the last newline. */
  readonly unterminated: number;
  /**
   * Set if those bytes are a line that lacks only its newline and will count once it has one. `next`: the
   * number of the entry after it.
   */
  readonly unended: { readonly next: number; readonly isSeal: boolean } | undefined;
  /**
   * Set if those bytes are a whole line with something around it that no writer puts there: the cause of the
   * damage.
   */
  readonly wrapped: DamageCause | undefined;
  /** Offset and crc of the last accepted line of this segment. */
  readonly anchor: { readonly offset: number; readonly crc: string } | undefined;
  /** True once a seal was accepted: the log continues in the segment that begins with `tip.seq + 1`. */
  readonly sealed: boolean;
  /** Undefined where only the previous segment, which was not fed, could supply it. */
  readonly tip: Tip | undefined;
}

/** What precedes a segment, according to the previous segment or a snapshot. */
export interface Before {
  /** Crc of the line that the segment's first line must follow. */
  readonly link: string;
  /** Crc of the line that holds the entry before its first. */
  readonly crc: string;
  /** Which idempotency keys are looked up from there on, where the lines fed earlier do not determine it. */
  readonly keys?: KeyScope | undefined;
  /** The log's fold there. */
  readonly fold?: FoldIdentity | undefined;
}

/** What takes lines from a store: the engine's side of reading. Everything here is synchronous. */
export interface LineFeed {
  /**
   * The bytes that follow are a segment's, from its beginning. `before`: undefined where it is not known.
   * `replaced`: the lines fed earlier are not in this log.
   */
  begin(firstSeq: number, before: Before | undefined, replaced: boolean): void;
  /** The next bytes of the segment. They may be reused once the call returns. */
  push(bytes: Buffer): void;
  /**
   * All that is there for now has been fed, or the segment ends here. The next push begins at `resume` of the
   * returned state, unless another segment is begun.
   */
  pause(): FeedState;
  /** The group is in the segment, ends at offset `end`, and follows directly what was fed. */
  landed(group: WrittenGroup, end: number): FeedState;
}

/** Lines, each chained to the one before, that are written in one piece. */
export interface WrittenGroup {
  /**
   * Valid until the engine is told the outcome of the group: a store that needs the bytes for longer copies
   * them.
   */
  readonly bytes: Buffer;
  /** The tip of the log once they have landed. */
  readonly tip: Tip;
  /** Whether the last of them is a seal. */
  readonly sealed: boolean;
  /** The log's fold after them. */
  readonly fold: FoldIdentity | undefined;
  /** Length of the last of them. */
  readonly lastLineBytes: number;
}

/** The engine's side of a write turn. Each call is synchronous. */
export interface Turn {
  /**
   * Kept at the end of the log. From `build` until the group is written, the store feeds it nothing. Between that and
   * `wrote`, the store either calls `landed` or feeds it what is there.
   */
  readonly feed: LineFeed;
  /** Whether there is anything to write; called while the store waits for the lock. */
  readonly wanted: () => boolean;
  /**
   * Makes a group that follows the tip to which the feed was just caught up; undefined if there is nothing to
   * write. An error that it throws is passed on by `write`; nothing has been written then.
   */
  build(): WrittenGroup | undefined;
  /** Reports the outcome of the group. */
  wrote(outcome: WriteOutcome): void;
}

/**
 * landed: exactly where it was built for; the feed has been told. unsure: the group was written whole, but another
 * writer's lines may have come first; the feed has been given all that is there now, and so shows which lines count.
 * replaced: the group was written to a log that has been replaced since. failed: `error.outcome` says what
 * became of the lines that the feed has not accepted; `written` bytes of the group were taken; `fatal` if the
 * store must not be used again.
 */
export type WriteOutcome =
  | { readonly kind: 'landed' | 'unsure' | 'replaced' }
  | { readonly kind: 'failed'; readonly error: WalError; readonly written: number; readonly fatal: boolean };
