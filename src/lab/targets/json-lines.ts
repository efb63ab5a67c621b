import { readFile } from 'node:fs/promises';
import { hasCode } from '../../errors/errors.ts';
import type { Oddity, StoreEntry } from '../target.ts';

/** A line as it is written; `seq` where the writer numbers them. */
export type JsonLine = StoreEntry & { readonly seq?: number };

/** What is in a file of JSON lines. */
export interface JsonLines {
  readonly entries: readonly JsonLine[];
  /** The lines that are no entries: they are passed over. */
  readonly oddities: readonly Oddity[];
}

export function toJsonLines(entries: readonly JsonLine[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** Reads a file of JSON lines as most applications do; what is not there is empty. */
export async function readJsonLines(path: string): Promise<JsonLines> {
  try {
    return parseJsonLines(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { entries: [], oddities: [] };
    throw error;
  }
}

export function parseJsonLines(text: string): JsonLines {
  const entries: JsonLine[] = [];
  const oddities: Oddity[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line === '') continue;
    const entry = parse(line);
    if (entry !== undefined) entries.push(entry);
    else oddities.push({ kind: 'damaged', message: `line ${i + 1} is no entry: ${shown(line)}` });
  }
  return { entries, oddities };
}

function parse(line: string): JsonLine | undefined {
  try {
    const entry = JSON.parse(line) as Partial<JsonLine> | null;
    return typeof entry?.id === 'string' ? (entry as JsonLine) : undefined;
  } catch {
    return undefined;
  }
}

function shown(line: string): string {
  return line.length > 60 ? `${line.slice(0, 60)}…` : line;
}
