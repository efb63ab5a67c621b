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
  /**
   * `open`, `closed`, or another word of beads (`blocked`, `deferred`, ...). A claimed issue is `open` and has a claim; it is `in_progress`
   * where nobody is named who works on it. `deleted` here, or `tombstone` where beads deleted it: it stays known, so
   * that its id is not given out again and a late change is told what happened.
   */
  readonly status: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly updatedAt: number;
  readonly closedAt?: number;
  /** Ids of the issues this one waits for: those that `dependencies` names as `blocks`. */
  readonly blockedBy: readonly string[];
  /** As beads has them, of all kinds. */
  readonly dependencies?: readonly unknown[];
  readonly claim?: Claim;
  /** `bug`, `feature` and so on, where beads said so. */
  readonly type?: string;
  /** All else that was said of it, by its name in beads: labels, comments, fields that nobody here knows. It is written back as it came. */
  readonly other?: Data;
}

export type Data = Readonly<Record<string, unknown>>;

/** Where issues are looked up by id: the table, a transaction, or a Map. */
export interface Lookup {
  get(id: string): Issue | undefined;
}

export const DEFAULT_PRIORITY = 2;

/** The issue of that id, which must exist and not be deleted. */
export function existing(issues: Lookup, id: string): Issue {
  const issue = issues.get(id);
  if (issue === undefined) throw new Refusal('NOT_FOUND', `There is no issue ${id}.`);
  if (isGone(issue)) throw new Refusal('WRONG_STATE', `${id} was deleted: "history ${id}" says by whom.`);
  return issue;
}

/** The claim that counts now: a lease that has run out does not. */
export function claimOf({ claim }: Issue, now: number): Claim | undefined {
  return claim?.until !== undefined && claim.until <= now ? undefined : claim;
}

/** Deleted, here or by beads. */
export function isGone({ status }: Issue): boolean {
  return status === 'deleted' || status === 'tombstone';
}

/** Neither closed nor deleted: what it blocks waits for it. */
export function isLive(issue: Issue): boolean {
  return issue.status !== 'closed' && !isGone(issue);
}

/** The ids of the issues that this one still waits for. */
export function openBlockers(issues: Lookup, { blockedBy }: Issue): string[] {
  return blockedBy.filter((id) => {
    const blocker = issues.get(id);
    return blocker !== undefined && isLive(blocker);
  });
}

/** Until when an open issue is put off; undefined where it is not, or no longer. */
export function deferredUntil({ other }: Issue, now: number): number | undefined {
  const until = timeOf(other?.defer_until);
  return until !== undefined && until > now ? until : undefined;
}

/** Whether somebody could begin with it: open, unblocked, unclaimed, not put off. */
export function isReady(issues: Lookup, issue: Issue, now: number): boolean {
  return (
    issue.status === 'open' &&
    claimOf(issue, now) === undefined &&
    deferredUntil(issue, now) === undefined &&
    openBlockers(issues, issue).length === 0
  );
}

/** Milliseconds of a time as beads writes it; undefined where it is none. */
export function timeOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
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
