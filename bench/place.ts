import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package: the nearest one above this file with a package.json. */
export const packageRoot = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(at: string): string {
  if (existsSync(join(at, 'package.json'))) return at;
  if (at === dirname(at)) throw new Error('no package.json above this file');
  return rootAbove(dirname(at));
}

/** Makes a new directory, which is removed when this process ends, however it does. */
export function makeWorkplace(parent: string): string {
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, 'bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
