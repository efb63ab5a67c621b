import { createHash } from 'node:crypto';
import { canonicalJson } from '../../format/canonical.ts';

/** By what an entry's data is known again: the same for any order of its keys. */
export function sumOf(data: unknown): number {
  return hashOf(canonicalJson(data) ?? '');
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
  return hashOf(JSON.stringify(data) ?? '') === sum || sumOf(data) === sum;
}

/**
 * By what a range of entries is known again: the sum of these, modulo 2^32. So the sums from the beginning to every
 * entry tell that of any range by one subtraction.
 */
export function placeSum(seq: number, by = ''): number {
  return mixed(hashOf(by) ^ mixed(seq));
}

/** A number of 32 bits for a text: FNV-1a, and mixed, so that all of its bits are worth the same. Much quicker than crc32 for short ones. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mixed(hash);
}

/** The last step of MurmurHash3. */
function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const most = Math.imul(half ^ (half >>> 13), 0xc2b2ae35);
  return most ^ (most >>> 16);
}
