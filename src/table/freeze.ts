/** Values that are deeper than this are gone through without recursion: foreign lines may be as deep as they like. */
const MAX_RECURSION = 500;

/** Freezes what JSON.parse made, all of it. */
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
 * Freezes what a fold answers, all of it. Throws TypeError where it holds what JSON has no form for, RangeError where it
 * holds itself. Nothing is remembered of what was frozen before: a WeakSet of a large table's values cost more than all else.
 */
export function freezeKept(value: unknown): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) throw unkept(`the number ${value}`);
      return;
    case 'object':
      if (value !== null) freezeObject(value);
      return;
    default:
      throw unkept(`a ${typeof value}`);
  }
}

function freezeObject(object: object): void {
  if (Array.isArray(object)) {
    // By number: forEach would not visit what an array has no items for.
    for (let i = 0; i < object.length; i++) freezeKept(object[i]);
  } else {
    const prototype = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && prototype !== null)
      throw unkept(`an object of class ${prototype.constructor?.name}`);
    for (const name of Object.keys(object)) {
      const item = (object as Record<string, unknown>)[name];
      if (item !== undefined) freezeKept(item);
    }
  }
  Object.freeze(object);
}

function unkept(what: string): TypeError {
  return new TypeError(`the value holds ${what}, which JSON has no form for`);
}
