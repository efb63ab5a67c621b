import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { hasCode } from '../errors/errors.ts';

/**
 * Makes a directory, and those above it. Node's own `recursive` tries for ever where a directory is there in which none can be made,
 * as in /proc.
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const above = dirname(path);
    if (!hasCode(error, 'ENOENT') || statSync(above, { throwIfNoEntry: false }) !== undefined) throw error;
    makeDirectory(above);
    makeDirectory(path);
  }
}
