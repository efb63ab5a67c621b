import type { DamageCause } from '../errors/damage.ts';
import type { WalError } from '../errors/errors.ts';
import type { Tip } from '../format/chain.ts';
import type { FoldIdentity } from '../format/fold-identity.ts';
import type { KeyScope } from '../format/key-scope.ts';

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
  /**
   * All was fed that is there for now, or the segment ends here. What is pushed next begins at the `resume` of the answer, or a segment is
   * begun.
   */
  pause(): FeedState;
  /** The group lies in the segment, ending at offset `end`, and nothing came before it. */
  landed(group: WrittenGroup, end: number): FeedState;
}

/** Lines, each chained to the one before, that are put down in one piece. */
export interface WrittenGroup {
  /** Valid until the engine is told what became of the group: a store that keeps the bytes for longer copies them. */
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

/** The engine's side of a write turn. Each call is synchronous. */
export interface Turn {
  /** Is kept where the log ends. From `build` to `wrote` it is given nothing but what lies there after the group was put down. */
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
 * else's lines came first, or nobody can say, and the feed has been given all that lies there now, the group included. replaced: it was
 * written to a log that is not the one there now. failed: what the feed has not seen accepted is as `error.outcome` says; `written` bytes of the group were taken; `fatal` where the
 * store must not be used again.
 */
export type WriteOutcome =
  | { readonly kind: 'landed' | 'overtaken' | 'replaced' }
  | { readonly kind: 'failed'; readonly error: WalError; readonly written: number; readonly fatal: boolean };
