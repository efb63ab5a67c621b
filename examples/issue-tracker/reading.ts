import { countOf, type Given, priorityOf, UsageError } from './arguments.ts';
import type { Answer } from './commands.ts';
import { byUrgency, claimOf, existing, type Issue, isReady } from './issues.ts';
import { historyLine, issueCard, issueLine } from './output.ts';
import { Tracker } from './tracker.ts';

const READY = 10;
const LISTED = 50;

type Status = 'open' | 'closed';

/** The issues to begin with. */
export function ready({ options }: Given): Promise<Answer> {
  const limit = limitOf(options, READY);
  return reading((tracker) => {
    const now = Date.now();
    const open = limit === Infinity ? sorted(tracker, { status: 'open' }) : inOrder(tracker);
    return first(tracker, open, limit, (issue) => isReady(tracker.issues, issue, now));
  });
}

/** The issues of a status, the most urgent first; open ones before closed ones. */
export function list({ options }: Given): Promise<Answer> {
  const limit = limitOf(options, LISTED);
  const statuses = statusesOf(options.status ?? ('all' in options ? 'any' : 'open'));
  const priority = priorityOf(options.priority);
  const by = options['claimed-by'];
  const filtered = priority !== undefined || by !== undefined;
  return reading((tracker) => {
    const now = Date.now();
    const fields = priority === undefined ? {} : { priority };
    function* candidates(): Generator<Issue, void, undefined> {
      for (const status of statuses) {
        // In order, each is looked up by itself: that is quick for a few, and where all pass.
        if (status === 'open' && !filtered && limit !== Infinity) yield* inOrder(tracker);
        else yield* sorted(tracker, { status, ...fields });
      }
    }
    return first(tracker, candidates(), limit, (issue) => by === undefined || claimOf(issue, now)?.by === by);
  });
}

export function show({ operands: [id = ''] }: Given): Promise<Answer> {
  return reading(({ issues }) => {
    const issue = existing(issues, id);
    return { value: issue, text: issueCard(issues, issue, Date.now()) };
  });
}

export function history({ operands: [id = ''] }: Given): Promise<Answer> {
  return reading(async (tracker) => {
    const { records, from } = await tracker.history(id);
    return {
      value: records,
      text: records.map(historyLine).join('\n'),
      note:
        from === 1
          ? undefined
          : `Known from entry ${from} of the log on: what came before was compacted, and is only in the state.`,
    };
  });
}

async function reading(read: (tracker: Tracker) => Answer | Promise<Answer>): Promise<Answer> {
  const tracker = await Tracker.open(process.cwd(), { readOnly: true });
  try {
    return await read(tracker);
  } finally {
    await tracker.close();
  }
}

function* inOrder({ issues }: Tracker): Generator<Issue, void, undefined> {
  for (const { value } of issues.inOrder()) yield value;
}

function sorted(
  { issues }: Tracker,
  fields: { readonly status: Status; readonly priority?: number },
): Issue[] {
  return issues
    .list(fields)
    .map(({ value }) => value)
    .sort(byUrgency);
}

/** The first that pass. */
function first(
  { issues }: Tracker,
  candidates: Iterable<Issue>,
  limit: number,
  passes: (issue: Issue) => boolean,
): Answer {
  const now = Date.now();
  const found: Issue[] = [];
  let more = false;
  for (const issue of candidates) {
    if (!passes(issue)) continue;
    more = found.length === limit;
    if (more) break;
    found.push(issue);
  }
  return {
    value: found,
    text: found.map((issue) => issueLine(issues, issue, now)).join('\n'),
    note: more ? 'There are more: use --all, or -n.' : undefined,
  };
}

function limitOf(options: Given['options'], usual: number): number {
  return countOf(options.number) ?? ('all' in options ? Infinity : usual);
}

function statusesOf(text: string): readonly Status[] {
  if (text === 'any') return ['open', 'closed'];
  if (text === 'open' || text === 'closed') return [text];
  throw new UsageError('The status must be open, closed or any.');
}
