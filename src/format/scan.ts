import { isAscii } from 'node:buffer';
import type { DamageCause } from '../errors/damage.ts';
import { Chain, type Doubt, type Missing, type Tip } from './chain.ts';
import { type Envelope, MAX_LINE_BYTES, NEWLINE } from './line.ts';
import { LineBeginnings } from './line-beginnings.ts';
import { readAny, readEnvelope, readPlain } from './read-line.ts';
import { piecesIn } from './shared-line.ts';
import { type InvalidLine, judgeInvalidLine, TOO_LONG, TORN } from './verdict.ts';
import { holdsCarriageReturns, isWrapped, trimmed } from './within.ts';

/** Receives lines as they are judged. The memory of `bytes` may be reused once the call returns. */
export interface ScanVisitor {
  accepted?(line: Envelope, bytes: Buffer, start: number, end: number, offset: number): void;
  /** A crc-valid line that does not count. */
  passedOver?(verdict: 'superseded' | 'stranded', line: Envelope, offset: number, length: number): void;
  /**
   * A line that is not crc-valid. Until a crc-valid line follows, the line is provisional, and is reported again when
   * it is read again.
   */
  invalidLine?(invalidLine: InvalidLine, offset: number, length: number): void;
}

/** A crc-valid line at a segment's end without its newline. */
export interface UnendedLine {
  readonly line: Envelope;
  /** The line's verdict once it has its newline, and the chain after that. */
  readonly verdict: 'accepted' | 'superseded' | 'stranded';
  readonly chain: Chain;
  readonly offset: number;
  readonly length: number;
}

/** The offset of a line, and its crc. */
export interface Anchor {
  readonly offset: number;
  readonly crc: string;
}

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const SPACE = 0x20;
const NOTHING = Buffer.alloc(0);
/** The buffer of a longer line is not kept: such lines rarely follow one another. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Reads one segment's bytes in pieces of any size, and runs the chain over its lines.
 *
 * The bytes after the last crc-valid line are provisional: a writer may be in the middle of them, and a page may still
 * arrive. `pause` forgets them, and reading continues from `resume`.
 */
export class SegmentScan {
  /** The chain through the last crc-valid line. */
  chain: Chain;
  /** Offset after the last crc-valid line. */
  resume = 0;
  /** The offset and crc of the last accepted line. */
  anchor: Anchor | undefined = undefined;
  /** Whether a repair was accepted, which settles entries missing before this segment. */
  repaired = false;
  /** The chain if the lines after `resume` stay as they look now; undefined if there are none. */
  #provisional: Chain | undefined;
  readonly #visitor: ScanVisitor;
  /**
   * Holds the line without a newline yet, unless it is too long to be a line. The buffer is reused, because allocating
   * one costs more than reading into it.
   */
  #carry = NOTHING;
  /** Bytes of that line. */
  #carried = 0;
  readonly #beginnings = new LineBeginnings();
  /** Offset of the first byte not yet part of a judged line. */
  #offset = 0;
  /** Lines judged up to `#offset`, and up to `resume`; NaN if `advance` skipped some without counting them. */
  #lines = 0;
  #resumeLines = 0;

  constructor(firstSeq: number, visitor: ScanVisitor = {}) {
    this.chain = new Chain(firstSeq);
    this.#visitor = visitor;
  }

  /** Offset after the last byte pushed. */
  get end(): number {
    return this.#offset + this.#carried;
  }

  /** Bytes after the last newline. */
  get unterminated(): number {
    return this.#carried;
  }

  /** Number of the line judged last, from 1; undefined if lines were skipped without counting them. */
  get lineNumber(): number | undefined {
    return Number.isNaN(this.#lines) ? undefined : this.#lines;
  }

  /** What stops reading here, including the provisional lines. */
  get corruption(): Missing | Doubt | undefined {
    return this.ending.corruption;
  }

  /** The chain at the end of the bytes pushed, if the lines after `resume` stay as they look now. */
  get ending(): Chain {
    const chain = this.#provisional ?? this.chain;
    if (!this.#lacksNewlines(chain)) return chain;
    const doubtful = chain.fork();
    const line = this.lineNumber === undefined ? undefined : this.lineNumber + 1;
    doubtful.suspect('missing-newlines', { offset: this.#offset, length: this.#carried, line });
    return doubtful;
  }

  /**
   * Whether the bytes after the last newline contain a line that would count, and more after it: to end them as a torn
   * line would bury that line. False if they contain zeros, which a crash leaves. False for a single line with white
   * space around it and for lines that end in carriage returns: `wrapped` reports these.
   */
  #lacksNewlines(chain: Chain): boolean {
    if (this.#carried === 0) return false;
    const bytes = this.#pending;
    if (bytes.includes(0) || holdsCarriageReturns(bytes)) return false;
    const inner = trimmed(bytes);
    return piecesIn(inner).some(
      ({ line, at, length }) => at + length < inner.length && chain.fork().judge(line, at) === 'accepted',
    );
  }

  /** The bytes after the last newline, if they are a crc-valid line that lacks only its own newline. */
  get unended(): UnendedLine | undefined {
    if (this.#carried === 0) return undefined;
    const bytes = this.#pending;
    if (bytes[bytes.length - 1] !== CLOSING_BRACE) return undefined;
    const line = readEnvelope(bytes, 0, bytes.length);
    if (line === undefined) return undefined;
    const chain = (this.#provisional ?? this.chain).fork();
    return {
      line,
      verdict: chain.judge(line, this.#offset),
      chain,
      offset: this.#offset,
      length: bytes.length,
    };
  }

  /**
   * What damages the bytes after the last newline, if they are a crc-valid line inside something that no writer puts
   * around it.
   */
  get wrapped(): DamageCause | undefined {
    if (this.#carried === 0) return undefined;
    const bytes = this.#pending;
    const last = bytes[bytes.length - 1] ?? 0;
    // A line that a writer is in the middle of begins so, and rarely ends in white space or a control character.
    if (bytes[0] === OPENING_BRACE && last > SPACE) return undefined;
    return isWrapped(bytes) || holdsCarriageReturns(bytes)
      ? judgeInvalidLine(bytes, 0, bytes.length).cause
      : undefined;
  }

  /** The bytes after the last newline; empty if they are too long to be a line. The next push reuses their memory. */
  get #pending(): Buffer {
    return this.#carried > MAX_LINE_BYTES ? NOTHING : this.#carry.subarray(0, this.#carried);
  }

  push(bytes: Buffer): void {
    let from = 0;
    if (this.#carried > 0) {
      const newline = bytes.indexOf(NEWLINE);
      this.#carryOn(newline < 0 ? bytes : bytes.subarray(0, newline));
      if (newline < 0) return;
      const line = this.#pending;
      const length = this.#carried;
      this.#carried = 0;
      if (length > MAX_LINE_BYTES) this.#invalidLine(TOO_LONG, length);
      else this.#line(line, 0, length, isAscii(line));
      if (this.#carry.length > MOST_KEPT_BYTES) this.#carry = NOTHING;
      from = newline + 1;
    }
    const ascii = isAscii(bytes);
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, from);
      if (newline < 0) break;
      this.#line(bytes, from, newline, ascii);
      from = newline + 1;
    }
    if (from < bytes.length) this.#carryOn(bytes.subarray(from));
  }

  #carryOn(bytes: Buffer): void {
    const length = this.#carried + bytes.length;
    // Of bytes too long to be a line, only the length matters.
    if (length > MAX_LINE_BYTES) this.#carry = NOTHING;
    else {
      if (length > this.#carry.length) {
        const before = this.#pending;
        this.#carry = Buffer.allocUnsafeSlow(Math.max(length, Math.min(2 * before.length, MAX_LINE_BYTES)));
        before.copy(this.#carry);
      }
      bytes.copy(this.#carry, this.#carried);
    }
    this.#carried = length;
  }

  #line(bytes: Buffer, start: number, end: number, ascii: boolean): void {
    if (start === end) {
      // An empty line is ignored.
      this.#lines++;
      this.#offset++;
      return;
    }
    const line = readPlain(bytes, start, end, ascii) ?? readAny(bytes, start, end);
    if (line === undefined) {
      this.#invalidLine(this.#judgeInvalidLine(bytes, start, end), end - start);
      return;
    }
    if (this.#provisional !== undefined) this.finish();
    const offset = this.#offset;
    this.#offset += end - start + 1;
    this.resume = this.#offset;
    this.#resumeLines = ++this.#lines;
    const verdict = this.chain.judge(line, offset);
    if (verdict === 'accepted') {
      this.anchor = { offset, crc: line.crc };
      if (line.repair) this.repaired = true;
      this.#visitor.accepted?.(line, bytes, start, end, offset);
    } else this.#visitor.passedOver?.(verdict, line, offset, end - start);
  }

  #judgeInvalidLine(bytes: Buffer, start: number, end: number): InvalidLine {
    if (this.#beginnings.hasRest(bytes.subarray(start, end))) return TORN;
    const invalidLine = judgeInvalidLine(bytes, start, end);
    if (invalidLine.cut !== undefined && bytes[start] === OPENING_BRACE)
      this.#beginnings.note(bytes.subarray(start, start + invalidLine.cut));
    return invalidLine;
  }

  #invalidLine(invalidLine: InvalidLine, length: number): void {
    const { cause, evidence } = invalidLine;
    this.#lines++;
    this.#provisional ??= this.chain.fork();
    if (cause !== undefined)
      this.#provisional.suspect(cause, { offset: this.#offset, length, line: this.lineNumber });
    if (evidence !== undefined) this.#provisional.observeSynced(evidence, this.#offset);
    this.#visitor.invalidLine?.(invalidLine, this.#offset, length);
    this.#offset += length + 1;
  }

  /** Forgets the bytes after `resume`; the next bytes pushed must be those at that offset. */
  pause(): void {
    this.#provisional = undefined;
    this.#carried = 0;
    this.#offset = this.resume;
    this.#lines = this.#resumeLines;
    this.#beginnings.forgetProvisional();
  }

  /** Makes the provisional lines at the end final. */
  finish(): void {
    if (this.#provisional === undefined) return;
    this.chain = this.#provisional;
    this.#beginnings.keepProvisional();
    this.#provisional = undefined;
  }

  /**
   * Accepts lines without reading them: this process wrote them, and nothing came between. The last is the one at
   * `anchor`; they end at `end` and lead to `tip`. `before`: the crc of the line that the segment's first line follows,
   * in case that line is among them.
   */
  advance(before: string, tip: Tip, sealed: boolean, anchor: Anchor, end: number): void {
    if (this.#provisional !== undefined || this.#carried > 0) this.pause();
    this.chain.advance(before, tip, sealed);
    this.anchor = anchor;
    this.#offset = end;
    this.resume = end;
    this.#lines = Number.NaN;
    this.#resumeLines = Number.NaN;
  }
}
