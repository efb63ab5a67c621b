import { printable } from '../format/printable.ts';
import type { NotedRewind, Rewind } from '../index.ts';
import { timeText } from './show.ts';
import { clearStatus } from './status.ts';
import { stderr } from './stderr.ts';
import { entryRange } from './words.ts';

/** What this machine saw acknowledged and the log does not hold, in words; `then`: of an earlier time. */
export function rewoundText({ from, to, head }: Rewind, then = false): string {
  const [end, has] = then ? ['ended at', 'had'] : ['ends at', 'has'];
  const ends = head.seq < to ? end : `${has} another entry ${to}, and ${end}`;
  const gone = `${entryRange(from, to)} ${from === to ? 'is' : 'are'} gone`;
  return `this machine saw entry ${to} acknowledged; the log here ${ends} ${head.seq} (cut, restored, checked out?): ${gone}`;
}

/** What was found to be gone at an earlier time, with that time. */
export function notedText(noted: NotedRewind): string {
  return `${rewoundText(noted, true)} (noticed ${timeText(noted.ts).trimEnd()})`;
}

/** Says so on standard error. */
export function sayRewound(rewind: Rewind): void {
  clearStatus();
  const message = rewoundText(rewind);
  const text = process.argv.includes('--json')
    ? JSON.stringify({ note: 'rewound', ...rewind, message })
    : `jsonl-wal: ${printable(message)}`;
  stderr().write(`${text}\n`);
}
