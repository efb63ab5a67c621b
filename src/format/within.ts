import { canonicalOfParsed } from './canonical.ts';
import { LINE_START } from './line.ts';
import { readEnvelope } from './read-line.ts';

/*
 * An editor, a checkout or a copy may change all lines of a file without changing what they say: line ends, a
 * byte-order mark, white space around lines, UTF-16. So may a script or a formatter, which writes the same JSON in
 * another way. The chain calls such lines damaged; a salvage takes them as they were.
 */

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** Detects UTF-16 by the beginning of a file: a byte-order mark, or the first two characters of every file of a log. */
export function encodingOf(beginning: Buffer): Encoding {
  const start = beginning.toString('latin1', 0, 4);
  if (start.startsWith('\xff\xfe') || start === '{\0"\0') return 'utf-16le';
  if (start.startsWith('\xfe\xff') || start === '\0{\0"') return 'utf-16be';
  return 'utf-8';
}

/** Converts a text to UTF-8. */
export function toUtf8(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'utf-8') return bytes;
  const even = bytes.subarray(0, bytes.length - (bytes.length % 2));
  const units = encoding === 'utf-16le' ? even : Buffer.from(even).swap16();
  return Buffer.from(units.toString('utf16le'));
}

const UNIT_NEWLINES = { 'utf-16le': Buffer.from([0x0a, 0]), 'utf-16be': Buffer.from([0, 0x0a]) } as const;

/** The offset of the next newline of a UTF-16 text, at a multiple of two bytes; -1 if there is none. */
export function unitNewline(bytes: Buffer, from: number, encoding: Exclude<Encoding, 'utf-8'>): number {
  for (let at = from; ; at++) {
    at = bytes.indexOf(UNIT_NEWLINES[encoding], at);
    if (at < 0 || at % 2 === 0) return at;
  }
}

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const isBlank = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0d;

/**
 * The line without byte-order marks, spaces, tabs and carriage returns around it: no line of a log begins or ends with
 * one.
 */
export function trimmed(line: Buffer): Buffer {
  let [start, end] = [0, line.length];
  for (;;) {
    if (line.subarray(start, start + BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK))
      start += BYTE_ORDER_MARK.length;
    else if (start < end && isBlank(line[start])) start++;
    else break;
  }
  while (end > start && isBlank(line[end - 1])) end--;
  return line.subarray(start, end);
}

/** The line with that crc inside the bytes around it. */
export function lineWithin(
  bytes: Buffer,
  { encoding, glued, crc }: { readonly encoding: Encoding; readonly glued: boolean; readonly crc: string },
): Buffer {
  const line = trimmed(toUtf8(bytes, encoding));
  if (glued) return line.subarray(line.lastIndexOf(`${LINE_START}${crc}"`));
  return readEnvelope(line, 0, line.length) === undefined ? (rewritten(line) ?? line) : line;
}

/**
 * A line whose JSON is written again as a log's writer writes it; undefined if the line is not JSON. The checksum is
 * not checked.
 */
export function rewritten(line: Buffer): Buffer | undefined {
  try {
    const { crc, ...covered } = JSON.parse(line.toString());
    return Buffer.from(`{"crc":${JSON.stringify(crc)},${canonicalOfParsed(covered).slice(1)}`);
  } catch {
    return undefined;
  }
}

/** Whether the bytes are one crc-valid line with something around it. */
export function isWrapped(bytes: Buffer): boolean {
  const line = trimmed(toUtf8(bytes, encodingOf(bytes)));
  return line.length < bytes.length && readEnvelope(line, 0, line.length) !== undefined;
}

/** Whether the bytes are lines that end in carriage returns alone, the first of them crc-valid. */
export function holdsCarriageReturns(bytes: Buffer): boolean {
  const end = bytes.indexOf(0x0d);
  return end > 0 && bytes.at(-1) === 0x0d && readEnvelope(bytes, 0, end) !== undefined;
}
