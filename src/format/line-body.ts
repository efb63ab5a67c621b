import { sumOfBatch, sumOfSingle } from './content.ts';
import { type FoldIdentity, isFoldIdentity } from './fold-identity.ts';
import { stringify } from './json.ts';
import { isKeyScope, isKeyWindow, type KeyScope } from './key-scope.ts';
import { COMMA, COVERED_OFFSET, type Envelope, FOLD_OP, holds, KEYS_OP, REPAIR_OP } from './line.ts';

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
export function readBody(bytes: Buffer, start: number, end: number): Body | undefined {
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
