const ISO =
  /^(\d{4}|[+-]\d{6})-(\d\d)(?:-(\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)?$/i;

/**
 * A time in milliseconds since the epoch, given as such or in ISO 8601; undefined where it is neither. A time of day without a
 * zone is in the machine's.
 */
export function timeOf(text: string): number | undefined {
  const value = /^-?\d+$/.test(text) ? Number(text) : isoTime(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Date.parse takes much more: to it "bd-1" is a day in 2001, and February 30 is one in March. */
function isoTime(text: string): number {
  const [found, year, month, day = '1'] = ISO.exec(text) ?? [];
  const daysInMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  return found !== undefined && Number(day) <= daysInMonth ? Date.parse(text) : Number.NaN;
}
