import { isBoxedPrimitive, isDate } from 'node:util/types';
import { WalError } from '../errors/errors.ts';
import { MAX_LINE_BYTES } from './line.ts';
import { classText, isPlainArray, isPlainObject, pathText } from './plain.ts';

/**
 * What to do with a value that JSON cannot keep, such as NaN, a Map, or undefined in an array: `strict` rejects the
 * entry; `stringify` writes what JSON.stringify makes of the value.
 */
export type Values = 'strict' | 'stringify';

/**
 * The deepest nesting of data. Every thread can write data of this depth, even with a smaller stack than that of the
 * thread that appended it.
 */
const MAX_DEPTH = 1000;

/**
 * Copies what JSON.stringify would write of a value: toJSON is applied, boxed primitives are opened. Messages call the
 * value `root`. Throws ERR_WAL_ENTRY, with the path in the value, if the value contains something that JSON cannot
 * write or that `values` refuses.
 */
export function plainCopy(value: unknown, values: Values, root: string): unknown {
  return new PlainCopy(values, root).of('', value);
}

class PlainCopy {
  readonly #values: Values;
  readonly #root: string;
  /** The objects being copied, from the outermost in. */
  readonly #above = new Set<object>();
  /** The path to the current value. */
  readonly #names: (string | number)[] = [];

  constructor(values: Values, root: string) {
    this.#values = values;
    this.#root = root;
  }

  of(key: string, given: unknown): unknown {
    const hasOwnForm = hasToJson(given);
    const value = hasOwnForm ? given.toJSON(key) : given;
    switch (typeof value) {
      case 'bigint':
        throw this.#formless(`the BigInt ${value}`);
      case 'function':
      case 'symbol':
        throw this.#formless(`a ${typeof value}`);
      case 'number':
        if (!Number.isFinite(value)) this.#changes(String(value), 'null');
        return value;
      case 'object':
        if (value === null && isDate(given)) this.#changes('an invalid Date', 'null');
        return value === null ? null : this.#object(value, hasOwnForm && value === given);
      default:
        return value;
    }
  }

  /** `formed`: its own toJSON returned the object itself. */
  #object(value: object, formed: boolean): unknown {
    if (isBoxedPrimitive(value)) {
      const opened = this.of('', value.valueOf());
      this.#changes(classText(value), 'a primitive');
      return opened;
    }
    if (this.#above.has(value)) throw this.#unwritable('it has a circular structure');
    if (this.#above.size === MAX_DEPTH)
      throw new TypeError(`it is nested more than ${MAX_DEPTH} levels deep`);
    const isList = Array.isArray(value);
    if (!formed && !(isList ? isPlainArray(value) : isPlainObject(value)))
      this.#changes(classText(value), isList ? 'a plain array' : 'a plain object');
    this.#above.add(value);
    const copy = isList ? this.#items(value) : this.#fields(value);
    this.#above.delete(value);
    return copy;
  }

  #items(list: readonly unknown[]): unknown[] {
    // Array.from also visits holes.
    return Array.from(list, (item, i) => {
      const copy = this.#at(i, item);
      if (copy === undefined) this.#changes(i in list ? 'undefined' : 'a hole', 'null', i);
      return copy;
    });
  }

  #fields(object: object): object {
    const copy = {};
    for (const name of Object.keys(object)) {
      if (name.length >= MAX_LINE_BYTES) throw tooLong(name);
      const value = this.#at(name, (object as Record<string, unknown>)[name]);
      // Assigning to __proto__ would change the prototype.
      Object.defineProperty(copy, name, { value, enumerable: true });
    }
    return copy;
  }

  #at(name: string | number, value: unknown): unknown {
    this.#names.push(name);
    const copy = this.of(String(name), value);
    this.#names.pop();
    return copy;
  }

  /** Refuses a value that JSON.stringify would change, unless `values` is `stringify`. */
  #changes(what: string, into: string, ...within: readonly number[]): void {
    if (this.#values === 'stringify') return;
    throw this.#refusal(
      `holds ${what}`,
      `JSON would change it into ${into}. Convert it, leave it out, or open the Wal with values: 'stringify', which writes ${into}`,
      within,
    );
  }

  #formless(what: string): WalError {
    return this.#refusal(`holds ${what}`, 'JSON has no form for it. Convert it, or leave it out');
  }

  #unwritable(why: string): WalError {
    return this.#refusal('cannot be written as JSON', why);
  }

  #refusal(problem: string, why: string, within: readonly number[] = []): WalError {
    const path = pathText(this.#root, [...this.#names, ...within]);
    return new WalError('ERR_WAL_ENTRY', `The entry ${problem} at ${path}: ${why}.`, {
      outcome: 'not-written',
      path,
    });
  }
}

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { toJSON?: unknown }).toJSON === 'function'
  );
}

/** The error for a text too long for any line. */
export function tooLong({ length }: string): WalError {
  const message = `The entry holds a text of ${length} characters, more than a line can have: store it elsewhere and append its hash.`;
  return new WalError('ERR_WAL_TOO_LARGE', message, { outcome: 'not-written' });
}
