/** The value that a share of them (0 to 1) does not exceed, exactly; they are in order. 0 where there are none. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
