import { WalError } from '../errors/errors.ts';
import { sumOfBatch, sumOfSingle } from './content.ts';
import { crc32, hex8, SuffixCrcs } from './crc.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { stringify } from './json.ts';
import { isKeyScope, isKeyWindow, type KeyScope } from './key-scope.ts';

export const NEWLINE = 0x0a;
/** What every line begins with; the eight hex digits of the crc follow. */
export const LINE_START = '{"crc":"';
/** Offset of the crc's digits in a line. */
export const CRC_OFFSET = LINE_START.length;
export const CRC_LENGTH = 8;
/** What the crc covers begins here: after `{"crc":"xxxxxxxx",`. */
export const COVERED_OFFSET = CRC_OFFSET + CRC_LENGTH + 2;
/** A longer line is damaged, whatever it holds: 2^28 bytes, so that any JSON parser can hold one as a string. */
export const MAX_LINE_BYTES = 2 ** 28;
/** The crc that the first line of a log follows. */
export const GENESIS_CRC = '00000000';
/** An accepted line with this op settles the proofs of missing data before it. Ops that begin `wal.` are the log's own. */
export const REPAIR_OP = 'wal.repair';
/** Stands in a salvaged log for an entry that is lost, so that those after it keep their numbers. */
export const LOST_OP = 'wal.lost';
/** Raises the window in which idempotency keys are looked for. */
export const KEYS_OP = 'wal.keys';
/** Records which fold makes the log's state. */
export const FOLD_OP = 'wal.fold';
export const RESERVED_OP_PREFIX = 'wal.';

/** An entry in the list of a batch. */
export interface BatchEntry {
  readonly op: string;
  readonly id: string;
  readonly data?: unknown;
  /** Its own, where it has one. */
  readonly ts?: number;
}

/** What a line says of itself. Who keeps one keeps the text or the entries that were read of its line. */
export interface Envelope {
  /** The line's own crc, which was checked. */
  readonly crc: string;
  /** The crc of the line it follows. */
  readonly prev: string;
  /** Number of its first entry; for a seal, of the next entry to come. */
  readonly seq: number;
  /** Entries in it: 1, or those of a batch, or 0 for a seal. */
  readonly count: number;
  /** True for an atomic batch or a seal: its entries are in a list. */
  readonly batch: boolean;
  /** The highest seq that its writer knew to be synced. */
  readonly synced: number;
  readonly ts: number;
  readonly writer: string;
  readonly key: string | undefined;
  /** With a key, the checksum of its content; else 0. */
  readonly sum: number;
  /** Of a single, where its `id` begins, from the line's beginning: its data ends before that. */
  readonly idAt: number;
  /** Of a single whose id and op are printable ASCII without escapes, and that has no key: these; else they are to be read from its bytes. */
  readonly id: string | undefined;
  readonly op: string | undefined;
  /** The JSON text of the data of a single whose line is ASCII and whose `id` is given above; else undefined, and the data is read from the line's bytes. */
  readonly data: string | undefined;
  /** Of a batch, its entries, which were parsed to be counted. */
  readonly entries: readonly BatchEntry[] | undefined;
  readonly repair: boolean;
  /** What it raises the key window to. */
  readonly keyWindow: number | undefined;
  /** Of a seal: which keys are looked for after it. */
  readonly keys: KeyScope | undefined;
  /** The fold that it records; of a seal, the one that was recorded before it. */
  readonly fold: FoldIdentity | undefined;
}

/** What the log adds to an entry to make it a line. */
export interface Placement {
  readonly prev: string;
  readonly seq: number;
  readonly synced: number;
  readonly ts: number;
  readonly writer: string;
  /** Set by writing the line. */
  crc: string;
}

/**
 * Writes the line of `body` (its fields from `data` to `op`, as canonical JSON without braces) with `count` entries into
 * `target` at `offset`, newline and all, and notes its crc. Returns where it ends. The room must be there: that of the body, and `ENVELOPE_BYTES`.
 * Throws where no reader would accept the line: all that follows it would be lost with it.
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
    // To join them would copy the body once more.
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
  const message = `No reader would accept the line of entry ${seq} (synced ${synced}, ts ${ts}), or it is longer than ${MAX_LINE_BYTES} bytes: it was not written.`;
  return new WalError('ERR_WAL_ENTRY', message, { outcome: 'not-written' });
}

/** What tells writes apart. */
type Written = Pick<Envelope, 'writer' | 'synced'>;

/** False where they are certainly of two writes: those of one are one session's, and say the same of what was synced. */
export function isSameWrite(a: Written, b: Written): boolean {
  const session = ({ writer }: Written) => writer.slice(0, writer.indexOf('.'));
  return a.synced === b.synced && session(a) === session(b);
}

/** A body of more characters is written for itself. */
const LONG_BODY = 16 * 1024;
/** The most bytes of a line beside its body. */
export const ENVELOPE_BYTES = COVERED_OFFSET + 160;

const TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":(0|-?[1-9][0-9]{0,15}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;
/** The most bytes that TAIL can match. */
const TAIL_BYTES = 144;
/** As TAIL, with anything as `ts`. */
const MISDATED_TAIL =
  /,"prev":"([0-9a-f]{8})","seq":(0|[1-9][0-9]{0,15}),"synced":(0|[1-9][0-9]{0,15}),"ts":([^"]{0,128}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;
const MISDATED_TAIL_BYTES = TAIL_BYTES + 128;

const COMMA = 0x2c;
const LINE_START_BYTES = Buffer.from(LINE_START);
const CRC_END_BYTES = Buffer.from('",');

/** True where bytes that begin like a line, in `bytes[start, end)`, have the crc they claim. */
export function crcIsRight(bytes: Buffer, start: number, end: number): boolean {
  return rightCrc(bytes, start, end) >= 0;
}

/** Whether the first of those bytes, up to a newline or `count`, are the line that bears that crc, as it was when that was reckoned. */
export function isLineOf(bytes: Buffer, count: number, crc: string | undefined): boolean {
  const newline = bytes.indexOf(NEWLINE);
  const end = newline < 0 || newline > count ? count : newline;
  return (
    end > COVERED_OFFSET &&
    bytes.toString('latin1', 0, COVERED_OFFSET) === `${LINE_START}${crc}",` &&
    crc32(bytes.subarray(COVERED_OFFSET, end)) === Number.parseInt(crc as string, 16)
  );
}

/** The crc of a line, where it is the one it claims; else -1. */
function rightCrc(bytes: Buffer, start: number, end: number): number {
  const claimed = claimedCrc(bytes, start, end);
  return claimed >= 0 && claimed === crc32(bytes.subarray(start + COVERED_OFFSET, end)) ? claimed : -1;
}

/** The number that the crc's digits stand for, or -1 where the bytes do not begin like a line. */
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

/** Whether these bytes lie there. Every line passes here: comparing beats making strings to compare. */
function holds(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/**
 * Reads the envelope of the line `bytes[start, end)` (without its newline): undefined unless its length is within the
 * limit, the crc is right and the envelope is exactly that of the acceptance grammar. The data is not looked at: it may
 * be large, and need not be ours.
 */
export function readEnvelope(bytes: Buffer, start: number, end: number): Envelope | undefined {
  return readPlain(bytes, start, end, false) ?? readAny(bytes, start, end);
}

/** The same of any line, field by field. */
export function readAny(bytes: Buffer, start: number, end: number): Envelope | undefined {
  if (end - start > MAX_LINE_BYTES) return undefined;
  const crc = rightCrc(bytes, start, end);
  return crc < 0 ? undefined : parseEnvelope(bytes, start, end, crc);
}

/** Longer lines are not read as most are. */
const PLAIN_BYTES = 64 * 1024;
/** How most lines begin. */
const PLAIN_START = /^\{"crc":"[0-9a-f]{8}",(?:"data":|"id":")/;
const PLAIN_DATA_OFFSET = COVERED_OFFSET + '"data":'.length;
/** How most lines end: without a key, id and op in printable ASCII without escapes, and with numbers that a double holds. */
const PLAIN_END =
  /,"id":"([ !#-[\]-~]*)","op":"((?!wal\.)[ !#-[\]-~]*)","prev":"([0-9a-f]{8})","seq":([1-9][0-9]{0,14}),"synced":(0|[1-9][0-9]{0,14}),"ts":(0|-?[1-9][0-9]{0,14}),"writer":"([0-9a-z]{8}\.[1-9][0-9]{0,15})"\}$/;
/** Ids and ops that are longer together are rare; a match is looked for from the first of these bytes on. */
const PLAIN_END_BYTES = 192;

/**
 * The envelope of a line as most are, in few calls: what it answers is what `readAny` does, and where it cannot tell it answers
 * undefined. `isAscii`: whether all bytes of the line are known to be; then its data is text already.
 */
export function readPlain(bytes: Buffer, start: number, end: number, isAscii: boolean): Envelope | undefined {
  const length = end - start;
  if (length > PLAIN_BYTES) return undefined;
  const text = bytes.toString('latin1', start, end);
  if (!PLAIN_START.test(text)) return undefined;
  // With the comma before the body: a line without data begins with its id.
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
 * Reads the envelope of a line whose crc is right and whose `ts` is no whole number, which is all that is wrong with it: what
 * a writer left whose clock told no number. No reader accepts such a line; a salvage keeps its entries. NaN stands for a
 * `ts` that tells no date.
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

/** The envelope of a line whose body ends at `bodyEnd`, where what follows it is `tail`. */
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
  // A writer knows nothing of what comes after it; this also says that seq is 1 or more.
  if (synced >= seq) return undefined;
  const body = readBody(bytes, start + COVERED_OFFSET, bodyEnd);
  if (body === undefined || seq + body.count > Number.MAX_SAFE_INTEGER) return undefined;
  const { count, batch, key, sum, idAt, entries, repair, keyWindow, keys, fold } = body;
  const ts = Number(tsText);
  const text = hex8(crc);
  // In one order of fields everywhere: what reads lines is quicker where all have one shape.
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
/** What the lines of both end in, but for the last four letters. */
const OWN_ID = Buffer.from('"id":"wal","op":"wal.');
const OWN_ID_BYTES = OWN_ID.length + 'keys"'.length;
/** A name of 200 characters, each written as an escape, and what is around it. */
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

/** The fold that an entry with that body records; undefined where it records none. */
export function foldIn(body: string): FoldIdentity | undefined {
  try {
    const fold: unknown = JSON.parse(RECORD.exec(body)?.[1] ?? 'null');
    return isFoldIdentity(fold) && foldText(fold) === body ? fold : undefined;
  } catch {
    return undefined;
  }
}

/** What an entry with that body raises the key window to; undefined where it does not. */
export function raisedIn(body: string): number | undefined {
  const window = Number(RAISE.exec(body)?.[1]);
  return isKeyWindow(window) ? window : undefined;
}

/** The fields of a seal, which tell what holds after it: which keys are looked for, and the fold that was recorded. */
export function sealText({ from, window }: KeyScope, fold: FoldIdentity | undefined): string {
  const foldField = fold === undefined ? '' : `"fold":${foldJson(fold)},`;
  return `"entries":[],${foldField}"keys":{"from":${from},"window":${window}}`;
}

/** Reads the fields before `prev` from their end, where strings of known names come one before the other. */
function readBody(bytes: Buffer, start: number, end: number): Body | undefined {
  if (startsWith(bytes, start, end, ENTRIES)) return readBatchBody(bytes, start, end);
  const op = fieldBefore(bytes, start, end, OP);
  if (op === undefined || bytes[op - 1] !== COMMA) return undefined;
  const key = fieldBefore(bytes, start, op - 1, KEY);
  if (key !== undefined && bytes[key - 1] !== COMMA) return undefined;
  const id = fieldBefore(bytes, start, (key ?? op) - 1, ID);
  if (id === undefined) return undefined;
  // Whatever stands before the id is data.
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

/** The body of an entry that may be the log's own; most lines are not: their text is not asked for. */
function ownText(bytes: Buffer, start: number, id: number, end: number): string | undefined {
  const isOwn = end - id === OWN_ID_BYTES && end - start <= LONGEST_OWN && holds(bytes, id, OWN_ID);
  return isOwn ? bytes.toString('utf8', start, end) : undefined;
}

/** A batch must be parsed: the next line's seq depends on how many entries it has. */
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

/** What a batch's body may hold, not looked at yet. */
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
/** What parts the entries of a batch as a writer of this package puts them. */
const BETWEEN = Buffer.from('},{"');
/** V8 keeps a string much longer than this apart from the young ones, in memory that is new each time. */
const PIECE_BYTES = 32 * 1024;

/**
 * The items of a batch whose body is only the list; `start` is the offset after the list's opening bracket. The list is parsed in pieces, which
 * are cut between two items. Bytes that look like such a cut may also lie within an item: then the pieces are not JSON. Undefined where a
 * piece is not JSON.
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
 * Where the field `opening..."` that ends at `end` begins, or undefined. A quote inside a JSON string always follows an
 * odd number of backslashes, so the string's own quotes are the first two, going back, that do not.
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

/** The value of a JSON string, or undefined where it is none (a foreign writer): no key, then. */
function stringValue(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string;
  } catch {
    return undefined;
  }
}

/**
 * The crc-valid line that a fragment runs into, where there is one: a writer that did not see the torn tail put its
 * line straight after it. The first place whose crc is right decides, so that no bytes take long to judge.
 */
export function lineAtEndOf(fragment: Buffer): { readonly line: Envelope; readonly at: number } | undefined {
  const end = fragment.length;
  // What does not end as a line does ends in none.
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
