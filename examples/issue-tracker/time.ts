const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 365 * 86_400_000;

/** Milliseconds of a length of time such as `30m`; undefined where the text is none, or is longer than a year. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = /^([1-9][0-9]*)(ms|s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit ?? ''] ?? Number.NaN);
  return ms <= LONGEST_MS ? ms : undefined;
}

/** A time in milliseconds since the epoch, for people; a number that no calendar has, as it is. */
export function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
