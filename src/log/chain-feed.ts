import { WalError } from '../errors/errors.ts';
import type { Chain, Doubt, Head, Missing, Tip } from '../format/chain.ts';
import { type Envelope, GENESIS_CRC } from '../format/line.ts';
import { SegmentScan, type UnendedLine } from '../format/scan.ts';
import type { Misfit } from '../format/verdict.ts';
import type { Before, FeedState, LineFeed } from '../store/store.ts';
import { foreignSegmentError, troubleError } from './trouble.ts';

/** Runs the chain over all that a store feeds, segment after segment; what is done with the lines is a subclass's. */
export class ChainFeed implements LineFeed {
  #scan = this.#scanOf(1);
  /** What lies before the segment, where it is known. */
  #before: Before | undefined = { link: GENESIS_CRC, crc: GENESIS_CRC };
  #anchor: { offset: number; crc: string } | undefined;
  #unterminated = 0;
  #unended: FeedState['unended'];
  #wrapped: FeedState['wrapped'];
  #trouble: WalError | undefined;
  /** Entries missing from a segment before this one, and not settled since. */
  #earlier: WalError | undefined;

  /** The chain of the segment that is being read. */
  protected get chain(): Chain {
    return this.#scan.chain;
  }

  /** First seq of the segment that is being read. */
  get firstSeq(): number {
    return this.chain.firstSeq;
  }

  /** Whether that segment was ended: the next entry goes into another. */
  get isSealed(): boolean {
    return this.chain.sealed;
  }

  /** Bytes of that segment so far. */
  get segmentSize(): number {
    return this.#scan.end;
  }

  /** Number of the line judged last in that segment; undefined where lines were gone past without counting them. */
  protected get lineNumber(): number | undefined {
    return this.#scan.lineNumber;
  }

  get head(): Head {
    return { seq: this.chain.seq, crc: this.chain.crc ?? this.#before?.crc ?? GENESIS_CRC };
  }

  /** The head, and what the next line follows. */
  get tip(): Tip {
    const { seq, crc } = this.head;
    return { seq, crc, link: this.#link ?? GENESIS_CRC };
  }

  get #link(): string | undefined {
    return this.chain.link ?? this.#before?.link;
  }

  /** What stopped the log from being read on, or built on, at the last pause. */
  get trouble(): WalError | undefined {
    return this.#trouble;
  }

  /** The error for what is known to be wrong before the line that is being judged; not for a doubtful end. */
  protected get failureSoFar(): WalError | undefined {
    return this.#earlier ?? this.#missing() ?? this.foreign;
  }

  #missing(): WalError | undefined {
    const { missing, firstSeq } = this.chain;
    return missing && this.errorOf(missing, firstSeq);
  }

  protected errorOf(trouble: Missing | Doubt, firstSeq: number): WalError {
    return troubleError(trouble, firstSeq);
  }

  /** The error for a segment whose first line does not follow what lies before it. */
  protected get foreign(): WalError | undefined {
    return this.#foreignIn(this.chain);
  }

  #foreignIn({ start, firstSeq }: Chain): WalError | undefined {
    const { link } = this.#before ?? {};
    const foreign = link !== undefined && start !== undefined && start !== link;
    return foreign ? foreignSegmentError(firstSeq) : undefined;
  }

  begin(firstSeq: number, before: Before | undefined, replaced: boolean): void {
    this.#earlier = replaced ? undefined : (this.#earlier ?? this.#missing());
    this.#before = before;
    this.#anchor = undefined;
    this.#scan = this.#scanOf(firstSeq);
  }

  #scanOf(firstSeq: number): SegmentScan {
    return new SegmentScan(firstSeq, {
      accepted: (line, bytes, start, end, offset) => {
        this.#anchor = { offset, crc: line.crc };
        if (line.repair) this.#earlier = undefined;
        this.accepted(line, bytes, start, end, offset);
      },
      passedOver: (verdict, line, offset, length) => this.passedOver(verdict, line, offset, length),
      misfit: (misfit, offset, length) => this.misfit(misfit, offset, length),
    });
  }

  push(bytes: Buffer): void {
    this.#scan.push(bytes);
  }

  /** The line at the end of what was pushed, where it lacks only its newline and would count with that. */
  protected get unended(): UnendedLine | undefined {
    const { unended } = this.#scan;
    return unended?.verdict === 'accepted' ? unended : undefined;
  }

  pause(): FeedState {
    const { end, unterminated } = this.#scan;
    // A line that lacks only its newline tells that the log goes on without a damaged one before it.
    const completed = this.unended?.chain;
    const trouble = completed === undefined ? this.#scan.trouble : completed.trouble;
    this.#trouble =
      this.#earlier ??
      (trouble === undefined
        ? this.#foreignIn(completed ?? this.chain)
        : this.errorOf(trouble, this.chain.firstSeq));
    this.#unterminated = unterminated;
    const isAwaited = completed !== undefined && this.#trouble === undefined;
    this.#unended = isAwaited ? { next: completed.seq + 1, isSeal: completed.sealed } : undefined;
    this.#wrapped = this.#scan.wrapped;
    this.#scan.pause();
    return this.state(end);
  }

  landed(_end: number): FeedState {
    throw new WalError('ERR_WAL_READ_ONLY', 'A reader writes nothing.');
  }

  /** Takes the lines of a group, written here, as accepted: the store saw that they landed where they were made for. */
  advance(tip: Tip, offset: number, sealed: boolean): void {
    this.chain.advance(this.tip.link, tip, sealed);
    this.#anchor = { offset, crc: tip.link };
  }

  /** Goes on past lines written here, the last of which ends at `end`. */
  protected skipTo(end: number): FeedState {
    this.#scan.skipTo(end);
    this.#unterminated = 0;
    this.#unended = undefined;
    this.#wrapped = undefined;
    return this.state(end);
  }

  /** Judges the lines at the end, though they are provisional. */
  protected finish(): { end: number; unterminated: number } {
    this.#scan.finish();
    return { end: this.#scan.end, unterminated: this.#scan.unterminated };
  }

  protected state(end: number): FeedState {
    const { chain, resume } = this.#scan;
    return {
      resume,
      end,
      unterminated: this.#unterminated,
      unended: this.#unended,
      wrapped: this.#wrapped,
      anchor: this.#anchor,
      sealed: chain.sealed,
      tip: this.#link === undefined ? undefined : this.tip,
    };
  }

  /** A line that counts. `bytes[start, end)` is the line without its newline, until the call returns. */
  protected accepted(_line: Envelope, _bytes: Buffer, _start: number, _end: number, _offset: number): void {}

  protected passedOver(
    _verdict: 'superseded' | 'stranded',
    _line: Envelope,
    _offset: number,
    _length: number,
  ): void {}

  protected misfit(_misfit: Misfit, _offset: number, _length: number): void {}
}
