/**
 * Makes a list that fails as short as it can: leaves out parts of it, large ones first, and keeps to what still fails, again
 * and again, until nothing can be left out, or `mostTries` are made. `attempt` answers the list that failed, which may be shorter than the one that it was
 * given; undefined where that did not fail.
 */
export async function shrink<T>(
  failing: readonly T[],
  attempt: (list: readonly T[]) => Promise<readonly T[] | undefined>,
  mostTries: number,
): Promise<readonly T[]> {
  let list = failing;
  let tries = 0;
  for (let before = Infinity; list.length < before && tries < mostTries; ) {
    before = list.length;
    for (let length = Math.ceil(list.length / 2); ; length = Math.ceil(length / 2)) {
      for (let end = list.length; end > 0 && tries < mostTries; end -= length) {
        const left = await attempt([...list.slice(0, Math.max(0, end - length)), ...list.slice(end)]);
        tries++;
        if (left === undefined || left.length >= list.length) continue;
        list = left;
        end = Math.min(end, list.length + length);
      }
      if (length === 1) break;
    }
  }
  return list;
}
