import { WalError } from '../errors/errors.ts';
import type { Chain, Doubt, Head, Missing, Tip } from '../format/chain.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import { type ScanVisitor, SegmentScan, type UnendedLine } from '../format/scan.ts';
import type { InvalidLine } from '../format/verdict.ts';
import type { Before, FeedState, LineFeed, WrittenGroup } from '../store/feed.ts';
import { corruptionError, foreignSegmentError } from './corruption.ts';

/** Runs the chain over everything that a store feeds, segment after segment; subclasses process the lines. */
export class ChainFeed implements LineFeed, ScanVisitor {
  /** The scan of the segment being read, with its chain. */
  protected scan = new SegmentScan(1, this);
  /** Why the log could not be read on, or appended to, at the last pause. */
  corruption: WalError | undefined = undefined;
  /** What precedes the segment, if known. */
  protected before: Before | undefined = { link: GENESIS_CRC, crc: GENESIS_CRC };
  /** Entries missing from an earlier segment, unless a repair there settled them. */
  #earlier: WalError | undefined;

  /** First seq of the segment being read. */
  get firstSeq(): number {
    return this.scan.chain.firstSeq;
  }

  /** Whether that segment is sealed: the next entry goes into another one. */
  get isSealed(): boolean {
    return this.scan.chain.sealed;
  }

  get head(): Head {
    const { seq, crc } = this.scan.chain;
    return { seq, crc: crc ?? this.before?.crc ?? GENESIS_CRC };
  }

  /** The head, and the crc that the next line must follow. */
  get tip(): Tip {
    const { seq, crc, link } = this.scan.chain;
    return {
      seq,
      crc: crc ?? this.before?.crc ?? GENESIS_CRC,
      link: link ?? this.before?.link ?? GENESIS_CRC,
    };
  }

  /** The error for corruption that is proven before the line being judged; a doubtful end does not count. */
  protected get failureSoFar(): WalError | undefined {
    const { missing, start } = this.scan.chain;
    const isWhole = missing === undefined && this.#earlier === undefined;
    return isWhole && start === this.before?.link ? undefined : this.#failure;
  }

  get #failure(): WalError | undefined {
    return this.#unsettled ?? this.#missing() ?? this.foreign;
  }

  get #unsettled(): WalError | undefined {
    return this.scan.repaired ? undefined : this.#earlier;
  }

  #missing(): WalError | undefined {
    const { missing, firstSeq } = this.scan.chain;
    return missing && this.errorOf(missing, firstSeq);
  }

  protected errorOf(corruption: Missing | Doubt, firstSeq: number): WalError {
    return corruptionError(corruption, firstSeq);
  }

  /** The error for a segment whose first line does not follow what precedes it. */
  protected get foreign(): WalError | undefined {
    return this.#foreignIn(this.scan.chain);
  }

  #foreignIn({ start, firstSeq }: Chain): WalError | undefined {
    const { link } = this.before ?? {};
    const foreign = link !== undefined && start !== undefined && start !== link;
    return foreign ? foreignSegmentError(firstSeq) : undefined;
  }

  begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    this.#earlier = replaced ? undefined : (this.#unsettled ?? this.#missing());
    this.before = before;
    this.scan = new SegmentScan(firstSeq, this);
  }

  push(bytes: Buffer): void {
    this.scan.push(bytes);
  }

  /** The line at the end of what was pushed, if it lacks only its newline and would be accepted with it. */
  protected get unended(): UnendedLine | undefined {
    const { unended } = this.scan;
    return unended?.verdict === 'accepted' ? unended : undefined;
  }

  pause(): FeedState {
    const { scan } = this;
    const { end, unterminated } = scan;
    // If a line that lacks only its newline follows a damaged line, it shows whether the log continues without that.
    const completed = this.unended?.chain;
    const corruption = completed === undefined ? scan.corruption : completed.corruption;
    this.corruption =
      this.#unsettled ??
      (corruption === undefined
        ? this.#foreignIn(completed ?? scan.chain)
        : this.errorOf(corruption, this.firstSeq));
    const isAwaited = completed !== undefined && this.corruption === undefined;
    const unended = isAwaited ? { next: completed.seq + 1, isSeal: completed.sealed } : undefined;
    const { wrapped } = scan;
    scan.pause();
    const { resume, chain } = scan;
    const link = chain.link ?? this.before?.link;
    const tip = link === undefined ? undefined : this.tip;
    return { resume, end, unterminated, unended, wrapped, anchor: scan.anchor, sealed: chain.sealed, tip };
  }

  landed(_group: WrittenGroup, _end: number): FeedState {
    throw new WalError('ERR_WAL_READ_ONLY', 'A reader writes nothing.');
  }

  /** Judges the lines at the end, although their verdicts are provisional. */
  protected finish(): { end: number; unterminated: number } {
    this.scan.finish();
    return { end: this.scan.end, unterminated: this.scan.unterminated };
  }

  /** An accepted line. `bytes[start, end)` is the line without its newline, valid until the call returns. */
  accepted(_line: Envelope, _bytes: Buffer, _start: number, _end: number, _offset: number): void {}

  passedOver(_verdict: 'superseded' | 'stranded', _line: Envelope, _offset: number, _length: number): void {}

  invalidLine(_misfit: InvalidLine, _offset: number, _length: number): void {}
}
