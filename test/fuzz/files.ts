import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What lies under a name in a log's directory. */
export type Content = Buffer | { readonly link: string } | 'directory' | 'pipe';

/** A log's directory, in memory. */
export type Files = Map<string, Content>;

/** Reads a log's directory; what is this machine's alone is left out. */
export function readFiles(directory: string): Files {
  const files: Files = new Map();
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (!/^wal\.(lock|mark)/.test(name) && lstatSync(path).isFile()) files.set(name, readFileSync(path));
  }
  return files;
}

/** Puts the files in a directory of their own, in place of what is there. */
export function writeFiles(directory: string, files: Files): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of files) {
    const path = join(directory, name);
    if (content === 'directory') mkdirSync(path);
    else if (content === 'pipe') execFileSync('mkfifo', [path]);
    else if ('link' in content) symlinkSync(content.link, path);
    else writeFileSync(path, content);
  }
}
