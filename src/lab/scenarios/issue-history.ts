import type { Draft } from '../harness/recorded-store.ts';
import { seeded } from '../seeded.ts';

const SEED = 1;

const AGENTS = ['ada', 'brook', 'cy', 'dov', 'esme', 'finn', 'gus'];
const TYPES = ['bug', 'bug', 'task', 'task', 'feature', 'chore'];
const LABELS = ['backend', 'cli', 'docs', 'flaky', 'good-first-issue', 'performance', 'security', 'ux'];
const PARTS = [
  'the import command',
  'the nightly export',
  'full-text search',
  'the login form',
  'the webhook sender',
  'the settings page',
  'the mail queue',
  'the audit report',
  'the attachment store',
  'the rate limiter',
  'the release script',
  'the mobile layout',
];
const FAULTS = [
  'drops the last row',
  'hangs on an empty file',
  'shows yesterday’s numbers',
  'forgets the time zone',
  'fails behind a proxy',
  'counts closed issues twice',
  'ignores the page size',
  'leaks a file handle',
  'sorts names with accents last',
  'needs two tries after a restart',
];
const WISHES = [
  'Split the tests of',
  'Write a guide to',
  'Measure the memory of',
  'Remove dead options from',
  'Translate the messages of',
  'Add a dry run to',
  'Make retries visible in',
  'Cache the results of',
];
const DETAILS = [
  'It began after the last release and happens to about one user in twenty.',
  'A small file is enough to see it; the log shows nothing unusual.',
  'The old behaviour is still described in the manual, so people rely on it.',
  'Whoever takes this should look at the retry path first.',
  'A failing test is on the branch; it passes when run alone.',
  'Support has three open questions about it, all from large teams.',
  'Not urgent, but it makes every other change in that file harder.',
  'We agreed to keep the file format as it is.',
];
const REMARKS = [
  'Can reproduce it here, on two machines.',
  'The cause is one level deeper than we thought: the caller passes a relative path.',
  'Review is done, two small remarks, then it can go in.',
  'Waiting for an answer from the people who run it in production.',
  'Half of it is in; the rest needs the schema change first.',
];
const REASONS = ['fixed', 'fixed', 'fixed', 'released', 'duplicate', 'cannot reproduce', 'no longer needed'];

/** The made-up history of an issue tracker that several agents work on, without end: the same each time. */
export function* issueHistory(): Generator<Draft, never, undefined> {
  const random = seeded(SEED);
  const below = (n: number) => Math.floor(random() * n);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const open: string[] = [];
  const closed: string[] = [];
  const take = (list: string[]) => list.splice(below(list.length), 1)[0] as string;

  const add = (): Draft => {
    const id = `bd-${below(36 ** 6)
      .toString(36)
      .padStart(6, '0')}`;
    open.push(id);
    const part = one(PARTS);
    const type = one(TYPES);
    const title =
      type === 'bug'
        ? `${part.charAt(0).toUpperCase()}${part.slice(1)} ${one(FAULTS)}`
        : `${one(WISHES)} ${part}`;
    const description = Array.from({ length: 2 + below(3) }, () => one(DETAILS)).join(' ');
    const labels = [...new Set([one(LABELS), one(LABELS)])];
    return {
      op: 'add',
      id,
      data: { title, description, type, labels, priority: below(5), status: 'open', author: one(AGENTS) },
    };
  };
  const change = (): Draft => {
    const id = one(open);
    const agent = one(AGENTS);
    switch (below(8)) {
      case 0:
      case 1:
        return { op: 'update', id, data: { status: 'in_progress', assignee: agent, by: agent } };
      case 2:
        return { op: 'update', id, data: { priority: below(5), labels: [one(LABELS)], by: agent } };
      case 3:
        return { op: 'update', id, data: { description: `${one(DETAILS)} ${one(DETAILS)}`, by: agent } };
      case 4:
        return { op: 'block', id, data: { on: one(open), kind: 'blocks', by: agent } };
      case 5:
        return { op: 'unblock', id, data: { on: one(open), by: agent } };
      default:
        return { op: 'comment', id, data: { text: `${one(REMARKS)} ${one(DETAILS)}`, by: agent } };
    }
  };
  const finish = (op: 'close' | 'reopen' | 'delete'): Draft => {
    const id = take(op === 'close' ? open : closed);
    if (op !== 'delete') (op === 'close' ? closed : open).push(id);
    return { op, id, data: { reason: op === 'close' ? one(REASONS) : one(REMARKS), by: one(AGENTS) } };
  };
  const next = (): Draft => {
    const chance = random();
    if (open.length < 10 || chance < 0.35) return add();
    if (chance < 0.78) return change();
    if (chance < 0.94 || closed.length === 0) return finish('close');
    return finish(chance < 0.97 ? 'reopen' : 'delete');
  };

  for (;;) yield next();
}
