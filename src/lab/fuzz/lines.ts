import { crcOf } from '../../format/crc.ts';
import { COVERED_OFFSET, type Envelope, LINE_START, readEnvelope } from '../../format/line.ts';
import { recordsOf } from '../../format/record.ts';

/** What a line, newline and all, says of itself; undefined where it is no line of a log. */
export function envelopeOf(line: Buffer): Envelope | undefined {
  return line.at(-1) === 0x0a ? readEnvelope(line, 0, line.length - 1) : undefined;
}

/** A line, newline and all, with the crc that its bytes have. */
export function withRightCrc(line: Buffer): Buffer {
  const covered = line.subarray(COVERED_OFFSET, line.at(-1) === 0x0a ? -1 : undefined);
  return Buffer.concat([Buffer.from(`${LINE_START}${crcOf(covered)}",`), covered, Buffer.from('\n')]);
}

/** The records that a reader may give for such a line, as text; none where it is no line of a log, or not JSON. */
export function recordTexts(line: Buffer): string[] {
  const envelope = envelopeOf(line);
  if (envelope === undefined) return [];
  try {
    return recordsOf(envelope, line, 0, line.length - 1).map(textOf);
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
