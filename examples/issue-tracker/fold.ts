import type { Fold, LogRecord } from 'jsonl-wal';
import { type Claim, type Data, DEFAULT_PRIORITY, type Issue, isGone, isLive, timeOf } from './issues.ts';
import { isoTime } from './time.ts';

/**
 * How the log's records become the state: every issue that ever was, by id. Nothing else ever changes the state. Those that are
 * neither closed nor deleted are kept in order, the most urgent first, then the oldest.
 */
export const ISSUES: Fold<Issue> = {
  name: 'issues',
  version: 1,
  // An operation that this version does not know changes nothing.
  apply: (issue, record) => next(issue, record) ?? issue,
  order: ({ value }) => (isLive(value) ? [value.priority, value.createdAt] : undefined),
};

/** The issue after a record; undefined where the record says nothing that this version knows. */
function next(issue: Issue | undefined, { op, id, ts, data: given }: LogRecord): Issue | undefined {
  // Other programs may write to the log too (an import, a newer version): their data may be of any shape.
  const data = isObject(given) ? given : {};
  const { by, ...said } = data;
  if (op === 'add' || (op === 'delete' && data.status === 'tombstone')) return issueFrom(id, ts, data, issue);
  if (issue === undefined || isGone(issue)) return undefined;
  switch (op) {
    case 'update':
      return changed(issue, ts, said);
    case 'close':
      return changed(issue, ts, { ...said, status: 'closed' });
    case 'reopen':
      return changed(issue, ts, { close_reason: null, defer_until: null, ...said, status: 'open' });
    case 'delete':
      return changed(issue, ts, { ...said, dependencies: [], status: 'deleted' });
    case 'block':
    case 'unblock': {
      const { blocker, ...rest } = said;
      if (typeof blocker !== 'string') return undefined;
      const others = (issue.dependencies ?? []).filter((each) => blockerIn(each) !== blocker);
      const blocks = {
        issue_id: id,
        depends_on_id: blocker,
        type: 'blocks',
        created_at: isoTime(ts),
        ...(typeof by === 'string' && { created_by: by }),
      };
      return changed(issue, ts, { ...rest, dependencies: op === 'block' ? [...others, blocks] : others });
    }
    default:
      return undefined;
  }
}

/**
 * An issue as it is added: by `create`, with no more than `by`; or as beads has it, with all that happened to it there. Where it
 * was here before, only a lease is left of that: beads has no field for it.
 */
export function issueFrom(id: string, ts: number, data: Data, before?: Issue): Issue {
  const { by, ...said } = data;
  const isFromBeads = ['id', 'created_at', 'updated_at'].some((name) => name in data);
  const lease = before?.claim?.by === data.assignee ? before?.claim : undefined;
  const nothing: Issue = {
    id,
    title: '',
    description: '',
    priority: DEFAULT_PRIORITY,
    status: 'open',
    createdAt: ts,
    createdBy: typeof by === 'string' && !isFromBeads ? by : '',
    updatedAt: ts,
    blockedBy: [],
    ...(lease !== undefined && { claim: lease }),
  };
  if (!isFromBeads) return changed(nothing, ts, said, true);
  // No field of beads: it is kept, and is no claim here.
  const { claim, ...line } = data;
  const issue = changed(nothing, ts, { status: 'open', ...line }, true);
  return claim === undefined ? issue : { ...issue, other: { ...issue.other, claim } };
}

/** The issue with what the data says of it, each field by its name in beads. In a change, null takes a field away. */
function changed(before: Issue, ts: number, { claim, ...data }: Data, isNew = false): Issue {
  const { claim: held, closedAt, other: kept = {}, ...rest } = before;
  const issue: { -readonly [K in keyof Issue]: Issue[K] } = rest;
  const other = new Map(Object.entries(kept));
  other.delete('updated_at');
  // What beads calls in progress, with an assignee, is a claim here.
  if (held !== undefined) {
    issue.status = 'in_progress';
    other.set('assignee', held.by);
  }
  for (const [name, value] of Object.entries({ ...claimFields(claim, issue.status), ...data })) {
    const known = KNOWN.get(name)?.(value);
    Object.assign(issue, known);
    // What is not of a shape that is known here stays as it came.
    if (known !== undefined || (value === null && !isNew)) other.delete(name);
    else other.set(name, value);
  }
  const assignee = other.get('assignee');
  const until = isClaim(claim) ? claim.until : assignee === held?.by ? held?.until : undefined;
  if (issue.status === 'in_progress' && typeof assignee === 'string' && assignee !== '') {
    issue.status = 'open';
    issue.claim = { by: assignee, ...(until !== undefined && { until }) };
    other.delete('assignee');
  } else if (until !== undefined && until <= ts && !('assignee' in data)) other.delete('assignee');

  issue.createdAt = timeOf(data.created_at) ?? issue.createdAt;
  // It grows with each change, also where a clock went back: of two files the newer one is known by it.
  issue.updatedAt = timeOf(data.updated_at) ?? (isNew ? ts : Math.max(ts, before.updatedAt + 1));
  if (issue.status === 'closed') {
    const wasClosed = before.status === 'closed';
    if (!wasClosed && !('closed_at' in data)) other.delete('closed_at');
    issue.closedAt = timeOf(other.get('closed_at')) ?? (wasClosed ? closedAt : undefined) ?? issue.updatedAt;
  } else if (before.status === 'closed') other.delete('closed_at');
  // A time is kept as it was written only where it is written in another way than here.
  for (const [name, ms] of [
    ['created_at', issue.createdAt],
    ['updated_at', issue.updatedAt],
    ['closed_at', issue.closedAt],
  ] as const)
    if (ms !== undefined && other.get(name) === isoTime(ms)) other.delete(name);
  return other.size === 0 ? issue : { ...issue, other: Object.fromEntries(other) };
}

/** What a claim, or the end of one, says in beads' words of an issue with that status. */
function claimFields(claim: unknown, status: string): Data {
  if (claim === null) return status === 'in_progress' ? { status: 'open', assignee: null } : {};
  if (!isClaim(claim)) return claim === undefined ? {} : { claim };
  return { assignee: claim.by, ...(status === 'open' && { status: 'in_progress' }) };
}

/** What a field of beads sets; undefined where its value is not of the shape that it has there. */
const KNOWN = new Map<string, (value: unknown) => Partial<Issue> | undefined>([
  ['id', () => ({})],
  ['title', (title) => (typeof title === 'string' ? { title } : undefined)],
  ['description', (description) => (typeof description === 'string' ? { description } : undefined)],
  ['status', (status) => (typeof status === 'string' && status !== '' ? { status } : undefined)],
  ['priority', (priority) => (typeof priority === 'number' ? { priority } : undefined)],
  ['issue_type', (type) => (typeof type === 'string' ? { type } : undefined)],
  [
    'created_by',
    (createdBy) => (typeof createdBy === 'string' && createdBy !== '' ? { createdBy } : undefined),
  ],
  [
    'dependencies',
    (value) =>
      Array.isArray(value)
        ? { dependencies: value, blockedBy: value.flatMap((each) => blockerIn(each) ?? []) }
        : undefined,
  ],
]);

function blockerIn(dependency: unknown): string | undefined {
  const { type, depends_on_id: id } = isObject(dependency) ? dependency : {};
  return type === 'blocks' && typeof id === 'string' ? id : undefined;
}

function isClaim(value: unknown): value is Claim {
  return (
    isObject(value) &&
    typeof value.by === 'string' &&
    (value.until === undefined || typeof value.until === 'number')
  );
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null;
}
