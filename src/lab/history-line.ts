import { isUtf8 } from 'node:buffer';
import { WalError } from '../errors/errors.ts';
import { entryBody } from '../format/entry.ts';
import type { Entry } from '../index.ts';

const FIELDS = ['op', 'id', 'data', 'ts'];
const RULES = { maxEntryBytes: 8 * 1024 * 1024, values: 'strict' } as const;
/** A smaller ts is in seconds: as milliseconds it would lie before March 1973, as seconds it lies before the year 5138. */
const LEAST_MS = 1e11;

/**
 * The entry on one line of a history, or what is wrong with it. Its `ts` may be in seconds or in milliseconds; what
 * the message quotes of the line is quoted as JSON does.
 */
export function parseEntry(
  bytes: Buffer | undefined,
  defaultTs: number,
): { readonly entry: Entry } | { readonly problem: string } {
  if (bytes === undefined) return { problem: 'longer than 16 MiB' };
  if (!isUtf8(bytes)) return { problem: 'not UTF-8' };
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    // The reason that JSON.parse gives would quote the line.
    return { problem: 'not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { problem: 'not an object {op, id, data, ts}' };
  const unknown = Object.keys(value).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined)
    return { problem: `unknown field ${JSON.stringify(unknown)}; there are ${FIELDS.join(', ')}` };
  const { ts, ...rest } = value as Entry;
  if (ts !== undefined && !(typeof ts === 'number' && Math.abs(ts) <= Number.MAX_SAFE_INTEGER))
    return { problem: 'ts is no number of seconds or milliseconds' };
  const entry: Entry = { ...rest, ts: ts === undefined ? defaultTs : wholeMs(ts) };
  try {
    entryBody(entry, 0, RULES);
    return { entry };
  } catch (error) {
    if (error instanceof WalError) return { problem: error.message };
    throw error;
  }
}

function wholeMs(ts: number): number {
  return Math.round(Math.abs(ts) < LEAST_MS ? ts * 1000 : ts);
}
