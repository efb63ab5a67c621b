/**
 * A place in an order: a number, a string, or several of them, of which the first that differs decides. Numbers come
 * before strings; strings go by their UTF-16 code units; what another begins with comes before it.
 */
export type OrderKey = OrderPart | readonly OrderPart[];
type OrderPart = number | string;

/** An id at its place. */
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

/** Below zero where `a` comes before `b`. Of equal keys the ids decide. */
export function comparePlaced(a: Placed, b: Placed): number {
  return compareKeys(partsOf(a.order), partsOf(b.order)) || compareStrings(a.id, b.id);
}

function partsOf(key: OrderKey): readonly OrderPart[] {
  return typeof key === 'object' ? key : [key];
}

function compareKeys(a: readonly OrderPart[], b: readonly OrderPart[]): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = compareParts(a[i] as OrderPart, b[i] as OrderPart);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareParts(a: OrderPart, b: OrderPart): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : compareStrings(a, b);
}

/** By UTF-16 code units, as `<` does. */
export function compareStrings(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
