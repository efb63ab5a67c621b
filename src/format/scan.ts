import { isAscii } from 'node:buffer';
import type { DamageCause } from '../errors/damage.ts';
import { Chain, type Doubt, type Missing, type Tip } from './chain.ts';
import { type Envelope, MAX_LINE_BYTES, NEWLINE, readAny, readEnvelope, readPlain } from './line.ts';
import { LineBeginnings } from './line-beginnings.ts';
import { piecesIn } from './shared-line.ts';
import { type InvalidLine, judgeInvalidLine, TOO_LONG, TORN } from './verdict.ts';
import { holdsCarriageReturns, isWrapped, trimmed } from './within.ts';

/** Receives lines as they are judged. `bytes` may be used again once the call returns. */
export interface ScanVisitor {
  accepted?(line: Envelope, bytes: Buffer, start: number, end: number, offset: number): void;
  /** A crc-valid line that does not count. */
  passedOver?(verdict: 'superseded' | 'stranded', line: Envelope, offset: number, length: number): void;
  /** A line that is not crc-valid. Until a crc-valid one follows it, it is provisional, and told again when read again. */
  invalidLine?(invalidLine: InvalidLine, offset: number, length: number): void;
}

/** A crc-valid line at a segment's end that has no newline yet. */
export interface UnendedLine {
  readonly line: Envelope;
  /** What the chain says of the line once its newline is there, and the chain after that. */
  readonly verdict: 'accepted' | 'superseded' | 'stranded';
  readonly chain: Chain;
  readonly offset: number;
  readonly length: number;
}

/** Where a line is, and its crc. */
export interface Anchor {
  readonly offset: number;
  readonly crc: string;
}

const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const SPACE = 0x20;
const NOTHING = Buffer.alloc(0);
/** A longer line than this is seldom followed by another: its memory is not kept. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Reads one segment's bytes as they come, in pieces of any size, and runs the chain over its lines.
 *
 * What lies after the last crc-valid line is provisional (a writer may be in the middle of it, and a page may still be
 * on its way): `pause` forgets it, and reading goes on from `resume`.
 */
export class SegmentScan {
  /** The chain through the last crc-valid line. */
  chain: Chain;
  /** Offset after the last crc-valid line. */
  resume = 0;
  /** Where the last accepted line is, and its crc. */
  anchor: Anchor | undefined = undefined;
  /** Whether a repair was accepted, which settles what is missing before this segment. */
  repaired = false;
  /** The chain as it is if the lines after `resume` are as they look now; undefined where there are none. */
  #provisional: Chain | undefined;
  readonly #visitor: ScanVisitor;
  /** Holds the line that has no newline yet, unless that is too long to be one. It is used again: memory that is new costs more than what is read. */
  #carry = NOTHING;
  /** So many bytes the line has. */
  #carried = 0;
  readonly #beginnings = new LineBeginnings();
  /** Offset of the first byte not yet part of a judged line. */
  #offset = 0;
  /** Lines judged up to `#offset`, and up to `#resume`; not a number where some were written here. */
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

  /** Number of the line judged last, from 1; undefined where lines were gone past without counting them. */
  get lineNumber(): number | undefined {
    return Number.isNaN(this.#lines) ? undefined : this.#lines;
  }

  /** What stops reading here, the provisional tail included. */
  get corruption(): Missing | Doubt | undefined {
    return this.ending.corruption;
  }

  /** The chain as it is at the end of what was pushed, if the lines after `resume` are as they look now. */
  get ending(): Chain {
    const chain = this.#provisional ?? this.chain;
    if (!this.#lacksNewlines(chain)) return chain;
    const doubtful = chain.fork();
    const line = this.lineNumber === undefined ? undefined : this.lineNumber + 1;
    doubtful.suspect('missing-newlines', { offset: this.#offset, length: this.#carried, line });
    return doubtful;
  }

  /**
   * Whether the bytes after the last newline hold a line that would count, and more after that: to end them as torn would bury it.
   * Zeros there are what a crash leaves. `wrapped` tells of one line with white space around it, and of lines that end in carriage returns.
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

  /** The bytes after the last newline, where they are a crc-valid line that lacks only its own. */
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

  /** What damages the bytes after the last newline, where they are a crc-valid line with something around it that no writer puts there. */
  get wrapped(): DamageCause | undefined {
    if (this.#carried === 0) return undefined;
    const bytes = this.#pending;
    const last = bytes[bytes.length - 1] ?? 0;
    // A line that a writer is in the middle of: it begins so, and seldom ends in one of those.
    if (bytes[0] === OPENING_BRACE && last > SPACE) return undefined;
    return isWrapped(bytes) || holdsCarriageReturns(bytes)
      ? judgeInvalidLine(bytes, 0, bytes.length).cause
      : undefined;
  }

  /** The bytes after the last newline; none of a line too long to be one. They are used again by what is pushed next. */
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
    // Of a line too long to be one, only the length is of use.
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
      // An empty line changes nothing.
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

  /** Forgets what came after `resume`; the next bytes pushed must be those at that offset. */
  pause(): void {
    this.#provisional = undefined;
    this.#carried = 0;
    this.#offset = this.resume;
    this.#lines = this.#resumeLines;
    this.#beginnings.forgetProvisional();
  }

  /** Takes the provisional lines at the end as they are. */
  finish(): void {
    if (this.#provisional === undefined) return;
    this.chain = this.#provisional;
    this.#beginnings.keepProvisional();
    this.#provisional = undefined;
  }

  /**
   * Accepts lines without reading them: they were written here, and nothing came between. The last is the one at `anchor`; they end at
   * `end` and leave `tip`. `before`: the crc of the line that the segment's first line follows, in case that is among them.
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
