import { printable } from '../format/printable.ts';
import { clearStatus } from './status.ts';
import { stderr } from './stderr.ts';

/** Says on standard error what is no error; with --json as JSON. */
export function sayNote(note: string): void {
  clearStatus();
  const text = process.argv.includes('--json') ? JSON.stringify({ note }) : `jsonl-wal: ${note}`;
  stderr().write(`${printable(text)}\n`);
}
