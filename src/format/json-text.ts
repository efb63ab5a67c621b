import { stringify } from './json.ts';

/**
 * Returns what JSON.stringify writes of what JSON.parse made, at any depth: JSON.stringify itself overflows the stack.
 */
export function jsonText(value: unknown): string {
  try {
    return stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return deepText(value, itemsOf);
    throw error;
  }
}

/** Like `jsonText`, with the names of every object sorted by UTF-16 code unit. */
export function sortedJsonText(value: unknown): string {
  return deepText(value, (of) =>
    [...itemsOf(of)].sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0)).values(),
  );
}

type Items = Iterator<readonly [name: string | undefined, value: unknown]>;

interface Level {
  readonly items: Items;
  readonly end: string;
  isFirst: boolean;
}

function deepText(value: unknown, itemsIn: (value: object) => Items): string {
  const levels: Level[] = [];
  let text = '';
  const put = (next: unknown) => {
    if (typeof next !== 'object' || next === null) text += stringify(next) ?? 'null';
    else {
      const isList = Array.isArray(next);
      text += isList ? '[' : '{';
      levels.push({ items: itemsIn(next), end: isList ? ']' : '}', isFirst: true });
    }
  };
  put(value);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { done, value: item } = level.items.next();
    if (done) {
      text += level.end;
      levels.pop();
      continue;
    }
    const [name, inner] = item;
    if (!level.isFirst) text += ',';
    level.isFirst = false;
    if (name !== undefined) text += `${stringify(name)}:`;
    put(inner);
  }
  return text;
}

function* itemsOf(value: object): Generator<readonly [string | undefined, unknown], void> {
  if (Array.isArray(value)) for (const item of value) yield [undefined, item];
  else for (const [name, item] of Object.entries(value)) if (item !== undefined) yield [name, item];
}
