import { jsonText } from '../format/json-text.ts';
import { printable } from '../format/printable.ts';
import type { Item, LogRecord } from '../index.ts';
import type { Output } from './output.ts';

/** A record as a short line: number, time (UTC), op, id, data, cut to the width of a terminal. */
export async function showRecord(record: LogRecord, json: boolean, output: Output): Promise<void> {
  if (json) return output.json(record);
  const { seq, ts, op, id, data } = record;
  const place = `${String(seq).padStart(6)}  ${timeText(ts)}  `;
  const what = printable(`${op.padEnd(8)} ${id.padEnd(10)} `);
  const rest = data === undefined ? '' : printable(jsonText(data));
  await output.line(cutTo(output, place, what, rest));
}

/** An item of the state as a short line: rev, time (UTC), version, id, value, cut to the width of a terminal. */
export async function showItem(item: Item, json: boolean, output: Output): Promise<void> {
  if (json) return output.json(item);
  const { id, rev, ts, version, value } = item;
  const place = `${String(rev).padStart(6)}  ${timeText(ts)}  ${`v${version}`.padEnd(5)} `;
  await output.line(cutTo(output, place, printable(`${id.padEnd(10)} `), printable(jsonText(value))));
}

function cutTo(output: Output, place: string, what: string, rest: string): string {
  const room = output.width - place.length - what.length;
  const shown = rest.length > room ? `${rest.slice(0, Math.max(0, room - 1))}…` : rest;
  return `${output.style('dim', place)}${what}${shown}`.trimEnd();
}

/** A time in UTC, to the second. */
export function timeText(ts: number): string {
  const date = new Date(ts);
  if (Number.isNaN(date.getTime())) return String(ts).padEnd(20);
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
