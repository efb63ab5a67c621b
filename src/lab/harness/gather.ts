import { inspect } from 'node:util';
import type { Found } from '../target.ts';

/**
 * Adds what a store reads to `found`, entry by entry, and answers that. A store may be anybody's, and in JavaScript: throws where it
 * gives what is no entry, and says what.
 */
export async function gather(
  reading: AsyncIterable<Found> | Iterable<Found>,
  found: Found[] = [],
): Promise<Found[]> {
  if (!isIterable(reading))
    throw new Error(`its reading gives no entries one after the other, but ${shown(reading)}`);
  for await (const entry of reading) {
    if (typeof entry?.seq !== 'number' || typeof entry.id !== 'string')
      throw new Error(`its reading gives what is no entry with seq, op and id: ${shown(entry)}`);
    found.push(entry);
  }
  return found;
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}

function shown(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Infinity });
}
