/** Numbers as people read them. Times are in microseconds. */

const UNITS = [
  ['s', 1e6],
  ['ms', 1e3],
  ['µs', 1],
] as const;

/** With three digits that count. */
function short(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** How long: `37 µs`, `1.24 ms`, `12.3 s`, `5 min 12 s`. */
export function duration(us: number): string {
  if (us >= 119.5e6) return `${Math.floor(us / 60e6)} min ${Math.round((us % 60e6) / 1e6)} s`;
  const [name, size] = UNITS.find(([, size]) => us >= size * 0.9995) ?? UNITS[2];
  return `${short(us / size)} ${name}`;
}

/** A moment of a run, as exact as a difference of `resolution` asks for. */
export function moment(us: number, resolution: number): string {
  const [name, size] = UNITS.find(([, size]) => Math.abs(us) >= size) ?? UNITS[2];
  const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(Math.max(resolution, 0.1) / size))));
  return `${(us / size).toFixed(digits)} ${name}`;
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 });
}

/** `1 kill`, `12 kills`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** How many a second, where so many happened in so many microseconds. */
export function perSecond(value: number, us: number): string {
  const rate = us > 0 ? (value * 1e6) / us : 0;
  return rate >= 100 ? count(rate) : short(rate);
}
