/**
 * Now, in microseconds on the machine's monotonic clock, which all its processes and threads share: so that what two of
 * them note can be compared. `performance.timeOrigin + performance.now()` could not: each process takes its origin from
 * a clock that may be set between.
 */
export function instant(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
