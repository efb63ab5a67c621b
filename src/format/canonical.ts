import stableStringify from 'fast-json-stable-stringify';
import { messageOf, reasonOf, WalError } from '../errors/errors.ts';
import { stringify, withOwnStringify } from './json.ts';
import { sortedJsonText } from './json-text.ts';
import { largeJson, MAX_QUICK_DEPTH, OTHER } from './large-json.ts';
import { MAX_LINE_BYTES } from './line.ts';
import { plainCopy, tooLong, type Values } from './plain-copy.ts';

/** A value of more items goes another way, which is quicker for them. */
const MOST_ITEMS = 4096;
/** How many more the quick way takes. */
let itemsLeft = MOST_ITEMS;

/**
 * Canonical JSON: what JSON.stringify writes, with the keys of every object sorted by UTF-16 code unit. `undefined` where
 * JSON.stringify gives undefined; -0 is 0. A function, symbol, BigInt, cycle or too great a depth is ERR_WAL_ENTRY, and so is what
 * `values` refuses. The error has the path, which begins with `root`.
 *
 * Plain values are written at once, with the order of an object's keys remembered by their list: twice as fast as
 * sorting each time. Large ones are copied for JSON.stringify. Everything else goes through fast-json-stable-stringify.
 */
export function canonicalJson(value: unknown, values: Values = 'strict', root = 'data'): string | undefined {
  try {
    const text = plainText(value);
    return text === OTHER ? canonicalOfAnything(value, values, root) : text;
  } catch (error) {
    throw unwritable(error);
  }
}

/** The same of what JSON.parse made, or a fold, however deep it is: foreign lines have no limit. */
export function canonicalOfParsed(value: unknown): string {
  const text = plainText(value);
  return text === OTHER ? sortedJsonText(value) : (text as string);
}

type Quick = string | undefined | typeof OTHER;

/** OTHER for a class's instance, toJSON, NaN, what has no form, and great depth. */
function plainText(value: unknown): Quick {
  itemsLeft = MOST_ITEMS;
  const text = quickly(value, 0);
  if (text !== OTHER || itemsLeft >= 0) return text;
  const large = largeJson(value, MAX_LINE_BYTES);
  itemsLeft = Infinity;
  return large === OTHER ? quickly(value, 0) : large;
}

/** The canonical JSON of a plain value. Objects and lists ask for their own strings and numbers: a call for each would cost more than they do. */
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

/** What JSON.stringify would escape, and surrogates, which it may. */
const TO_ESCAPE = /[^\x20\x21\x23-\x5b\x5d-\ud7ff]/;
/** For longer strings the regular expression costs more than JSON.stringify's own pass. */
const SHORT = 40;

/** A JSON string. */
export function quoted(text: string): string {
  // Not left to JSON.stringify: on such a string, Node 26's takes the process with it.
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

/** A list of keys, the same in order, and each as it is written: quoted, with its colon. */
interface Order {
  readonly keys: readonly string[];
  readonly sorted: readonly string[];
  readonly names: readonly string[];
}

/** The orders used last, each where the length and first characters of its keys put it. A power of two. */
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
 * Not by way of JSON.parse, though that would be shorter: V8 from Node 24 on reads a key that is written with an escape
 * as another where an object of like shape has a key with a backslash (nodejs/node#63785).
 */
function canonicalOfAnything(value: unknown, values: Values, root: string): string | undefined {
  const copy = plainCopy(value, values, root);
  return withOwnStringify(() => stableStringify(copy)) as string | undefined;
}

/** Turns what a getter or toJSON threw, or the engine at its limits, into an error that says so. */
function unwritable(error: unknown): WalError {
  if (error instanceof WalError) return error;
  const why = messageOf(error);
  const details = { outcome: 'not-written', cause: error } as const;
  if (error instanceof RangeError && /string length/i.test(why))
    return new WalError('ERR_WAL_TOO_LARGE', `The entry is longer than any string can be: ${why}.`, details);
  const what = error instanceof RangeError ? 'is nested too deeply' : 'cannot be written as JSON';
  return new WalError('ERR_WAL_ENTRY', `The entry ${what}: ${reasonOf(error)}`, details);
}
