import { extname } from 'node:path';

/**
 * Where a script lies that runs as a process or thread of its own, by its path under src/ without its ending. The build puts what
 * it loads into few files (rollup.config.js): loading a hundred takes longer than most of them work. From source it is as it is.
 */
export function scriptUrl(path: string): URL {
  const kind = extname(import.meta.url);
  return new URL(`${kind === '.js' ? '../../scripts' : '..'}/${path}${kind}`, import.meta.url);
}
