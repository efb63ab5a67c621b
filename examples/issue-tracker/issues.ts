import type { Fold, LogRecord } from 'jsonl-wal';
import { Refusal } from './refusal.ts';

/** Who works on an issue. With `until` (milliseconds since the epoch) it is a lease: the claim ends then by itself. */
export interface Claim {
  readonly by: string;
  readonly until?: number;
}

export interface Issue {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** 0 is the most urgent. */
  readonly priority: number;
  /** A deleted issue stays known, so that its id is not given out again and a late change is told what happened. */
  readonly status: 'open' | 'closed' | 'deleted';
  readonly createdAt: number;
  readonly createdBy: string;
  readonly updatedAt: number;
  readonly closedAt?: number;
  /** Ids of the issues this one waits for. */
  readonly blockedBy: readonly string[];
  readonly claim?: Claim;
  /** `bug`, `feature` and so on, where beads said so. */
  readonly type?: string;
}

/** Where issues are looked up by id: the table, a transaction, or a Map. */
export interface Lookup {
  get(id: string): Issue | undefined;
}

export const DEFAULT_PRIORITY = 2;

/**
 * How the log's records become the state: every issue that ever was, by id. Nothing else ever changes the state. The open ones
 * are kept in order, the most urgent first, then the oldest.
 */
export const ISSUES: Fold<Issue> = {
  name: 'issues',
  version: 1,
  // What a record says that this version does not know changes nothing.
  apply: (issue, record) => next(issue, record) ?? issue,
  order: ({ value: { status, priority, createdAt } }) =>
    status === 'open' ? [priority, createdAt] : undefined,
};

/** The issue after a record; undefined where the record says nothing that this version knows. */
function next(issue: Issue | undefined, { op, id, ts, data: given }: LogRecord): Issue | undefined {
  // Other programs may write to the log too (an import, a newer version): what is of another shape is passed over.
  const data = isObject(given) ? given : {};
  if (op === 'add') return { ...newIssue(id, ts, data), ...edits(data) };
  if (issue === undefined || issue.status === 'deleted') return undefined;
  const { claim: _, ...unclaimed } = issue;
  const { closedAt: __, ...reopened } = unclaimed;
  const blocker = typeof data.blocker === 'string' ? [data.blocker] : [];
  const otherBlockers = issue.blockedBy.filter((other) => !blocker.includes(other));
  switch (op) {
    case 'update':
      return { ...(data.claim === null ? unclaimed : issue), ...edits(data), updatedAt: ts };
    case 'close':
      return { ...unclaimed, status: 'closed', closedAt: ts, updatedAt: ts };
    case 'reopen':
      return { ...reopened, status: 'open', updatedAt: ts };
    case 'delete':
      return { ...unclaimed, status: 'deleted', blockedBy: [], updatedAt: ts };
    case 'block':
      return { ...issue, blockedBy: [...otherBlockers, ...blocker], updatedAt: ts };
    case 'unblock':
      return { ...issue, blockedBy: otherBlockers, updatedAt: ts };
    default:
      return undefined;
  }
}

type Data = Readonly<Record<string, unknown>>;

/** An issue as it is added: by `create`, with no more than `by`; or as beads has it, with all that became of it there. */
function newIssue(id: string, ts: number, data: Data): Issue {
  const { by, created_by, updated_at, closed_at, assignee, dependencies, issue_type } = data;
  const status = data.status === 'closed' ? 'closed' : data.status === 'tombstone' ? 'deleted' : 'open';
  const createdBy = [by, created_by].find((name) => typeof name === 'string') as string | undefined;
  const updatedAt = timeOf(updated_at) ?? ts;
  const isClaimed = data.status === 'in_progress' && typeof assignee === 'string' && assignee !== '';
  return {
    id,
    title: '',
    description: '',
    priority: DEFAULT_PRIORITY,
    status,
    createdAt: ts,
    createdBy: createdBy ?? '',
    updatedAt,
    ...(status === 'closed' && { closedAt: timeOf(closed_at) ?? updatedAt }),
    blockedBy: Array.isArray(dependencies) ? dependencies.flatMap(blockerIn) : [],
    ...(isClaimed && { claim: { by: assignee } }),
    ...(typeof issue_type === 'string' && { type: issue_type }),
  };
}

function blockerIn(dependency: unknown): string[] {
  const { type, depends_on_id: id } = isObject(dependency) ? dependency : {};
  return type === 'blocks' && typeof id === 'string' ? [id] : [];
}

function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** What the data of an `add` or `update` sets. */
function edits({ title, description, priority, claim }: Data): Partial<Issue> {
  return {
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
    ...(typeof priority === 'number' && { priority }),
    ...(isClaim(claim) && { claim }),
  };
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

/** The issue of that id, which must exist and not be deleted. */
export function existing(issues: Lookup, id: string): Issue {
  const issue = issues.get(id);
  if (issue === undefined) throw new Refusal('NOT_FOUND', `There is no issue ${id}.`);
  if (issue.status === 'deleted')
    throw new Refusal('WRONG_STATE', `${id} was deleted: "history ${id}" says by whom.`);
  return issue;
}

/** The claim that counts now: a lease that has run out does not. */
export function claimOf({ claim }: Issue, now: number): Claim | undefined {
  return claim?.until !== undefined && claim.until <= now ? undefined : claim;
}

/** The ids of the issues that this one still waits for. */
export function openBlockers(issues: Lookup, { blockedBy }: Issue): string[] {
  return blockedBy.filter((id) => issues.get(id)?.status === 'open');
}

/** Whether somebody could begin with it: open, unblocked, unclaimed. */
export function isReady(issues: Lookup, issue: Issue, now: number): boolean {
  return issue.status === 'open' && !claimOf(issue, now) && openBlockers(issues, issue).length === 0;
}

/** The order of ISSUES, for those that are not in it, too. */
export function byUrgency(a: Issue, b: Issue): number {
  return a.priority - b.priority || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

/** The way from one issue to another along what each waits for, both ends included; undefined where there is none. */
export function waitingPath(issues: Lookup, from: string, to: string): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  for (const id of cameFrom.keys()) {
    if (id === to) {
      const path = [id];
      for (let at = cameFrom.get(id); at !== undefined; at = cameFrom.get(at)) path.unshift(at);
      return path;
    }
    for (const blocker of issues.get(id)?.blockedBy ?? []) {
      if (!cameFrom.has(blocker)) cameFrom.set(blocker, id);
    }
  }
  return undefined;
}
