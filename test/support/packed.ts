import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './scratch.ts';

/** What npm says of a package that it packs. */
export interface Packed {
  /** Bytes of the archive. */
  readonly size: number;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Packs this package as npm would publish it; without a directory it only says what would be in it. */
export function pack(directory?: string): Packed {
  const where = directory === undefined ? ['--dry-run'] : ['--pack-destination', directory];
  const { stdout, stderr } = spawnSync('npm', ['pack', '--json', '--ignore-scripts', ...where], {
    cwd: packageRoot(),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  assert.notEqual(stdout, '', stderr);
  const [packed] = JSON.parse(stdout) as [Packed];
  return packed;
}

/** Puts the package below a directory's node_modules, as it is published; what it depends on is found further up. Answers its place. */
export function install(directory: string): string {
  const { filename } = pack(directory);
  const place = join(directory, 'node_modules', 'jsonl-wal');
  mkdirSync(place, { recursive: true });
  const { status, stderr } = spawnSync('tar', ['-xzf', filename, '-C', place, '--strip-components=1'], {
    cwd: directory,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return place;
}
