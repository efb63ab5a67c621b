import { extname } from 'node:path';

/** A script of this folder, which a test runs as a process or a thread of its own; named without its ending. */
export function ownScript(name: string): URL {
  return new URL(`./${name}${extname(import.meta.url)}`, import.meta.url);
}
