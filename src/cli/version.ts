import { createRequire } from 'node:module';

/** The package's version. Finding its package.json takes a while: ask where it is wanted only. */
export function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('jsonl-wal/package.json') as { version: string };
  return version;
}
