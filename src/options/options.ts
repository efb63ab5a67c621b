import { messageOf, WalError } from '../errors/errors.ts';
import { classText, isPlainObject } from '../format/plain.ts';
import type { Values } from '../format/plain-copy.ts';

/** What an append waits for before it is acknowledged: see DURABILITY.md. */
export type Durability = 'sync' | 'os';

/** Limits on the appends of a Wal. */
export interface Limits {
  readonly durability: Durability;
  readonly maxEntryBytes: number;
  readonly maxPendingBytes: number;
  readonly values: Values;
}

/** Options that do not depend on where the log is. */
export interface LimitOptions {
  /**
   * When an append is acknowledged. `sync`: once it is on the disk (fdatasync), so that it survives a power
   * cut. `os`: once it is written, so that it survives the death of the process but not of the machine.
   * Default `sync`.
   */
  readonly durability?: Durability | undefined;
  /**
   * The most bytes of JSON that an entry (or a batch) may have; a larger one is rejected with
   * ERR_WAL_TOO_LARGE. 1 to 128 MiB; default 8 MiB.
   */
  readonly maxEntryBytes?: number | undefined;
  /**
   * The most memory, in bytes, that unsettled appends may hold: their JSON, and 1 to 3 KiB each. Once they
   * hold that much, appends, updates and transactions are rejected with ERR_WAL_BACKLOG until there is room;
   * `ready()` resolves then. The last append admitted may exceed the limit. 1 to 1 GiB; default 64 MiB,
   * enough for some 50,000 small entries.
   */
  readonly maxPendingBytes?: number | undefined;
  /**
   * What to do with data that JSON cannot represent: NaN and Infinity, invalid Dates, `undefined` and holes
   * in arrays, boxed primitives, and instances of classes without `toJSON`, such as Map, Set, RegExp, Error
   * and typed arrays. `strict`: rejected with ERR_WAL_ENTRY, which carries the `path`. `stringify`: written
   * as JSON.stringify writes it, mostly as `null` or `{}`. Functions, symbols and BigInts are always
   * rejected. Default `strict`.
   */
  readonly values?: Values | undefined;
}

const MiB = 1024 * 1024;

export function resolveLimits(options: LimitOptions): Limits {
  return {
    durability: oneOf('durability', options.durability ?? 'sync', ['sync', 'os']),
    maxEntryBytes: integer('maxEntryBytes', options.maxEntryBytes ?? 8 * MiB, 1, 128 * MiB),
    maxPendingBytes: integer('maxPendingBytes', options.maxPendingBytes ?? 64 * MiB, 1, 1024 * MiB),
    values: oneOf('values', options.values ?? 'strict', ['strict', 'stringify']),
  };
}

/**
 * Reads options. Refuses an unknown name, and a Map or the like, because either would silently have no
 * effect.
 */
export function readOptions<T extends object>(options: T, known: readonly (keyof T & string)[]): T {
  const read = readFields('The options', options, known);
  const names = namesOf(options);
  for (const name of names)
    if (!(known as readonly string[]).includes(name))
      throw badArgument(`There is no option ${JSON.stringify(name)}; there are ${known.join(', ')}`);
  if (names.length > 0 || isPlainObject(options)) return read;
  // Options that an instance inherits from its class count as well.
  if (known.some((name) => read[name] !== undefined)) return read;
  throw badArgument(
    `The options must be an object with the properties ${known.join(', ')}, not ${classText(options)}`,
  );
}

function namesOf(options: object): string[] {
  try {
    return Object.keys(options);
  } catch (error) {
    throw unreadable('The options', error);
  }
}

/**
 * Reads fields of a caller's object, each once: a getter may throw, or return something else the next time.
 */
export function readFields<T extends object>(
  name: string,
  object: T,
  fields: readonly (keyof T & string)[],
): T {
  if (typeof object !== 'object' || object === null)
    throw badArgument(`${name} must be an object, not ${shown(object)}`);
  const read: Partial<T> = {};
  try {
    for (const field of fields) read[field] = object[field];
  } catch (error) {
    throw unreadable(name, error);
  }
  return read as T;
}

function unreadable(name: string, error: unknown): WalError {
  return badArgument(`${name} cannot be read: ${messageOf(error)}`, error);
}

export function integer(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw badArgument(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}

export function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw badArgument(`${name} must be a number from ${least} to ${most}, not ${shown(value)}`);
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw badArgument(`${name} must be true or false, not ${shown(value)}`);
}

export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  throw badArgument(`${name} must be one of ${choices.join(', ')}, not ${shown(value)}`);
}

/** Returns a caller's function, or undefined if none was given. */
export function callback<T extends (...args: never[]) => void>(
  name: string,
  value: T | undefined,
): T | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw badArgument(`${name} must be a function, not ${shown(value)}`);
}

export function badArgument(message: string, cause?: unknown): WalError {
  return new WalError('ERR_WAL_ARGUMENT', `${message}.`, { outcome: 'not-written', cause });
}

/** A wrong value as text for a message. An object is not converted to a string: its `toString` may throw. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
