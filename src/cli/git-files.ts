import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './read-file.ts';

/** What of a log's directory belongs to this machine, and not into git. */
const IGNORED = ['wal.lock*', 'wal.suspect', 'backups/', '*.tmp'];
/** Git must not touch the line ends: a line's checksum is made of its bytes. */
const ATTRIBUTES = ['*.jsonl -text'];

/** Writes .gitignore, and .gitattributes for a log that is kept in git; returns the names of those it changed. */
export function writeGitFiles(directory: string, git: boolean): string[] {
  const changed: string[] = [];
  if (addLines(join(directory, '.gitignore'), IGNORED)) changed.push('.gitignore');
  if (git && addLines(join(directory, '.gitattributes'), ATTRIBUTES)) changed.push('.gitattributes');
  return changed;
}

/** Names of those files that lack a line. */
export function wantingGitFiles(directory: string, git: boolean): string[] {
  const lacks = (name: string, lines: readonly string[]) =>
    missingIn(textOf(join(directory, name)) ?? '', lines).length > 0;
  return [
    ...(lacks('.gitignore', IGNORED) ? ['.gitignore'] : []),
    ...(git && lacks('.gitattributes', ATTRIBUTES) ? ['.gitattributes'] : []),
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
