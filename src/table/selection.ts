import { isPromise } from 'node:util/types';
import { canonicalJson, canonicalOfParsed } from '../format/canonical.ts';
import { isPlainObject } from '../format/plain.ts';
import { badArgument } from '../options/options.ts';
import type { Item } from './item.ts';

/** Fields that a value must have, equal as JSON: `{ status: 'open' }`. A plain object: a Map, or an instance of a class, is ERR_WAL_ARGUMENT. */
export type Where = Readonly<Record<string, unknown>>;

/** Which items of a list to return: by a function, or by fields of their value. Default: all. */
export type Filter<V> = ((item: Item<V>) => boolean) | Where;

export interface Selection<V> {
  passes(item: Item<V>): boolean;
  /** Bytes that the JSON of each item that passes contains. */
  readonly holding?: Buffer;
}

/** Checks a caller's filter. Throws ERR_WAL_ARGUMENT. */
export function selectionOf<V>(filter: Filter<V> | undefined): Selection<V> {
  if (filter === undefined) return { passes: () => true };
  if (typeof filter === 'function') return { passes: (item) => answerOf(filter(item)) };
  if (typeof filter !== 'object' || filter === null || !isPlainObject(filter))
    throw badArgument('filter must be a function, or a plain object of fields');
  const fields = Object.entries(filter).map(([name, wanted]) => ({ name, json: jsonOf(name, wanted) }));
  // The snapshot's JSON is canonical, so an equal field is there byte for byte. The longest one is likely the rarest.
  const texts = fields.map(({ name, json }) => `${JSON.stringify(name)}:${json}`);
  const [longest] = texts.sort((a, b) => b.length - a.length);
  return {
    passes: ({ value }) => fields.every(({ name, json }) => hasField(value, name, json)),
    ...(longest !== undefined && { holding: Buffer.from(longest) }),
  };
}

/** Refuses a promise, which would be truthy for every item. */
function answerOf(answer: boolean): boolean {
  if (isPromise(answer)) throw badArgument('filter must not be async');
  return answer;
}

function hasField(value: unknown, name: string, json: string): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.hasOwn(value, name) && canonicalOfParsed((value as Where)[name]) === json;
}

function jsonOf(name: string, value: unknown): string {
  let json: string | undefined;
  try {
    json = canonicalJson(value, 'strict');
  } catch {
    // A cycle, a BigInt, NaN: refused below.
  }
  if (json === undefined) throw badArgument(`filter.${name} must be a value that JSON can keep`);
  return json;
}
