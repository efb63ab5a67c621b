import { createHash } from 'node:crypto';
import { canonicalJson } from '../../format/canonical.ts';

/** By what an entry is known again: op, id, and data. */
export function entrySum(op: string, id: string, data: unknown): number {
  return mixed(Math.imul(hashOf(id), 31) ^ mixed(Math.imul(hashOf(op), 17) ^ sumOf(data)));
}

/**
 * By what an entry's data is known again, as JSON holds it: the same for any order of its keys. Worked out of the data itself: to make JSON of it
 * first takes ten times as long.
 */
export function sumOf(data: unknown): number {
  if (typeof data === 'string') return hashOf(data);
  if (typeof data === 'number')
    return Number.isFinite(data) ? mixed(hashOf(String(data + 0)) ^ 1) : sumOf(null);
  if (typeof data !== 'object' || data === null) return mixed(hashOf(String(data)) ^ 2);
  const { toJSON } = data as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return sumOf((toJSON as () => unknown).call(data));
  if (Array.isArray(data)) return data.reduce((sum: number, each) => mixed(sum ^ sumOf(inArray(each))), 3);
  let sum = 4;
  for (const key of Object.keys(data)) {
    const value = (data as Readonly<Record<string, unknown>>)[key];
    if (isKept(value)) sum = (sum + mixed(Math.imul(hashOf(key), 31) ^ sumOf(value))) | 0;
  }
  return mixed(sum);
}

/** What JSON has a place for in an object; in an array, null stands for the rest. */
function isKept(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

function inArray(value: unknown): unknown {
  return isKept(value) ? value : null;
}

/**
 * Hash and size of what an entry says: its `content` where that is a text, otherwise its data as canonical JSON, without what the
 * lab adds to it (who wrote it, and on what it was decided).
 */
export function contentOf(data: Readonly<Record<string, unknown>>): { hash: string; bytes: number } {
  const { by: _by, from: _from, ...own } = data;
  const text = typeof own.content === 'string' ? own.content : (canonicalJson(own, 'stringify') ?? '');
  return { hash: createHash('sha256').update(text).digest('hex'), bytes: Buffer.byteLength(text) };
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
