/**
 * A sort key: a number, a string, or an array of these, of which the first part that differs decides. Numbers come
 * before strings; strings are compared by UTF-16 code units; an array comes before a longer one that it begins.
 */
export type OrderKey = OrderPart | readonly OrderPart[];
type OrderPart = number | string;

/** An id and its sort key. */
export interface Placed {
  readonly order: OrderKey;
  readonly id: string;
}

export function isOrderKey(value: unknown): value is OrderKey {
  return Array.isArray(value) ? value.every(isPart) : isPart(value);
}

export function isPlaced({ order, id }: Placed): boolean {
  return typeof id === 'string' && isOrderKey(order);
}

function isPart(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
}

/** Negative if `a` comes before `b`. If the sort keys are equal, the ids decide. */
export function comparePlaced(a: Placed, b: Placed): number {
  const one = a.order;
  const other = b.order;
  const difference =
    typeof one === 'number' && typeof other === 'number' ? one - other : compareKeys(one, other);
  return difference || compareStrings(a.id, b.id);
}

function compareKeys(a: OrderKey, b: OrderKey): number {
  const ones = typeof a === 'object' ? a : [a];
  const others = typeof b === 'object' ? b : [b];
  for (let i = 0; i < ones.length && i < others.length; i++) {
    const one = ones[i] as OrderPart;
    const other = others[i] as OrderPart;
    if (one === other) continue;
    if (typeof one !== typeof other) return typeof one === 'number' ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return ones.length - others.length;
}

/** By UTF-16 code units, as `<` does. */
export function compareStrings(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
