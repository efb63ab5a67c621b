import { crc32, hex8, SuffixCrcs } from './crc.ts';
import {
  COVERED_OFFSET,
  CRC_LENGTH,
  CRC_OFFSET,
  claimedCrc,
  type Envelope,
  LINE_START_BYTES,
  MAX_LINE_BYTES,
  rightCrc,
} from './line.ts';
import { readBody } from './line-body.ts';

const TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":(0|-?[1-9][0-9]{0,15}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;

/** The most bytes that TAIL can match. */
const TAIL_BYTES = 144;

/** Like TAIL, with any value as `ts`. */
const MISDATED_TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":([^"]{0,128}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;

const MISDATED_TAIL_BYTES = TAIL_BYTES + 128;

/**
 * Reads the envelope of the line `bytes[start, end)`, which is without its newline. Returns undefined unless the line
 * is crc-valid: its length is within the limit, its crc is right, and its envelope matches the grammar exactly. The
 * data is not examined: it may be large, and need not have been written by this package.
 */
export function readEnvelope(bytes: Buffer, start: number, end: number): Envelope | undefined {
  return readPlain(bytes, start, end, false) ?? readAny(bytes, start, end);
}

/** Like `readEnvelope`, but without trying `readPlain` first: reads any line field by field. */
export function readAny(bytes: Buffer, start: number, end: number): Envelope | undefined {
  if (end - start > MAX_LINE_BYTES) return undefined;
  const crc = rightCrc(bytes, start, end);
  return crc < 0 ? undefined : parseEnvelope(bytes, start, end, crc);
}

/** Longer lines are left to `readAny`. */
const PLAIN_BYTES = 64 * 1024;

/** The beginning of most lines. */
const PLAIN_START = /^\{"crc":"[0-9a-f]{8}",(?:"data":|"id":")/;

const PLAIN_DATA_OFFSET = COVERED_OFFSET + '"data":'.length;

/** The end of most lines: no key, id and op in printable ASCII without escapes, and numbers that a double holds. */
const PLAIN_END =
  /,"id":"([ !#-[\]-~]*)","op":"((?!wal\.)[ !#-[\]-~]*)","prev":"([0-9a-f]{8})","seq":([1-9][0-9]{0,14}),"synced":(0|[1-9][0-9]{0,14}),"ts":(0|-?[1-9][0-9]{0,14}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;

/** Bytes at the end of a line in which PLAIN_END is looked for; ids and ops too long for them are rare. */
const PLAIN_END_BYTES = 192;

/**
 * Reads the envelope of a line of the most common form, in few calls. Its answer is that of `readAny`, or undefined for
 * a line of another form. `isAscii`: whether all bytes of the line are known to be ASCII; if so, the data is already
 * text.
 */
export function readPlain(bytes: Buffer, start: number, end: number, isAscii: boolean): Envelope | undefined {
  const length = end - start;
  if (length > PLAIN_BYTES) return undefined;
  const text = bytes.toString('latin1', start, end);
  if (!PLAIN_START.test(text)) return undefined;
  // From the comma before the body on: a line without data begins with its id.
  const tailAt = Math.max(COVERED_OFFSET - 1, length - PLAIN_END_BYTES);
  const tail = PLAIN_END.exec(text.slice(tailAt));
  if (tail === null) return undefined;
  const seq = Number(tail[4]);
  const synced = Number(tail[5]);
  if (seq <= synced) return undefined;
  const idAt = tailAt + tail.index + 1;
  const hasData = text[COVERED_OFFSET + 1] === 'd';
  if (hasData ? idAt <= PLAIN_DATA_OFFSET + 1 : idAt !== COVERED_OFFSET) return undefined;
  const crc = text.slice(CRC_OFFSET, CRC_OFFSET + CRC_LENGTH);
  if (crc32(bytes.subarray(start + COVERED_OFFSET, end)) !== Number.parseInt(crc, 16)) return undefined;
  return {
    crc,
    prev: tail[3] as string,
    seq,
    count: 1,
    batch: false,
    synced,
    ts: Number(tail[6]),
    writer: tail[7] as string,
    key: undefined,
    sum: 0,
    idAt,
    id: tail[1] as string,
    op: tail[2] as string,
    data: hasData && isAscii ? text.slice(PLAIN_DATA_OFFSET, idAt - 1) : undefined,
    entries: undefined,
    repair: false,
    keyWindow: undefined,
    keys: undefined,
    fold: undefined,
  };
}

/**
 * Reads the envelope of a line whose crc is right and whose only fault is a `ts` that is not a whole number: a writer
 * whose clock returned such a value left it. No reader accepts the line; a salvage keeps its entries. The `ts` returned
 * is NaN if the line's `ts` is not a date.
 */
export function readMisdated(bytes: Buffer, start: number, end: number): Envelope | undefined {
  const crc = rightCrc(bytes, start, end);
  if (crc < 0) return undefined;
  const tailStart = Math.max(start + COVERED_OFFSET, end - MISDATED_TAIL_BYTES);
  const match = MISDATED_TAIL.exec(bytes.toString('latin1', tailStart, end));
  if (match === null) return undefined;
  const line = envelopeOf(bytes, start, tailStart + match.index, match, crc);
  const text = match[4] as string;
  const date = Math.floor(text === '' || Number.isNaN(Number(text)) ? Date.parse(text) : Number(text));
  return line && { ...line, ts: Number.isSafeInteger(date) ? date + 0 : Number.NaN };
}

function parseEnvelope(bytes: Buffer, start: number, end: number, crc: number): Envelope | undefined {
  const tailStart = Math.max(start + COVERED_OFFSET, end - TAIL_BYTES);
  const match = TAIL.exec(bytes.toString('latin1', tailStart, end));
  if (match === null || !Number.isSafeInteger(Number(match[4]))) return undefined;
  return envelopeOf(bytes, start, tailStart + match.index, match, crc);
}

/** The envelope of a line whose body ends at `bodyEnd`; `tail` is the match of what follows. */
function envelopeOf(
  bytes: Buffer,
  start: number,
  bodyEnd: number,
  tail: RegExpExecArray,
  crc: number,
): Envelope | undefined {
  const [, prev, seqText, syncedText, tsText, writer] = tail as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const seq = Number(seqText);
  const synced = Number(syncedText);
  if (!Number.isSafeInteger(seq)) return undefined;
  // A writer cannot know of entries after its own. This check also ensures that seq is at least 1.
  if (synced >= seq) return undefined;
  const body = readBody(bytes, start + COVERED_OFFSET, bodyEnd);
  if (body === undefined || seq + body.count > Number.MAX_SAFE_INTEGER) return undefined;
  const { count, batch, key, sum, idAt, entries, repair, keyWindow, keys, fold } = body;
  const ts = Number(tsText);
  const text = hex8(crc);
  // The order of the fields is the same everywhere: code that reads lines is faster if all have one shape.
  return {
    crc: text,
    prev,
    seq,
    count,
    batch,
    synced,
    ts,
    writer,
    key,
    sum,
    idAt,
    id: undefined,
    op: undefined,
    data: undefined,
    entries,
    repair,
    keyWindow,
    keys,
    fold,
  };
}

/**
 * The crc-valid line glued to the end of a fragment, if there is one: a writer that did not see the torn end appended
 * its line directly after it. Only the first place whose crc is right is considered, so that the time is bounded for
 * any bytes.
 */
export function lineAtEndOf(fragment: Buffer): { readonly line: Envelope; readonly at: number } | undefined {
  const end = fragment.length;
  // A fragment that does not end like a line has no line glued to its end.
  if (!TAIL.test(fragment.toString('latin1', end - TAIL_BYTES))) return undefined;
  let crcs: SuffixCrcs | undefined;
  for (let at = 1; ; at++) {
    at = fragment.indexOf(LINE_START_BYTES, at);
    if (at < 0) return undefined;
    const claimed = claimedCrc(fragment, at, end);
    if (claimed < 0) continue;
    crcs ??= new SuffixCrcs(fragment);
    if (!crcs.isRight(at + COVERED_OFFSET, claimed)) continue;
    const line = parseEnvelope(fragment, at, end, claimed);
    return line && { line, at };
  }
}
