import { WalError } from '../errors/errors.ts';
import { sumOfBatch, sumOfSingle } from './content.ts';
import { crc32, hex8, SuffixCrcs } from './crc.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { stringify } from './json.ts';
import { isKeyScope, isKeyWindow, type KeyScope } from './key-scope.ts';

export const NEWLINE = 0x0a;
/** The beginning of every line; the eight hex digits of the crc follow. */
export const LINE_START = '{"crc":"';
/** Offset of the crc's digits in a line. */
export const CRC_OFFSET = LINE_START.length;
export const CRC_LENGTH = 8;
/** Offset of the first byte that the crc covers: after `{"crc":"xxxxxxxx",`. */
export const COVERED_OFFSET = CRC_OFFSET + CRC_LENGTH + 2;
/** A longer line is damaged, whatever it contains. 2^28 bytes, so that any JSON parser can hold a line as a string. */
export const MAX_LINE_BYTES = 2 ** 28;
/** The `prev` of the first line of a log. */
export const GENESIS_CRC = '00000000';
/** An accepted line with this op settles the proofs of missing entries before it. */
export const REPAIR_OP = 'wal.repair';
/** Takes the place of a lost entry in a salvaged log, so that the entries after it keep their numbers. */
export const LOST_OP = 'wal.lost';
/** An accepted line with this op raises the window in which idempotency keys are looked for. */
export const KEYS_OP = 'wal.keys';
/** An accepted line with this op records which fold makes the log's state. */
export const FOLD_OP = 'wal.fold';
export const RESERVED_OP_PREFIX = 'wal.';

/** An entry in a batch's list. */
export interface BatchEntry {
  readonly op: string;
  readonly id: string;
  readonly data?: unknown;
  /** The entry's own `ts`, if it has one. */
  readonly ts?: number;
}

/**
 * The fields of a line, without its data. An envelope keeps alive the text or the entries that were read from its line.
 */
export interface Envelope {
  /** The line's crc, which was checked. */
  readonly crc: string;
  /** The crc of the line that it follows. */
  readonly prev: string;
  /** Number of its first entry; for a seal, of the next entry to come. */
  readonly seq: number;
  /** The number of its entries: 1, that of a batch, or 0 for a seal. */
  readonly count: number;
  /** True for an atomic batch or a seal, whose entries are in a list. */
  readonly batch: boolean;
  /** The highest seq that the line's writer knew to be synced. */
  readonly synced: number;
  readonly ts: number;
  readonly writer: string;
  readonly key: string | undefined;
  /** The checksum of its content if it has a key; else 0. */
  readonly sum: number;
  /** For a single, the offset of its `id` field in the line; its data ends before that. */
  readonly idAt: number;
  /**
   * Set for a single without a key whose id and op are printable ASCII without escapes; otherwise undefined, and they
   * are read from the line's bytes.
   */
  readonly id: string | undefined;
  readonly op: string | undefined;
  /**
   * The JSON text of the data of a single whose line is ASCII and whose `id` is set above; otherwise undefined, and the
   * data is read from the line's bytes.
   */
  readonly data: string | undefined;
  /** For a batch, its entries, which were parsed to count them. */
  readonly entries: readonly BatchEntry[] | undefined;
  /** Whether it is a single with the op `wal.repair`, which settles the proofs of missing entries before it. */
  readonly repair: boolean;
  /** The key window, if the line raises it. */
  readonly keyWindow: number | undefined;
  /** For a seal, the key scope after it, if it has one. */
  readonly keys: KeyScope | undefined;
  /** The fold, if the line records one; for a seal, the fold that the log had before it, if any. */
  readonly fold: FoldIdentity | undefined;
}

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

/** The fields that distinguish writes. */
type Written = Pick<Envelope, 'writer' | 'synced'>;

/**
 * Returns false if the lines are certainly of two writes: all lines of one write have the same writer name and
 * `synced`.
 */
export function isSameWrite(a: Written, b: Written): boolean {
  const session = ({ writer }: Written) => writer.slice(0, writer.indexOf('.'));
  return a.synced === b.synced && session(a) === session(b);
}

/** A body of at least this many characters is written separately from its tail. */
const LONG_BODY = 16 * 1024;
/** The most bytes of a line apart from its body. */
export const ENVELOPE_BYTES = COVERED_OFFSET + 160;

const TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":(0|-?[1-9][0-9]{0,15}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;
/** The most bytes that TAIL can match. */
const TAIL_BYTES = 144;
/** Like TAIL, with any value as `ts`. */
const MISDATED_TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":([^"]{0,128}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;
const MISDATED_TAIL_BYTES = TAIL_BYTES + 128;

const COMMA = 0x2c;
const LINE_START_BYTES = Buffer.from(LINE_START);
const CRC_END_BYTES = Buffer.from('",');

/** Whether `bytes[start, end)` begin like a line and have the crc that they claim. */
export function crcIsRight(bytes: Buffer, start: number, end: number): boolean {
  return rightCrc(bytes, start, end) >= 0;
}

/** Whether the first bytes, up to a newline or `count`, are still exactly the line with that crc. */
export function isLineOf(bytes: Buffer, count: number, crc: string | undefined): boolean {
  const newline = bytes.indexOf(NEWLINE);
  const end = newline < 0 || newline > count ? count : newline;
  return (
    end > COVERED_OFFSET &&
    bytes.toString('latin1', 0, COVERED_OFFSET) === `${LINE_START}${crc}",` &&
    crc32(bytes.subarray(COVERED_OFFSET, end)) === Number.parseInt(crc as string, 16)
  );
}

/** The crc of a line if it is the one that the line claims; else -1. */
function rightCrc(bytes: Buffer, start: number, end: number): number {
  const claimed = claimedCrc(bytes, start, end);
  return claimed >= 0 && claimed === crc32(bytes.subarray(start + COVERED_OFFSET, end)) ? claimed : -1;
}

/** The crc that the line's digits claim, as a number; -1 if the bytes do not begin like a line. */
export function claimedCrc(bytes: Buffer, start: number, end: number): number {
  if (end - start < COVERED_OFFSET || !holds(bytes, start + CRC_OFFSET + CRC_LENGTH, CRC_END_BYTES))
    return -1;
  if (!holds(bytes, start, LINE_START_BYTES)) return -1;
  let crc = 0;
  for (let at = start + CRC_OFFSET; at < start + CRC_OFFSET + CRC_LENGTH; at++) {
    const byte = bytes[at] as number;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
    if (digit < 0) return -1;
    crc = crc * 16 + digit;
  }
  return crc;
}

/**
 * Whether `bytes` has `wanted` at `at`. This runs for every line, and comparing bytes is faster than making strings to
 * compare.
 */
function holds(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

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

type Body = Pick<
  Envelope,
  'count' | 'batch' | 'key' | 'sum' | 'idAt' | 'entries' | 'repair' | 'keyWindow' | 'keys' | 'fold'
>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DATA = Buffer.from('"data":');
const ENTRIES = Buffer.from('"entries":[');
const ID = Buffer.from('"id":"');
const KEY = Buffer.from('"key":"');
const OP = Buffer.from('"op":"');
const REPAIR = Buffer.from(`"op":"${REPAIR_OP}"`);
const RAISE = /^"data":\{"window":(0|[1-9][0-9]{0,7})\},"id":"wal","op":"wal\.keys"$/;
const RECORD = /^"data":(\{"name":".*","version":[1-9][0-9]{0,15}\}),"id":"wal","op":"wal\.fold"$/;
/** The end of both bodies, without the last four letters and the quote. */
const OWN_ID = Buffer.from('"id":"wal","op":"wal.');
const OWN_ID_BYTES = OWN_ID.length + 'keys"'.length;
/** Room for a name of 200 characters, each written as an escape, and the text around it. */
const LONGEST_OWN = 1300;

/** The body of an entry that raises the key window. */
export function raiseText(window: number): string {
  return `"data":{"window":${window}},"id":"wal","op":"${KEYS_OP}"`;
}

/** The body of an entry that records the log's fold. */
export function foldText(fold: FoldIdentity): string {
  return `"data":${foldJson(fold)},"id":"wal","op":"${FOLD_OP}"`;
}

function foldJson({ name, version }: FoldIdentity): string {
  return `{"name":${stringify(name)},"version":${version}}`;
}

/** The fold that an entry with that body records; undefined if it records none. */
export function foldIn(body: string): FoldIdentity | undefined {
  try {
    const fold: unknown = JSON.parse(RECORD.exec(body)?.[1] ?? 'null');
    return isFoldIdentity(fold) && foldText(fold) === body ? fold : undefined;
  } catch {
    return undefined;
  }
}

/** The key window that an entry with that body names; undefined if it is not such an entry. */
export function raisedIn(body: string): number | undefined {
  const window = Number(RAISE.exec(body)?.[1]);
  return isKeyWindow(window) ? window : undefined;
}

/** The body of a seal, which states the key scope and the fold that hold after it. */
export function sealText({ from, window }: KeyScope, fold: FoldIdentity | undefined): string {
  const foldField = fold === undefined ? '' : `"fold":${foldJson(fold)},`;
  return `"entries":[],${foldField}"keys":{"from":${from},"window":${window}}`;
}

/** Reads the fields before `prev` from their end, where the strings `id`, `key` and `op` are in a known order. */
function readBody(bytes: Buffer, start: number, end: number): Body | undefined {
  if (startsWith(bytes, start, end, ENTRIES)) return readBatchBody(bytes, start, end);
  const op = fieldBefore(bytes, start, end, OP);
  if (op === undefined || bytes[op - 1] !== COMMA) return undefined;
  const key = fieldBefore(bytes, start, op - 1, KEY);
  if (key !== undefined && bytes[key - 1] !== COMMA) return undefined;
  const id = fieldBefore(bytes, start, (key ?? op) - 1, ID);
  if (id === undefined) return undefined;
  // Everything before the id is data.
  if (
    id !== start &&
    !(startsWith(bytes, start, end, DATA) && bytes[id - 1] === COMMA && id - 1 > start + DATA.length)
  ) {
    return undefined;
  }
  const own = ownText(bytes, start, id, end);
  return {
    count: 1,
    batch: false,
    key: key === undefined ? undefined : stringValue(bytes, key + KEY.length - 1, op - 1),
    sum: key === undefined ? 0 : sumOfSingle(bytes, start, key - 1, op - 1, end),
    idAt: COVERED_OFFSET + id - start,
    entries: undefined,
    repair: end - op === REPAIR.length && holds(bytes, op, REPAIR),
    keyWindow: own === undefined ? undefined : raisedIn(own),
    keys: undefined,
    fold: own === undefined ? undefined : foldIn(own),
  };
}

/** The text of a body that may be the log's own entry. For all other lines it is undefined, and no text is made. */
function ownText(bytes: Buffer, start: number, id: number, end: number): string | undefined {
  const isOwn = end - id === OWN_ID_BYTES && end - start <= LONGEST_OWN && holds(bytes, id, OWN_ID);
  return isOwn ? bytes.toString('utf8', start, end) : undefined;
}

/** Parses a batch: the next line's seq depends on the number of its entries. */
function readBatchBody(bytes: Buffer, start: number, end: number): Body | undefined {
  const list = plainEntries(bytes, start + ENTRIES.length, end);
  const body = list === undefined ? parsedBody(bytes, start, end) : { entries: list };
  if (body === undefined) return undefined;
  const { entries, fold, key, keys, ...rest } = body;
  if (!Array.isArray(entries) || Object.keys(rest).length > 0) return undefined;
  if (key !== undefined && (typeof key !== 'string' || entries.length === 0)) return undefined;
  if (keys !== undefined && (!isKeyScope(keys) || entries.length > 0)) return undefined;
  if (fold !== undefined && (!isFoldIdentity(fold) || entries.length > 0)) return undefined;
  for (const entry of entries) {
    if (typeof entry?.op !== 'string' || typeof entry.id !== 'string') return undefined;
    if (entry.ts !== undefined && !Number.isSafeInteger(entry.ts)) return undefined;
  }
  return {
    count: entries.length,
    batch: true,
    idAt: 0,
    entries,
    key,
    sum: key === undefined ? 0 : sumOfBatch(bytes, start + ENTRIES.length),
    repair: false,
    keyWindow: undefined,
    keys,
    fold,
  };
}

/** A batch's body, parsed but not checked. */
interface BatchBody {
  readonly entries?: unknown;
  readonly fold?: unknown;
  readonly key?: unknown;
  readonly keys?: unknown;
}

function parsedBody(bytes: Buffer, start: number, end: number): BatchBody | undefined {
  try {
    return JSON.parse(`{${bytes.toString('utf8', start, end)}}`) as BatchBody;
  } catch {
    return undefined;
  }
}

const CLOSING_BRACKET = 0x5d;
/** The bytes around the comma between two entries of a batch, as a writer of this package writes them. */
const BETWEEN = Buffer.from('},{"');
/** V8 keeps a string much longer than this outside the young generation, in newly allocated memory. */
const PIECE_BYTES = 32 * 1024;

/**
 * Parses the items of a batch whose body is only the list; `start` is the offset after the list's opening bracket. The
 * list is parsed in pieces, cut between two items. Bytes within an item may look like such a cut; the pieces are then
 * not JSON. Returns undefined if a piece is not JSON.
 */
function plainEntries(bytes: Buffer, start: number, end: number): unknown[] | undefined {
  if (bytes[end - 1] !== CLOSING_BRACKET) return undefined;
  const entries: unknown[] = [];
  try {
    for (let from = start; from < end; ) {
      const cut = end - from > PIECE_BYTES ? bytes.indexOf(BETWEEN, from + PIECE_BYTES) : -1;
      const to = cut < 0 || cut >= end ? end - 1 : cut + 1;
      for (const entry of JSON.parse(`[${bytes.toString('utf8', from, to)}]`)) entries.push(entry);
      from = to + 1;
    }
  } catch {
    return undefined;
  }
  return entries;
}

function startsWith(bytes: Buffer, start: number, end: number, wanted: Buffer): boolean {
  return start + wanted.length <= end && holds(bytes, start, wanted);
}

/**
 * The offset at which the field `opening..."` that ends at `end` begins, or undefined. A quote inside a JSON string
 * always follows an odd number of backslashes, so the string's own quotes are the first two, from its end, that do not.
 */
function fieldBefore(bytes: Buffer, start: number, end: number, opening: Buffer): number | undefined {
  if (end - start < opening.length + 1 || bytes[end - 1] !== QUOTE) return undefined;
  if (backslashesBefore(bytes, start, end - 1) % 2 === 1) return undefined;
  let quote = end - 1;
  do {
    do quote--;
    while (quote >= start && bytes[quote] !== QUOTE);
    if (quote < start) return undefined;
  } while (backslashesBefore(bytes, start, quote) % 2 === 1);
  const field = quote + 1 - opening.length;
  return field >= start && holds(bytes, field, opening) ? field : undefined;
}

function backslashesBefore(bytes: Buffer, start: number, at: number): number {
  let count = 0;
  while (at - count - 1 >= start && bytes[at - count - 1] === BACKSLASH) count++;
  return count;
}

/**
 * The value of a JSON string. Undefined if another writer left something that is not JSON: then the line has no key.
 */
function stringValue(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string;
  } catch {
    return undefined;
  }
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
