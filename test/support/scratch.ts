import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of this package: the nearest one above this file with a package.json. */
export function packageRoot(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at;
    if (at === dirname(at)) throw new Error('no package.json above this file');
  }
}

/** Runs `body` in a new directory under .test_tmp/, which is removed when it passes and kept when it fails. */
export async function inScratch<T>(name: string, body: (directory: string) => T | Promise<T>): Promise<T> {
  const parent = join(packageRoot(), '.test_tmp');
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, `${name}-`));
  const result = await body(directory);
  rmSync(directory, { recursive: true, force: true });
  return result;
}
