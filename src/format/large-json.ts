import { stringify } from './json.ts';

/** The answer to a value that only a slower way knows how to write, or to refuse. */
export const OTHER = Symbol('other');

/** Deeper values, and cycles, go another way, which tells the two apart. */
export const MAX_QUICK_DEPTH = 64;

/** JSON.stringify puts these first, in whatever order they come. */
const INDEX = /^(?:0|[1-9][0-9]{0,9})$/;
const AFTER_DIGITS = 0x3a;
/** The order of the keys of smaller objects is remembered, for the next object likely has the same. */
const MOST_REMEMBERED = 64;
/** So many items are copied, and then written: copies that live longer cost more to clear away than to make. */
const PIECE_ITEMS = 1024;

/** Part of a value, written. */
class Text {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The canonical JSON of a large plain value: JSON.stringify writes it, piece after piece, of copies whose objects have their keys in
 * order. That takes a third of the time of joining the text of each item here. With more characters than `most` in strings and keys it
 * is left to the slower way.
 */
export function largeJson(value: unknown, most: number): string | typeof OTHER {
  let characters = 0;
  let items = 0;
  let keysBefore: readonly string[] = [];
  let sortedBefore: readonly string[] = [];
  const copy = copyOf(value, 0);
  if (copy === OTHER || characters > most) return OTHER;
  return copy instanceof Text ? copy.text : stringify(copy);

  function copyOf(given: unknown, depth: number): unknown {
    switch (typeof given) {
      case 'string':
        characters += given.length;
        return characters > most ? OTHER : given;
      case 'number':
        return Number.isFinite(given) ? given : OTHER;
      case 'boolean':
      case 'undefined':
        return given;
      case 'object':
        if (given === null) return null;
        if (depth > MAX_QUICK_DEPTH || 'toJSON' in given || characters > most) return OTHER;
        return Array.isArray(given) ? copyOfArray(given, depth) : copyOfObject(given, depth);
      default:
        return OTHER;
    }
  }

  function copyOfArray(array: readonly unknown[], depth: number): unknown {
    if (Object.getPrototypeOf(array) !== Array.prototype) return OTHER;
    let text = '';
    let copy: unknown[] = [];
    for (let i = 0; i < array.length; i++) {
      const item = copyOf(array[i], depth + 1);
      if (item === OTHER || item === undefined) return OTHER;
      const isText = item instanceof Text;
      if (!isText) copy.push(item);
      if (!isText && ++items < PIECE_ITEMS) continue;
      text = joined(text, inside(copy));
      if (isText) text = joined(text, item.text);
      copy = [];
      items = 0;
    }
    return text === '' ? copy : new Text(`[${joined(text, inside(copy))}]`);
  }

  function copyOfObject(object: object, depth: number): unknown {
    const prototype = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && prototype !== null) return OTHER;
    const sorted = sortedKeys(Object.keys(object));
    if (sorted === undefined || characters > most) return OTHER;
    let text = '';
    let copy: Record<string, unknown> = {};
    for (let i = 0; i < sorted.length; i++) {
      const key = sorted[i] as string;
      const item = copyOf((object as Record<string, unknown>)[key], depth + 1);
      if (item === OTHER) return OTHER;
      const isText = item instanceof Text;
      if (!isText && item !== undefined) copy[key] = item;
      if (!isText && ++items < PIECE_ITEMS) continue;
      text = joined(text, inside(copy));
      if (isText) text = joined(text, `${stringify(key)}:${item.text}`);
      copy = {};
      items = 0;
    }
    return text === '' ? copy : new Text(`{${joined(text, inside(copy))}}`);
  }

  /** Undefined where JSON.stringify would not write them in that order, or an assignment may do something else than to make a property. */
  function sortedKeys(keys: string[]): readonly string[] | undefined {
    let same = keys.length === keysBefore.length;
    for (let i = 0; same && i < keys.length; i++) same = keys[i] === keysBefore[i];
    if (same) return sortedBefore;
    for (const key of keys) {
      characters += key.length;
      if ((key.charCodeAt(0) < AFTER_DIGITS && INDEX.test(key)) || key in Object.prototype) return undefined;
    }
    const sorted = keys.slice().sort();
    if (keys.length > MOST_REMEMBERED) return sorted;
    keysBefore = keys;
    sortedBefore = sorted;
    return sorted;
  }
}

/** What JSON.stringify writes between the brackets. */
function inside(copy: object): string {
  return stringify(copy).slice(1, -1);
}

function joined(text: string, more: string): string {
  return text === '' || more === '' ? text + more : `${text},${more}`;
}
