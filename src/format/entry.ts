import { messageOf, reasonOf, WalError } from '../errors/errors.ts';
import { canonicalJson, quoted } from './canonical.ts';
import { sumOfEntries } from './content.ts';
import type { FoldIdentity } from './fold-identity.ts';
import type { KeyScope } from './key-scope.ts';
import { RESERVED_OP_PREFIX } from './line.ts';
import { foldText, raiseText, sealText } from './line-body.ts';
import type { Values } from './plain-copy.ts';

/** An entry to append. */
export interface Entry {
  /** What happened, such as `add` or `close`. Any non-empty string that does not begin with `wal.`. */
  readonly op: string;
  /** What it happened to. Any non-empty string. */
  readonly id: string;
  /**
   * Any value that JSON keeps, nested at most 1,000 levels deep: null, booleans, finite numbers, strings, plain arrays
   * and objects of these, and objects with `toJSON`, such as a Date. Properties that are `undefined` are left out; -0
   * becomes 0. Any other value is rejected with ERR_WAL_ENTRY, which has its `path`, unless the option `values` is
   * `stringify`. Default: no data.
   */
  readonly data?: unknown;
  /** Milliseconds since the epoch, a whole number. Default: the time of the call. */
  readonly ts?: number | undefined;
  /**
   * Idempotency key, a non-empty string. If the log's key window already has the key, nothing is appended: the append
   * resolves with the seq of the entry that has it, or, if op, id or data differ, rejects with ERR_WAL_KEY_REUSED.
   * Default: none.
   */
  readonly key?: string | undefined;
}

/** An entry, batch or seal ready to be written: checked and serialised, so the caller can no longer change it. */
export interface Body {
  /** The line's fields between `crc` and `prev`. */
  readonly text: string;
  /** UTF-8 length of `text`. */
  readonly bytes: number;
  readonly count: number;
  readonly ts: number;
  readonly key: string | undefined;
  /** The checksum of its content if it has a key; else 0. */
  readonly sum: number;
  /** The key window, if the entry raises it. */
  readonly keyWindow?: number | undefined;
  /** The fold, if the entry records one as the log's. */
  readonly fold?: FoldIdentity | undefined;
}

/** The limits that an entry is checked against. */
export interface EntryRules {
  readonly maxEntryBytes: number;
  readonly values: Values;
}

const ENTRY_FIELDS = new Set(['op', 'id', 'data', 'ts', 'key']);

/** Makes one entry's body. `now` is the ts if the entry has none; `key`, if given, replaces the entry's own. */
export function entryBody(entry: Entry, now: number, rules: EntryRules, key?: string): Body {
  try {
    const { op, id, data, ts, key: own } = checkedEntry(entry, 'The entry');
    const used = key ?? own;
    if (used !== undefined) checkName(used, 'The key');
    const json = canonicalJson(data, rules.values);
    const dataField = json === undefined ? '' : `"data":${json},`;
    const idField = `"id":${quoted(id)},`;
    const opField = `"op":${quoted(op)}`;
    const keyField = used === undefined ? '' : `"key":${quoted(used)},`;
    const text = `${dataField}${idField}${keyField}${opField}`;
    const bytes = Buffer.byteLength(text);
    if (bytes > rules.maxEntryBytes) throw tooLarge(bytes, rules.maxEntryBytes);
    const sum = used === undefined ? 0 : sumOfEntries([`{${dataField}${idField}${opField}}`]);
    return { text, bytes, count: 1, ts: ts ?? now, key: used, sum };
  } catch (error) {
    throw unreadable('The entry', error);
  }
}

/** Makes the body of an atomic batch: one line, which is accepted as a whole or not at all. */
export function batchBody(entries: readonly Entry[], now: number, rules: EntryRules, key?: string): Body {
  try {
    if (!Array.isArray(entries)) throw badEntry('A batch must be an array of entries');
    if (entries.length === 0) throw badEntry('A batch must have at least one entry');
    if (key !== undefined) checkName(key, 'The key');
    // Array.from also visits holes.
    const items = Array.from(entries, (entry: Entry, i) =>
      batchItem(entry, rules.values, `Batch entry ${i + 1}`, `entries[${i}].data`),
    );
    const keyField = key === undefined ? '' : `,"key":${quoted(key)}`;
    const text = `"entries":[${items.map(textOf).join(',')}]${keyField}`;
    const bytes = Buffer.byteLength(text);
    if (bytes > rules.maxEntryBytes) throw tooLarge(bytes, rules.maxEntryBytes);
    const sum = key === undefined ? 0 : sumOfEntries(items.map(({ content }) => content));
    return { text, bytes, count: items.length, ts: now, key, sum };
  } catch (error) {
    throw unreadable('The batch', error);
  }
}

interface BatchItem {
  /** The entry as written in the batch's list, without its ts. */
  readonly content: string;
  readonly ts: number | undefined;
}

function textOf({ content, ts }: BatchItem): string {
  return ts === undefined ? content : `${content.slice(0, -1)},"ts":${ts}}`;
}

/** Makes one entry of a batch. Messages call it `name`, and its data `root`. */
export function batchItem(entry: Entry, values: Values, name: string, root: string): BatchItem {
  try {
    const { op, id, data, ts, key } = checkedEntry(entry, name);
    if (key !== undefined) throw badEntry(`${name} has a key; a batch has one, given beside it`);
    const json = canonicalJson(data, values, root);
    const dataField = json === undefined ? '' : `"data":${json},`;
    return { content: `{${dataField}"id":${quoted(id)},"op":${quoted(op)}}`, ts };
  } catch (error) {
    throw unreadable(name, error);
  }
}

/**
 * The error for what the caller's objects threw: a getter may throw anything, and a text may be too long for a string.
 */
function unreadable(what: string, error: unknown): WalError {
  if (error instanceof WalError) return error;
  const why = messageOf(error);
  const tooLong = error instanceof RangeError && /string length/i.test(why);
  return new WalError(
    tooLong ? 'ERR_WAL_TOO_LARGE' : 'ERR_WAL_ENTRY',
    tooLong
      ? `${what} is longer than any string can be: ${why}.`
      : `${what} cannot be read: ${reasonOf(error)}`,
    { outcome: 'not-written', cause: error },
  );
}

/**
 * The body of a seal: a batch without entries, which ends its segment and states the key scope and fold that hold after
 * it.
 */
export function sealBody(now: number, keys: KeyScope, fold: FoldIdentity | undefined): Body {
  const text = sealText(keys, fold);
  return { text, bytes: Buffer.byteLength(text), count: 0, ts: now, key: undefined, sum: 0 };
}

/** The body of an entry that records the log's fold. */
export function foldBody(fold: FoldIdentity, now: number): Body {
  const text = foldText(fold);
  return { text, bytes: Buffer.byteLength(text), count: 1, ts: now, key: undefined, sum: 0, fold };
}

/** The body of an entry that raises the key window. */
export function raiseBody(keyWindow: number, now: number): Body {
  const text = raiseText(keyWindow);
  return { text, bytes: text.length, count: 1, ts: now, key: undefined, sum: 0, keyWindow };
}

function tooLarge(bytes: number, most: number): WalError {
  const message = `The entry has ${bytes} bytes of JSON, maxEntryBytes is ${most}: store large content elsewhere and append its hash.`;
  return new WalError('ERR_WAL_TOO_LARGE', message, { outcome: 'not-written' });
}

/** Checks the entry and returns its fields. Each is read once: a getter could return another value the second time. */
function checkedEntry(entry: Entry, name: string): Entry {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw badEntry(`${name} must be an object {op, id, data?, ts?, key?}, not ${describe(entry)}`);
  }
  for (const field in entry) {
    if (!ENTRY_FIELDS.has(field))
      throw badEntry(
        `${name} has a field ${JSON.stringify(field)}, which the log would drop: put it into data`,
      );
  }
  const { op, id, data, ts, key } = entry as Required<Entry>;
  if (typeof op !== 'string' || op === '') checkName(op, `${name}'s op`);
  if (typeof id !== 'string' || id === '') checkName(id, `${name}'s id`);
  if (op.startsWith(RESERVED_OP_PREFIX))
    throw badEntry(`${name}'s op begins with "wal.", which is reserved for the log's own records`);
  if (ts !== undefined && !Number.isSafeInteger(ts)) {
    throw badEntry(`${name}'s ts must be whole milliseconds since the epoch, not ${describe(ts)}`);
  }
  return { op, id, data, ts, key };
}

function checkName(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '')
    throw badEntry(`${name} must be a non-empty string, not ${describe(value)}`);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value === undefined || typeof value === 'number') return String(value);
  if (typeof value === 'object') return 'an object';
  return value === '' ? 'an empty string' : `a ${typeof value}`;
}

function badEntry(message: string): WalError {
  return new WalError('ERR_WAL_ENTRY', `${message}.`, { outcome: 'not-written' });
}
