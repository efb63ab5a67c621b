import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { canonicalJson } from '../../format/canonical.ts';

/** By what an entry's data is known again: the same for any order of its keys. */
export function sumOf(data: unknown): number {
  return crc32(canonicalJson(data) ?? '');
}

/**
 * Hash and size of what an entry says: its `content` where that is a text, otherwise its data as canonical JSON, without what the
 * lab adds to it (who wrote it, and on what it was decided).
 */
export function contentOf(data: Readonly<Record<string, unknown>>): { hash: string; bytes: number } {
  const { by: _by, from: _from, ...own } = data;
  const text = typeof own.content === 'string' ? own.content : (canonicalJson(own) ?? '');
  return { hash: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text) };
}

/** Whether data has that sum. Mostly its keys are in order already, which is quicker to see than to bring about. */
export function hasSum(data: unknown, sum: number): boolean {
  return crc32(JSON.stringify(data) ?? '') === sum || sumOf(data) === sum;
}

/**
 * By what a range of entries is known again: the sum of these, modulo 2^32. So the sums from the beginning to every
 * entry tell that of any range by one subtraction.
 */
export function placeSum(seq: number, by: string | undefined): number {
  return crc32(`${seq} ${by ?? ''}`);
}
