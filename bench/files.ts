import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { segmentSeq } from '../src/format/names.ts';

const bytesOf = (directory: string, names: readonly string[]): number[] =>
  names.map((name) => statSync(join(directory, name)).size);

/** Bytes of all the files in a log's directory. */
export function bytesIn(directory: string): number {
  return bytesOf(directory, readdirSync(directory)).reduce((sum, bytes) => sum + bytes, 0);
}

/** How much of a segment the last one is, in size: a sealed one is at least so large; 0 where there is none. */
export function fillOfLastSegment(directory: string): number {
  const names = readdirSync(directory).filter((name) => segmentSeq(name) !== undefined);
  const sizes = bytesOf(directory, names.sort());
  const last = sizes.pop() ?? 0;
  return last / Math.min(...sizes);
}

/** Throws ENOSPC where the disk has no room for so many bytes, and as much again for all else. */
export function requireRoom(directory: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  if (free >= 2 * bytes) return;
  const megabytes = (count: number): string => `${Math.round(count / 1e6).toLocaleString('en')} MB`;
  const message = `a log of ${megabytes(bytes)} does not fit: ${megabytes(free)} are free; see --size and --dir`;
  throw Object.assign(new Error(message), { code: 'ENOSPC' });
}
