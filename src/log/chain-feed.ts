import { WalError } from '../errors/errors.ts';
import type { Chain, Doubt, Head, Missing, Tip } from '../format/chain.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import { type ScanVisitor, SegmentScan, type UnendedLine } from '../format/scan.ts';
import type { InvalidLine } from '../format/verdict.ts';
import type { Before, FeedState, LineFeed, WrittenGroup } from '../store/feed.ts';
import { corruptionError, foreignSegmentError } from './corruption.ts';

/** Runs the chain over all that a store feeds, segment after segment; what is done with the lines is a subclass's. */
export class ChainFeed implements LineFeed, ScanVisitor {
  /** The scan of the segment that is being read, with its chain. */
  protected scan = new SegmentScan(1, this);
  /** What stopped the log from being read on, or built on, at the last pause. */
  corruption: WalError | undefined = undefined;
  /** What lies before the segment, where it is known. */
  protected before: Before | undefined = { link: GENESIS_CRC, crc: GENESIS_CRC };
  /** Entries missing from a segment before this one, and not settled there. */
  #earlier: WalError | undefined;

  /** First seq of the segment that is being read. */
  get firstSeq(): number {
    return this.scan.chain.firstSeq;
  }

  /** Whether that segment was ended: the next entry goes into another. */
  get isSealed(): boolean {
    return this.scan.chain.sealed;
  }

  get head(): Head {
    const { seq, crc } = this.scan.chain;
    return { seq, crc: crc ?? this.before?.crc ?? GENESIS_CRC };
  }

  /** The head, and what the next line follows. */
  get tip(): Tip {
    const { seq, crc, link } = this.scan.chain;
    return {
      seq,
      crc: crc ?? this.before?.crc ?? GENESIS_CRC,
      link: link ?? this.before?.link ?? GENESIS_CRC,
    };
  }

  /** The error for what is known to be wrong before the line that is being judged; not for a doubtful end. */
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

  /** The error for a segment whose first line does not follow what lies before it. */
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

  /** The line at the end of what was pushed, where it lacks only its newline and would count with that. */
  protected get unended(): UnendedLine | undefined {
    const { unended } = this.scan;
    return unended?.verdict === 'accepted' ? unended : undefined;
  }

  pause(): FeedState {
    const { scan } = this;
    const { end, unterminated } = scan;
    // A line that lacks only its newline tells that the log goes on without a damaged one before it.
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

  /** Judges the lines at the end, though they are provisional. */
  protected finish(): { end: number; unterminated: number } {
    this.scan.finish();
    return { end: this.scan.end, unterminated: this.scan.unterminated };
  }

  /** A line that counts. `bytes[start, end)` is the line without its newline, until the call returns. */
  accepted(_line: Envelope, _bytes: Buffer, _start: number, _end: number, _offset: number): void {}

  passedOver(_verdict: 'superseded' | 'stranded', _line: Envelope, _offset: number, _length: number): void {}

  invalidLine(_misfit: InvalidLine, _offset: number, _length: number): void {}
}
