/* What scenarios share that look at a store's files of lines, or spoil them. */

import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

function segmentsIn(storeDirectory: string): string[] {
  return readdirSync(storeDirectory)
    .filter((name) => /^\d+\.jsonl$/.test(name))
    .sort()
    .map((name) => join(storeDirectory, name));
}

/** All lines of its segments, whether they count or not. */
export function linesIn(storeDirectory: string): string[] {
  return segmentsIn(storeDirectory).flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1));
}

/** Appends to the last of its segments what no writer would; nothing where there is none. */
export function scribble(storeDirectory: string, bytes: Buffer): void {
  const last = segmentsIn(storeDirectory).at(-1);
  if (last !== undefined) appendFileSync(last, bytes);
}
