import stableStringify from 'fast-json-stable-stringify';
import { messageOf, reasonOf, WalError } from '../errors/errors.ts';
import { stringify, withOwnStringify } from './json.ts';
import { sortedJsonText } from './json-text.ts';
import { largeJson, MAX_QUICK_DEPTH, OTHER } from './large-json.ts';
import { MAX_LINE_BYTES } from './line.ts';
import { plainCopy, tooLong, type Values } from './plain-copy.ts';

/** The most items that `quickly` writes: for larger values `largeJson` is faster. */
const MOST_ITEMS = 4096;
/** Items that `quickly` may still write of this value. Below zero, it has given up. */
let itemsLeft = MOST_ITEMS;

/**
 * Returns canonical JSON: what JSON.stringify writes, with the keys of every object sorted by UTF-16 code unit. Returns
 * `undefined` if JSON.stringify does; -0 is written as 0. Throws ERR_WAL_ENTRY for a function, symbol, BigInt, cycle,
 * too great a depth, or a value that `values` refuses. The error has the path of that value, which begins with `root`.
 *
 * Plain values are written directly. The sorted order of an object's keys is cached by the list of keys, which is twice
 * as fast as sorting each time. Large values are copied for JSON.stringify. All others go through
 * fast-json-stable-stringify.
 */
export function canonicalJson(value: unknown, values: Values = 'strict', root = 'data'): string | undefined {
  try {
    const text = plainText(value);
    return text === OTHER ? canonicalOfAnything(value, values, root) : text;
  } catch (error) {
    throw unwritable(error);
  }
}

/**
 * Returns the canonical JSON of what JSON.parse made, or of a fold's value, at any depth: other writers' lines have no
 * limit.
 */
export function canonicalOfParsed(value: unknown): string {
  const text = plainText(value);
  return text === OTHER ? sortedJsonText(value) : (text as string);
}

type Quick = string | undefined | typeof OTHER;

/** Returns OTHER for an instance of a class, a value with toJSON, NaN, a value without a JSON form, and great depth. */
function plainText(value: unknown): Quick {
  itemsLeft = MOST_ITEMS;
  const text = quickly(value, 0);
  if (text !== OTHER || itemsLeft >= 0) return text;
  const large = largeJson(value, MAX_LINE_BYTES);
  itemsLeft = Infinity;
  return large === OTHER ? quickly(value, 0) : large;
}

/**
 * Returns the canonical JSON of a plain value. `arrayQuickly` and `objectQuickly` write their own short strings and
 * whole numbers, because a call for each would cost more than writing it.
 */
function quickly(value: unknown, depth: number): Quick {
  switch (typeof value) {
    case 'string':
      return value.length < SHORT && !TO_ESCAPE.test(value) ? `"${value}"` : quoted(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : OTHER;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth > MAX_QUICK_DEPTH || 'toJSON' in value) return OTHER;
      return Array.isArray(value) ? arrayQuickly(value, depth) : objectQuickly(value, depth);
    case 'undefined':
      return undefined;
    default:
      return OTHER;
  }
}

/** Matches what JSON.stringify escapes, and all surrogates, since it escapes the lone ones. */
const TO_ESCAPE = /[^\x20\x21\x23-\x5b\x5d-\ud7ff]/;
/** For longer strings the regular expression costs more than JSON.stringify's own pass. */
const SHORT = 40;

/** The text as a JSON string. */
export function quoted(text: string): string {
  // Node 26's JSON.stringify crashes the process on a string of this length.
  if (text.length >= MAX_LINE_BYTES) throw tooLong(text);
  return text.length < SHORT && !TO_ESCAPE.test(text) ? `"${text}"` : stringify(text);
}

function arrayQuickly(array: readonly unknown[], depth: number): Quick {
  itemsLeft -= array.length;
  if (itemsLeft < 0 || Object.getPrototypeOf(array) !== Array.prototype) return OTHER;
  let text = '';
  for (let i = 0; i < array.length; i++) {
    const value = array[i];
    const isShort = typeof value === 'string' && value.length < SHORT && !TO_ESCAPE.test(value);
    const item = isShort ? `"${value}"` : quickly(value, depth + 1);
    if (item === OTHER || item === undefined) return OTHER;
    text += i === 0 ? (item as string) : `,${item as string}`;
  }
  return `[${text}]`;
}

function objectQuickly(object: object, depth: number): Quick {
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) return OTHER;
  const keys = Object.keys(object);
  itemsLeft -= keys.length;
  if (itemsLeft < 0) return OTHER;
  const { sorted, names } = orderOf(keys);
  let text = '';
  for (let i = 0; i < sorted.length; i++) {
    const value = (object as Record<string, unknown>)[sorted[i] as string];
    const isShort = typeof value === 'string' && value.length < SHORT && !TO_ESCAPE.test(value);
    const isWhole = typeof value === 'number' && Number.isSafeInteger(value);
    const item = isShort ? `"${value}"` : isWhole ? `${value}` : quickly(value, depth + 1);
    if (item === OTHER) return OTHER;
    if (item !== undefined)
      text += text === '' ? `${names[i]}${item as string}` : `,${names[i]}${item as string}`;
  }
  return `{${text}}`;
}

/** A list of keys, the same keys sorted, and each sorted key as it is written: quoted, with its colon. */
interface Order {
  readonly keys: readonly string[];
  readonly sorted: readonly string[];
  readonly names: readonly string[];
}

/**
 * The orders used last, each at the hash of the number and first characters of its keys. The size is a power of two.
 */
const ORDERS = 64;
const orders: (Order | undefined)[] = new Array(ORDERS).fill(undefined);

function orderOf(keys: string[]): Order {
  let place = keys.length;
  for (const key of keys) place = (place * 31 + key.charCodeAt(0)) | 0;
  place &= ORDERS - 1;
  const known = orders[place];
  let same = known !== undefined && known.keys.length === keys.length;
  for (let i = 0; same && i < keys.length; i++) same = (known as Order).keys[i] === keys[i];
  if (same) return known as Order;
  const sorted = keys.slice().sort();
  const order = { keys, sorted, names: sorted.map((key) => `${quoted(key)}:`) };
  orders[place] = order;
  return order;
}

/**
 * Does not sort what JSON.parse makes of JSON.stringify's text, although that would be shorter: V8 from Node 24 on
 * misreads a key that is written with an escape if an object of similar shape has a key with a backslash
 * (nodejs/node#63785).
 */
function canonicalOfAnything(value: unknown, values: Values, root: string): string | undefined {
  const copy = plainCopy(value, values, root);
  return withOwnStringify(() => stableStringify(copy)) as string | undefined;
}

/** Turns what a getter, toJSON or the JavaScript engine at its limits threw into a WalError. */
function unwritable(error: unknown): WalError {
  if (error instanceof WalError) return error;
  const why = messageOf(error);
  const details = { outcome: 'not-written', cause: error } as const;
  if (error instanceof RangeError && /string length/i.test(why))
    return new WalError('ERR_WAL_TOO_LARGE', `The entry is longer than any string can be: ${why}.`, details);
  const what = error instanceof RangeError ? 'is nested too deeply' : 'cannot be written as JSON';
  return new WalError('ERR_WAL_ENTRY', `The entry ${what}: ${reasonOf(error)}`, details);
}
