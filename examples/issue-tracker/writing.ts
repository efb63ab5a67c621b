import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Answer, type Given, nonEmpty, priorityOf, UsageError } from './arguments.ts';
import {
  block,
  type Change,
  claim,
  claimNext,
  close,
  create,
  type Edit,
  remove,
  reopen,
  unblock,
  update,
} from './changes.ts';
import { DEFAULT_PRIORITY, type Issue } from './issues.ts';
import { keepMirror, syncMirror } from './mirror.ts';
import { issueLine, printable } from './output.ts';
import { takeIn } from './take-in.ts';
import { parseDuration } from './time.ts';
import { Tracker } from './tracker.ts';

process.removeAllListeners('warning').on('warning', ({ name, message }) => {
  process.stderr.write(`${printable(`${name}: ${message}`)}\n`);
});

export function init(): Promise<Answer> {
  return using(Tracker.init(process.cwd()), async ({ directory }) => ({
    value: { directory },
    text: printable(directory),
    note: existsSync(join(directory, 'issues.jsonl'))
      ? 'There is an issues.jsonl already: "import" takes its issues in.'
      : undefined,
  }));
}

export function createIssue({ operands: [title = ''], options }: Given): Promise<Answer> {
  const edit = { priority: DEFAULT_PRIORITY, ...editOf(options), title: nonEmpty('The title', title) };
  const nonce = randomBytes(8).toString('hex');
  return change(create(edit, agent(options), nonce), ({ id }) => id);
}

export function updateIssue({ operands: [id = ''], options }: Given): Promise<Answer> {
  const edit = editOf(options);
  const release = 'release' in options;
  if (!release && Object.keys(edit).length === 0) throw new UsageError('Say what is to change.');
  return change(update(id, edit, release, agent(options)));
}

export function claimIssue({ operands: [id], options }: Given): Promise<Answer> {
  const isNext = 'next' in options;
  if (isNext === (id !== undefined)) throw new UsageError('Name an issue, or use --next: one of the two.');
  const renew = 'renew' in options;
  if (isNext && renew) throw new UsageError('--next takes a new one: --renew is for one that you name.');
  const lease = leaseOf(options.lease);
  const by = agent(options);
  return change(id === undefined ? claimNext(by, lease) : claim(id, by, lease, renew));
}

export function closeIssue({ operands: [id = ''], options }: Given): Promise<Answer> {
  return change(close(id, agent(options), 'force' in options));
}

export function reopenIssue({ operands: [id = ''], options }: Given): Promise<Answer> {
  return change(reopen(id, agent(options)));
}

export function deleteIssue({ operands: [id = ''], options }: Given): Promise<Answer> {
  return change(remove(id, agent(options)));
}

export function blockIssue({ operands: [id = '', blocker = ''], options }: Given): Promise<Answer> {
  return change(block(id, blocker, agent(options)));
}

export function unblockIssue({ operands: [id = '', blocker = ''], options }: Given): Promise<Answer> {
  return change(unblock(id, blocker, agent(options)));
}

export function importIssues({ operands: [file], options }: Given): Promise<Answer> {
  return using(Tracker.open(process.cwd()), async ({ issues, directory }) => {
    const path = file ?? join(directory, 'issues.jsonl');
    const value = await takeIn(issues, path, 'force' in options);
    const { taken, same, older } = value;
    const left =
      older.length === 0 ? '' : `; the log has newer ones ("--force" takes these): ${older.join(', ')}`;
    const text = printable(`${taken.length} taken in, ${same.length} were the same${left}`);
    return { value, text, note: await mirrorNote(issues, directory) };
  });
}

export function sync({ options }: Given): Promise<Answer> {
  // The log is only read.
  return using(Tracker.open(process.cwd(), { readOnly: true }), async ({ issues, directory }) => {
    const file = await syncMirror(issues, directory, 'force' in options);
    return { value: { file }, text: printable(file) };
  });
}

/** Makes one change, and tells what became of the issue. */
function change(decide: Change, text?: (issue: Issue) => string): Promise<Answer> {
  return using(Tracker.open(process.cwd()), async (tracker) => {
    const { issues, directory } = tracker;
    const issue = await tracker.change(decide);
    const said = text?.(issue) ?? issueLine(issues, issue, Date.now());
    return { value: issue, text: said, note: await mirrorNote(issues, directory) };
  });
}

/** The change is made, also where its mirror cannot be. */
async function mirrorNote(issues: Tracker['issues'], directory: string): Promise<string | undefined> {
  try {
    await keepMirror(issues, directory);
    return undefined;
  } catch (error) {
    return printable(`Done, but issues.jsonl is not up to date: ${(error as Error).message}`);
  }
}

async function using(opening: Promise<Tracker>, use: (tracker: Tracker) => Promise<Answer>): Promise<Answer> {
  const tracker = await opening;
  try {
    return await use(tracker);
  } finally {
    await tracker.close();
  }
}

function editOf({ title, description, priority }: Given['options']): Edit {
  const number = priorityOf(priority);
  return {
    ...(title !== undefined && { title: nonEmpty('The title', title) }),
    ...(description !== undefined && { description }),
    ...(number !== undefined && { priority: number }),
  };
}

function leaseOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms === undefined)
    throw new UsageError('The lease must be a time such as 90s, 30m or 2h, a year at most.');
  return ms;
}

function agent({ as }: Given['options']): string {
  if (as !== undefined) return nonEmpty('The name of the agent', as);
  return process.env.ISSUE_AGENT || process.env.USER || userInfo().username;
}
