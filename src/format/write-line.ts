import { WalError } from '../errors/errors.ts';
import { crc32 } from './crc.ts';
import { COVERED_OFFSET, LINE_START, MAX_LINE_BYTES, NEWLINE } from './line.ts';

/** The fields that the log adds to an entry to make a line. */
export interface Placement {
  readonly prev: string;
  readonly seq: number;
  readonly synced: number;
  readonly ts: number;
  readonly writer: string;
  /** Set by `writeLine`. */
  crc: string;
}

/**
 * Writes a line with its newline into `target` at `offset`, sets the crc in `place`, and returns the offset after the
 * line. `body` is the line's fields from `data` to `op`, as canonical JSON without braces; `count` is the number of its
 * entries. `target` must have room for the body and `ENVELOPE_BYTES`. Throws if no reader would accept the line,
 * because readers would reject all lines that follow it, too.
 */
export function writeLine(target: Buffer, offset: number, body: string, place: Placement, count = 1): number {
  const { seq, synced, ts } = place;
  const areWhole =
    Number.isSafeInteger(seq + count) && Number.isSafeInteger(synced) && Number.isSafeInteger(ts);
  if (!areWhole || synced < 0 || seq <= synced) throw unacceptable(place);
  const tail = `,"prev":"${place.prev}","seq":${place.seq},"synced":${place.synced},"ts":${place.ts},"writer":"${place.writer}"}`;
  const start = offset + COVERED_OFFSET;
  let end = start;
  if (body.length < LONG_BODY) end += target.write(body + tail, start);
  else {
    // Joining them would copy the body once more.
    end += target.write(body, start);
    end += target.write(tail, end, 'latin1');
  }
  if (end - offset > MAX_LINE_BYTES) throw unacceptable(place);
  place.crc = crc32(target.subarray(start, end)).toString(16).padStart(8, '0');
  target.write(`${LINE_START}${place.crc}",`, offset, 'latin1');
  target[end] = NEWLINE;
  return end + 1;
}

function unacceptable({ seq, synced, ts }: Placement): WalError {
  const message = `The line of entry ${seq} was not written: no reader would accept its seq, its synced ${synced} or its ts ${ts}, or it is longer than ${MAX_LINE_BYTES} bytes.`;
  return new WalError('ERR_WAL_ENTRY', message, { outcome: 'not-written' });
}

/** A body of at least this many characters is written separately from its tail. */
const LONG_BODY = 16 * 1024;
