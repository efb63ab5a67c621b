/** So many of them must be beyond a quantile: with fewer, it is one of the slowest by chance. */
const LEAST_BEYOND = 3;

/**
 * The value that a share of them (0 to 1) does not exceed, exactly; they are in order. Undefined where fewer than three of them
 * are beyond it: a p99 is of 300 and more. But there is always a median, and a greatest. 0 where there are none.
 */
export function quantile(sorted: Float64Array, share: 0.5 | 1): number;
export function quantile(sorted: Float64Array, share: number): number | undefined;
export function quantile(sorted: Float64Array, share: number): number | undefined {
  if (share > 0.5 && share < 1 && !isTold(sorted.length, share)) return undefined;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Whether that quantile of so many says anything. */
export function isTold(count: number, share: number): boolean {
  // 300 * (1 - 0.99) is a little more or less than 3.
  return count * (1 - share) > LEAST_BEYOND - 1e-6;
}
