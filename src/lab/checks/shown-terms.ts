import type { Operation } from '../operations/operation.ts';

/** How a fault's message names what an append expected. */
export function shownTerms({ expect = {} }: Operation): string {
  const { seq, crc, rev, from } = expect;
  if (rev !== undefined) return `rev ${rev}${from === undefined ? '' : `, by ${from ?? 'nobody'}`}`;
  return `the log to end at entry ${seq}${crc === undefined ? '' : ` with crc ${crc}`}`;
}
