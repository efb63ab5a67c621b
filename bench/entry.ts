import type { Entry } from '../src/index.ts';
import { seeded } from '../src/lab/seeded.ts';

const OPS = ['add', 'update', 'claim', 'close', 'reopen', 'block', 'unblock'];
const KINDS = ['bug', 'task', 'feature', 'chore'];
const PEOPLE = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'agent-3', 'agent-17'];
const LABELS = ['storage', 'lock', 'docs', 'cli', 'windows', 'slow', 'flaky', 'good-first-issue'];
const WORDS =
  'the log stops when a second writer waits for its lock too long and then nothing says who holds it so add a line that names the process measure again keep what works'.split(
    ' ',
  );
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Entries as an issue tracker appends them, about 300 bytes of JSON each; the same for the same seed. */
export function makeEntries(count: number, seed: number): Entry[] {
  const random = seeded(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const words = (count: number): string => Array.from({ length: count }, () => pick(WORDS)).join(' ');
  const id = (): string => `bd-${Array.from({ length: 4 }, () => pick([...ALPHABET])).join('')}`;
  return Array.from({ length: count }, (_, i) => ({
    op: pick(OPS),
    id: id(),
    ts: 1_700_000_000_000 + i * 1000,
    data: {
      title: words(4 + Math.floor(random() * 4)),
      description: words(8 + Math.floor(random() * 16)),
      issue_type: pick(KINDS),
      priority: Math.floor(random() * 5),
      assignee: pick(PEOPLE),
      labels: [pick(LABELS), pick(LABELS)],
      depends_on: [id()],
    },
  }));
}
