import type { Stray, StrayKind } from '../index.ts';

/** 12345 -> '12,345', the same wherever it runs. */
export function figure(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** '1 byte', '2,000 bytes'. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${figure(n)} ${n === 1 ? one : many}`;
}

/** 'entry 3', 'entries 3 to 5'. */
export function entryRange(from: number, to: number): string {
  return from === to ? `entry ${from}` : `entries ${from} to ${to}`;
}

const STRAYS: Readonly<Record<StrayKind, string>> = {
  placeholder: "a sync service's placeholder for a file that is not on this disk",
  conflict: "a sync tool's copy of what another machine wrote",
  rotated: 'a copy as logrotate makes',
  copy: 'a copy',
};

/** A file beside the log's own, in words. */
export function strayText({ name, kind }: Stray): string {
  return `${name} (${STRAYS[kind]})`;
}

/** Milliseconds with as many digits as tell something: '0.61 ms', '18 ms', '1.3 s'. */
export function duration(ms: number): string {
  if (ms >= 999.5) return `${significant(ms / 1000)} s`;
  return `${significant(ms)} ms`;
}

/** '0.61', '6.1', '61', '612'. */
export function significant(n: number): string {
  if (n === 0) return '0';
  return n.toFixed(n < 0.995 ? 2 : n < 9.95 ? 1 : 0);
}

/** '912 bytes', '1.9 MB'. */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let n = bytes;
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 ? n : significant(n)} ${units[unit]}`;
}

/** 'entry 3 lacks only the newline', of the entries after the head. */
export function pendingText(head: number, last: number): string {
  return `${entryRange(head + 1, last)} ${last === head + 1 ? 'lacks' : 'lack'} only the newline`;
}
