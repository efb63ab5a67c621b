import { appendFileSync, chmodSync, existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { textOf } from './read-file.ts';

/** What of a log's directory belongs to this machine, and not into git. */
const IGNORED = ['wal.lock*', 'wal.failed-sync', 'wal.mark', 'wal.rewound', 'backups/', '*.tmp'];
/** Git must not touch the line ends: a line's checksum is made of its bytes. */
const ATTRIBUTES = ['*.jsonl -text'];

/**
 * Writes .gitignore, and .gitattributes where the log is made for git, or lies in a repository; returns the names of those it
 * changed. `mode`: the permissions of one that it makes.
 */
export function writeGitFiles(directory: string, git: boolean, mode?: number): string[] {
  const wanted = [
    ['.gitignore', IGNORED],
    ...(git || isInRepository(directory) ? ([['.gitattributes', ATTRIBUTES]] as const) : []),
  ] as const;
  const changed: string[] = [];
  for (const [name, lines] of wanted) {
    const path = join(directory, name);
    const isNew = !existsSync(path);
    if (!addLines(path, lines)) continue;
    changed.push(name);
    if (isNew && mode !== undefined) chmodSync(path, mode);
  }
  return changed;
}

export function isInRepository(directory: string): boolean {
  for (let at = resolve(directory); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return true;
    if (at === dirname(at)) return false;
  }
}

/** Names of those files that lack a line, of a log in a repository. */
export function wantingGitFiles(directory: string): string[] {
  const lacks = (name: string, lines: readonly string[]) =>
    missingIn(textOf(join(directory, name)) ?? '', lines).length > 0;
  return [
    ...(lacks('.gitignore', IGNORED) ? ['.gitignore'] : []),
    ...(lacks('.gitattributes', ATTRIBUTES) ? ['.gitattributes'] : []),
  ];
}

function missingIn(text: string, lines: readonly string[]): string[] {
  const there = new Set(text.split('\n').map((line) => line.trim()));
  return lines.filter((line) => !there.has(line));
}

/** Adds the lines that a file lacks, and leaves the rest as it is. */
function addLines(path: string, lines: readonly string[]): boolean {
  const before = textOf(path) ?? '';
  const missing = missingIn(before, lines);
  if (missing.length === 0) return false;
  const newline = before === '' || before.endsWith('\n') ? '' : '\n';
  appendFileSync(path, `${newline}${missing.join('\n')}\n`);
  return true;
}
