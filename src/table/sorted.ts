/** Index of the last element for which `holds` is true; -1 if there is none. `holds` must be true for a prefix of the array. */
export function lastIndexWhere<T>(array: ArrayLike<T>, holds: (element: T) => boolean): number {
  let before = -1;
  let from = array.length;
  while (from - before > 1) {
    const middle = (before + from) >>> 1;
    if (holds(array[middle] as T)) before = middle;
    else from = middle;
  }
  return before;
}

/** The elements of two sorted sequences, in order. */
export function* merged<T>(
  one: Iterable<T>,
  other: Iterable<T>,
  compare: (a: T, b: T) => number,
): Generator<T, void, undefined> {
  const rest = other[Symbol.iterator]();
  let next = rest.next();
  for (const element of one) {
    for (; !next.done && compare(next.value, element) < 0; next = rest.next()) yield next.value;
    yield element;
  }
  for (; !next.done; next = rest.next()) yield next.value;
}
