import { crcOf } from '../../src/format/crc.ts';
import { COVERED_OFFSET, type Envelope, LINE_START } from '../../src/format/line.ts';
import { readEnvelope, readMisdated } from '../../src/format/read-line.ts';
import { type LogRecord, recordsOf, recordsOfBody } from '../../src/format/record.ts';

/** What a line, newline and all, says of itself; undefined where it is no line of a log. */
export function envelopeOf(line: Buffer): Envelope | undefined {
  return line.at(-1) === 0x0a ? readEnvelope(line, 0, line.length - 1) : undefined;
}

/** A line, newline and all, with the crc that its bytes have. */
export function withRightCrc(line: Buffer): Buffer {
  const covered = line.subarray(COVERED_OFFSET, line.at(-1) === 0x0a ? -1 : undefined);
  return Buffer.concat([Buffer.from(`${LINE_START}${crcOf(covered)}",`), covered, Buffer.from('\n')]);
}

/** A record as text, under whatever number and of whatever date: past damage it may get others. */
export function undatedText(record: LogRecord): string {
  return textOf({ ...record, seq: 0, ts: 0 });
}

/**
 * The records that a reader may give for such a line, as text, also under other numbers and dates; none where it is no line of
 * a log, or not JSON. A line that is of no date is read past damage alone.
 */
export function recordTexts(line: Buffer): string[] {
  const envelope = envelopeOf(line);
  const length = line.length - 1;
  try {
    if (envelope !== undefined) {
      const records = recordsOf(envelope, line, 0, length);
      return records.flatMap((record) => [textOf(record), undatedText(record)]);
    }
    const misdated = line.at(-1) === 0x0a ? readMisdated(line, 0, length) : undefined;
    if (misdated === undefined) return [];
    const body = line.toString('utf8', COVERED_OFFSET, line.lastIndexOf(',"prev":"'));
    return recordsOfBody(body, misdated, 0).map(undatedText);
  } catch {
    return [];
  }
}

/** What JSON made, as text; however deep it is. */
export function textOf(value: unknown): string {
  const parts: string[] = [];
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== 'object' || next === null) parts.push(JSON.stringify(next) ?? 'undefined');
    else {
      const entries = Object.entries(next).sort(([a], [b]) => (a < b ? -1 : 1));
      parts.push(Array.isArray(next) ? '[' : '{', String(entries.length));
      for (const [name, inner] of entries) {
        parts.push(JSON.stringify(name));
        left.push(inner);
      }
    }
  }
  return parts.join(' ');
}
