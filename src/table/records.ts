import { WalError } from '../errors/errors.ts';
import type { Envelope } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import { readEnvelope } from '../format/read-line.ts';
import { type LogRecord, recordsOf } from '../format/record.ts';
import { freezeParsed } from './freeze.ts';

/**
 * The records of an accepted line, frozen. `envelope`: the line's, if it was parsed already. Throws ERR_WAL_CORRUPT if the
 * line's data is not JSON (a foreign writer).
 */
export function recordsIn(
  bytes: Buffer,
  start: number,
  end: number,
  segment: number,
  envelope?: Envelope,
): LogRecord[] {
  const line = envelope ?? (readEnvelope(bytes, start, end) as Envelope);
  try {
    return freezeParsed(recordsOf(line, bytes, start, end));
  } catch (error) {
    const { seq } = line;
    const name = segmentName(segment);
    throw new WalError(
      'ERR_WAL_CORRUPT',
      `Entry ${seq} (${name}) has a valid checksum but is not JSON: it was not written by this package.`,
      { segment: name, seq, cause: error },
    );
  }
}
