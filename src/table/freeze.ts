import { classText, isPlainArray, isPlainObject, pathText } from '../format/plain.ts';

/** Values that are nested deeper are visited without recursion: lines of foreign writers may have any depth. */
const MAX_RECURSION = 500;

/** Deep-freezes what JSON.parse made. */
export function freezeParsed<T>(value: T, depth = 0): T {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_RECURSION) return freezeDeep(value);
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') freezeParsed(item, depth + 1);
  } else {
    for (const name in value) {
      const item = value[name];
      if (typeof item === 'object') freezeParsed(item, depth + 1);
    }
  }
  return Object.freeze(value);
}

function freezeDeep<T extends object>(value: T): T {
  const left: object[] = [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const item of Object.values(next)) if (typeof item === 'object' && item !== null) left.push(item);
    Object.freeze(next);
  }
  return value;
}

/**
 * Deep-freezes what a fold returned. Throws TypeError, with the path, if it holds what JSON cannot hold; RangeError if it
 * holds itself. What was frozen before is not remembered (a WeakSet of a large table's values cost more than everything
 * else), except `before`, the value that the fold was given: what the answer took over from it need not be visited.
 */
export function freezeKept(value: unknown, before?: unknown): void {
  try {
    freezeAny(value, before);
  } catch (error) {
    if (!(error instanceof Unkept)) throw error;
    throw new TypeError(`${pathText('answer', error.names)} is ${error.what}, which JSON cannot keep`);
  }
}

/** Thrown for a value that JSON cannot hold; each level on the way up adds its name to the path. */
class Unkept {
  readonly what: string;
  names: readonly (string | number)[] = [];

  constructor(what: string) {
    this.what = what;
  }
}

function freezeAny(value: unknown, before?: unknown): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) throw new Unkept(String(value));
      return;
    case 'object':
      if (value !== null) freezeObject(value, before);
      return;
    case 'undefined':
      throw new Unkept('undefined');
    default:
      throw new Unkept(`a ${typeof value}`);
  }
}

function freezeObject(object: object, before: unknown): void {
  const isList = Array.isArray(object);
  if (!(isList ? isPlainArray(object) : isPlainObject(object))) throw new Unkept(classText(object));
  let at: string | number = 0;
  try {
    if (isList) {
      // By index: forEach would skip the holes of a sparse array.
      for (; at < object.length; at++) freezeAny(object[at]);
    } else {
      const known = typeof before === 'object' ? (before as Record<string, unknown> | null) : undefined;
      for (const name of Object.keys(object)) {
        const item = (object as Record<string, unknown>)[name];
        // Most properties are strings, or were taken over.
        if (typeof item === 'string' || item === undefined) continue;
        if (typeof item === 'object' && item === known?.[name]) continue;
        at = name;
        freezeAny(item);
      }
    }
  } catch (error) {
    if (error instanceof Unkept) error.names = [at, ...error.names];
    throw error;
  }
  Object.freeze(object);
}
