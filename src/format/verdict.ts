import type { DamageCause } from '../errors/damage.ts';
import { crcIsRight, type Envelope, LINE_START, MAX_LINE_BYTES } from './line.ts';
import { lineAtEndOf, readMisdated } from './read-line.ts';

/**
 * What the chain decides about a line. accepted: it counts. superseded: another line took its place. stranded: the line
 * that it follows is missing. pending: it has no newline yet. torn: a crash or an interrupted write left it, which does
 * no harm. damaged: anything else.
 */
export type Verdict = 'accepted' | 'superseded' | 'stranded' | 'pending' | 'torn' | 'damaged';

const TILDE = 0x7e;
const CARRIAGE_RETURN = 0x0d;
const CONFLICT_MARKER = /^(<{7}|={7}|>{7}|\|{7})/;
/** In UTF-8, and in UTF-16 of both byte orders, whose NULs are not what a crash leaves. */
const BYTE_ORDER_MARK = /^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/;
/**
 * A line's beginning in UTF-16, perhaps after half of the newline before it. A crash leaves no NULs in these places.
 */
const UTF_16 = /^\0?\{\0"/;
const WHITE_SPACE = /^[ \t]/;

/**
 * A complete line that is not crc-valid. `evidence` is the crc-valid line glued to the end of a fragment. `readable` is
 * the line as which a salvage takes a damaged one.
 */
export interface InvalidLine {
  readonly verdict: 'torn' | 'damaged';
  readonly cause?: DamageCause;
  /** For a torn line, how many bytes its writer had written; the rest is what another writer put after them. */
  readonly cut?: number;
  readonly evidence?: Envelope;
  readonly readable?: Envelope;
}

export const TORN: InvalidLine = { verdict: 'torn' };

/** Judges a line that is known not to be crc-valid: `bytes[start, end)`, without its newline. */
export function judgeInvalidLine(bytes: Buffer, start: number, end: number): InvalidLine {
  if (end - start > MAX_LINE_BYTES) return damaged('too-long');
  if (end > start && bytes[end - 1] === TILDE) return { ...TORN, cut: end - start - 1 };
  const beginning = bytes.toString('latin1', start, Math.min(end, start + 8));
  if (BYTE_ORDER_MARK.test(beginning)) return damaged('byte-order-mark');
  if (UTF_16.test(beginning)) return damaged('utf-16');
  const line = bytes.subarray(start, end);
  if (line.includes(0)) return TORN;
  const last = bytes.toString('latin1', Math.max(start, end - 1), end);
  if (WHITE_SPACE.test(beginning) || WHITE_SPACE.test(last)) return damaged('white-space');
  const glued = lineAtEndOf(line);
  if (glued !== undefined) return { ...TORN, evidence: glued.line, cut: glued.at };
  if (CONFLICT_MARKER.test(beginning)) return damaged('merge-conflict');
  if (line.at(-1) === CARRIAGE_RETURN) return damaged('carriage-return');
  if (beginning !== LINE_START) return damaged('not-a-record');
  if (!crcIsRight(line, 0, line.length)) return damaged('checksum-mismatch');
  const readable = readMisdated(line, 0, line.length);
  return { ...damaged('not-a-record'), ...(readable && { readable }) };
}

function damaged(cause: DamageCause): InvalidLine {
  return { verdict: 'damaged', cause };
}

/** The verdict of a line that is too long to be held in memory, and of which only the length is known. */
export const TOO_LONG = damaged('too-long');
