import { type Answer, countOf, type Given, priorityOf, UsageError } from './arguments.ts';
import { byUrgency, claimOf, existing, type Issue, isLive, isReady } from './issues.ts';
import { historyLine, issueCard, issueLine } from './output.ts';
import { Tracker } from './tracker.ts';

const READY = 10;
const LISTED = 50;
/** The statuses that beads has; a project may have others. */
const STATUSES = ['open', 'in_progress', 'blocked', 'deferred', 'pinned', 'hooked', 'closed'];

/** The issues to begin with. */
export function ready({ options }: Given): Promise<Answer> {
  const limit = limitOf(options, READY);
  return reading((tracker) => {
    const now = Date.now();
    const open = limit === Infinity ? sorted(tracker, { status: 'open' }) : inOrder(tracker);
    return first(tracker, open, limit, (issue) => isReady(tracker.issues, issue, now));
  });
}

/** Those that are neither closed nor deleted, or those of a status; the most urgent first, closed ones last. */
export function list({ options }: Given): Promise<Answer> {
  const limit = limitOf(options, LISTED);
  const status = options.status ?? ('all' in options ? 'any' : undefined);
  const priority = priorityOf(options.priority);
  const by = options['claimed-by'];
  return reading((tracker) => {
    const now = Date.now();
    // Who has claimed an issue has an open one.
    const fields = {
      ...(priority !== undefined && { priority }),
      ...(by !== undefined && { status: 'open' }),
    };
    const passes = (issue: Issue): boolean => by === undefined || claimOf(issue, now)?.by === by;
    function* candidates(): Generator<Issue, void, undefined> {
      if (status !== undefined && status !== 'any') {
        yield* sorted(tracker, { ...fields, status });
        return;
      }
      // In order, each is looked up by itself: that is quick for a few, and where all pass.
      if (Object.keys(fields).length === 0 && limit !== Infinity) yield* inOrder(tracker);
      else yield* sorted(tracker, fields).filter(isLive);
      if (status === 'any' && by === undefined) yield* sorted(tracker, { ...fields, status: 'closed' });
    }
    const answer = first(tracker, candidates(), limit, passes);
    const isOfBeads = status === undefined || status === 'any' || STATUSES.includes(status);
    if (!isOfBeads && answer.text === '' && tracker.issues.list({ status }).length === 0)
      throw new UsageError(
        `No issue has the status ${JSON.stringify(status)}: it is ${STATUSES.join(', ')}, or any.`,
      );
    return answer;
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

function sorted({ issues }: Tracker, fields: Readonly<Record<string, unknown>>): Issue[] {
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
