/** Does something with each, so many at a time: one that is done is followed by the next. Answers how long each took, in milliseconds. */
export async function eachInFlight<T>(
  items: Iterable<T>,
  inFlight: number,
  act: (item: T) => unknown,
): Promise<number[]> {
  const samples: number[] = [];
  const left = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = left.next(); !next.done; next = left.next()) {
      const before = performance.now();
      await act(next.value);
      samples.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return samples;
}
