import type { DamageCause } from '../errors/damage.ts';
import { crcIsRight, type Envelope, LINE_START, lineAtEndOf, MAX_LINE_BYTES, readMisdated } from './line.ts';

/** What the chain says of a line. */
export type Verdict = 'accepted' | 'superseded' | 'stranded' | 'pending' | 'torn' | 'damaged';

const TILDE = 0x7e;
const CARRIAGE_RETURN = 0x0d;
const CONFLICT_MARKER = /^(<{7}|={7}|>{7}|\|{7})/;
/** UTF-8, and UTF-16 of both orders: the NULs of the latter are not what a crash leaves. */
const BYTE_ORDER_MARK = /^(\xef\xbb\xbf|\xff\xfe|\xfe\xff)/;
/** A line's beginning in UTF-16, perhaps after half of the newline before it. A crash leaves no NULs that lie so. */
const UTF_16 = /^\0?\{\0"/;
const WHITE_SPACE = /^[ \t]/;

/**
 * What a complete line is that is not crc-valid. `evidence` is the crc-valid line that a glued fragment ends in. `readable` is
 * what a salvage takes a damaged line for.
 */
export interface InvalidLine {
  readonly verdict: 'torn' | 'damaged';
  readonly cause?: DamageCause;
  /** Of a torn line, how many bytes its writer had put down: what another writer ended, or wrote behind it, is not his. */
  readonly cut?: number;
  readonly evidence?: Envelope;
  readonly readable?: Envelope;
}

export const TORN: InvalidLine = { verdict: 'torn' };

/** Tells what a line is, in `bytes[start, end)` without its newline, once it is known not to be crc-valid. */
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

/** Verdict of a line too long to be held: nothing of it but its length was looked at. */
export const TOO_LONG = damaged('too-long');
