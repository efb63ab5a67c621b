import type { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import { singleRecord } from '../format/record.ts';
import { badArgument } from '../options/options.ts';
import type { Before, FeedState } from '../store/feed.ts';
import { ChainFeed } from './chain-feed.ts';
import { unreadableError } from './record-feed.ts';

const NEWLINE = Buffer.from('\n');

/** Receives the lines of a copy. */
export interface LineSink {
  segment(firstSeq: number): void;
  /** The line `bytes[start, end)`, without its newline. */
  line(bytes: Buffer, start: number, end: number): void;
}

/** Passes on the accepted lines of a log, byte for byte, up to an entry; lines that do not count are left out. */
export class LineCopy extends ChainFeed {
  readonly #last: number;
  readonly #sink: LineSink;
  readonly #ends = new Map<number, string>();
  #isDone = false;
  #failure: WalError | undefined;
  #entries = 0;
  #reached: number | undefined;
  #copied: Head | undefined;

  constructor(last: number, sink: LineSink) {
    super();
    this.#last = last;
    this.#sink = sink;
  }

  /** True once a line beyond that entry was reached. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The error in the lines up to there. */
  get failure(): WalError | undefined {
    return this.#failure;
  }

  /** The last entry that was passed on; before any, the one that precedes the first. */
  get reached(): number | undefined {
    return this.#reached;
  }

  /** The head of what was passed on. */
  get copied(): Head | undefined {
    return this.#copied;
  }

  /** How many entries were passed on. */
  get entries(): number {
    return this.#entries;
  }

  /**
   * The crc of the line that ends each segment, by the segment's last entry; also that of the line before the first
   * segment.
   */
  get ends(): ReadonlyMap<number, string> {
    return this.#ends;
  }

  override begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    super.begin(firstSeq, before, replaced);
    if (before !== undefined) this.#ends.set(firstSeq - 1, before.link);
    this.#reached ??= firstSeq - 1;
    if (!this.#isDone) this.#sink.segment(firstSeq);
  }

  /** The source is not modified: a last line that lacks its newline gets one in the copy. */
  override pause(): FeedState {
    if (this.unended !== undefined) this.push(NEWLINE);
    return super.pause();
  }

  override accepted(line: Envelope, bytes: Buffer, start: number, end: number, offset: number): void {
    if (this.#isDone) return;
    const { seq, count, prev, crc } = line;
    // A seal belongs to the segment that it ends.
    if (seq > this.#last && !(count === 0 && seq === this.#last + 1)) {
      this.#isDone = true;
      return;
    }
    this.#failure ??= this.failureSoFar ?? this.#problemOf(line, bytes, start, end, offset);
    if (this.#failure !== undefined) {
      this.#isDone = true;
      return;
    }
    if (seq === this.firstSeq) this.#ends.set(seq - 1, prev);
    if (count === 0) this.#ends.set(seq - 1, crc);
    this.#entries += count;
    this.#reached = seq + count - 1;
    if (count > 0) this.#copied = { seq: this.#reached, crc };
    this.#sink.line(bytes, start, end);
  }

  #problemOf(
    line: Envelope,
    bytes: Buffer,
    start: number,
    end: number,
    offset: number,
  ): WalError | undefined {
    const { seq } = line;
    const last = seq + line.count - 1;
    if (last > this.#last) {
      return badArgument(
        `Entry ${this.#last} is in the middle of an atomic batch, entries ${seq} to ${last}, which cannot be split: name ${seq - 1} or ${last}`,
      );
    }
    try {
      // A batch was parsed when its line was read.
      if (!line.batch) singleRecord(line, bytes, start, end);
      return undefined;
    } catch (error) {
      return unreadableError(line, segmentName(this.firstSeq), offset, end - start, error);
    }
  }
}
