import type { Entry, Transaction } from 'jsonl-wal';
import { newId } from './id.ts';
import {
  type Claim,
  claimOf,
  deferredUntil,
  existing,
  type Issue,
  isLive,
  isReady,
  openBlockers,
  waitingPath,
} from './issues.ts';
import { Refusal } from './refusal.ts';
import { isoTime } from './time.ts';

/**
 * Decides on the state as it is where the change goes in the log, appends it there, and answers the id of its issue; throws a
 * Refusal where the state does not allow it. It is asked again whenever somebody else wrote first, so it keeps nothing.
 */
export type Change = (tx: Transaction<Issue>, now: number) => string;

export interface Edit {
  readonly title?: string;
  readonly description?: string;
  readonly priority?: number;
}

export function create(fields: Edit & { readonly title: string }, by: string, nonce: string): Change {
  return (tx, now) => {
    const id = newId(fields.title, now, nonce, (taken) => tx.has(taken));
    return write(tx, { op: 'add', id, data: { ...fields, by } });
  };
}

/** Edits an issue; `release` also gives its claim up, whoever has it. */
export function update(id: string, edit: Edit, release: boolean, by: string): Change {
  return (tx) => {
    existing(tx, id);
    return write(tx, { op: 'update', id, data: { ...edit, ...(release && { claim: null }), by } });
  };
}

/**
 * Takes an issue: for good, or for a lease of so many milliseconds. A second claim is refused even to the same agent
 * (two of its processes may have had the same idea), unless it says that it renews its own.
 */
export function claim(id: string, by: string, leaseMs: number | undefined, renew: boolean): Change {
  return (tx, now) => {
    const issue = existing(tx, id);
    const until = deferredUntil(issue, now);
    if (issue.status !== 'open' || until !== undefined) {
      const status = until === undefined ? issue.status : `deferred until ${isoTime(until)}`;
      throw new Refusal('WRONG_STATE', `${id} is ${status}: "reopen ${id}" makes it open.`);
    }
    const holder = claimOf(issue, now);
    if (holder !== undefined && !(renew && holder.by === by)) throw claimed(id, holder);
    if (renew && issue.claim?.by !== by)
      throw new Refusal('WRONG_STATE', `${id} has no claim of ${by} to renew: claim it without --renew.`);
    const blockers = openBlockers(tx, issue);
    if (!renew && blockers.length > 0)
      throw new Refusal('WRONG_STATE', `${id} is blocked by ${blockers.join(', ')}: close or unblock first.`);
    return writeClaim(tx, id, by, leaseMs, now);
  };
}

/** Takes what there is to begin with, the most urgent: two agents never get the same. */
export function claimNext(by: string, leaseMs: number | undefined): Change {
  return (tx, now) => {
    for (const { id, value: issue } of tx.inOrder())
      if (isReady(tx, issue, now)) return writeClaim(tx, id, by, leaseMs, now);
    throw new Refusal('NOTHING_READY', 'No issue is ready: all are claimed, blocked or done.');
  };
}

/** Closes an issue. One that another agent has is left to it (ours may have run out meanwhile), unless forced. */
export function close(id: string, by: string, force: boolean): Change {
  return (tx, now) => {
    const issue = existing(tx, id);
    if (!isLive(issue)) throw new Refusal('WRONG_STATE', `${id} is closed: "history ${id}" says by whom.`);
    const holder = claimOf(issue, now);
    if (!force && holder !== undefined && holder.by !== by)
      throw claimed(id, holder, ' To close it anyway: --force.');
    return write(tx, { op: 'close', id, data: { by } });
  };
}

/** Makes an issue open that is closed, or has another status, or is put off. */
export function reopen(id: string, by: string): Change {
  return (tx, now) => {
    const issue = existing(tx, id);
    if (issue.status === 'open' && deferredUntil(issue, now) === undefined)
      throw new Refusal('WRONG_STATE', `${id} is open.`);
    return write(tx, { op: 'reopen', id, data: { by } });
  };
}

export function remove(id: string, by: string): Change {
  return (tx) => {
    existing(tx, id);
    return write(tx, { op: 'delete', id, data: { by } });
  };
}

/** Makes an issue wait for another, unless that one waits for it already, however far round. */
export function block(id: string, blocker: string, by: string): Change {
  return (tx) => {
    const issue = existing(tx, id);
    existing(tx, blocker);
    if (issue.blockedBy.includes(blocker))
      throw new Refusal('WRONG_STATE', `${id} is blocked by ${blocker} already.`);
    const path = waitingPath(tx, blocker, id);
    if (path !== undefined) {
      const cycle = [id, ...path].join(' -> ');
      throw new Refusal('CYCLE', `They would wait for each other for ever: ${cycle}.`);
    }
    return write(tx, { op: 'block', id, data: { blocker, by } });
  };
}

export function unblock(id: string, blocker: string, by: string): Change {
  return (tx) => {
    if (!existing(tx, id).blockedBy.includes(blocker))
      throw new Refusal('WRONG_STATE', `${id} is not blocked by ${blocker}.`);
    return write(tx, { op: 'unblock', id, data: { blocker, by } });
  };
}

function writeClaim(
  tx: Transaction<Issue>,
  id: string,
  by: string,
  leaseMs: number | undefined,
  now: number,
): string {
  const until = leaseMs === undefined ? undefined : now + leaseMs;
  return write(tx, { op: 'update', id, data: { claim: { by, until }, by } });
}

function write(tx: Transaction<Issue>, entry: Entry): string {
  tx.append(entry);
  return entry.id;
}

function claimed(id: string, { by, until }: Claim, advice = ''): Refusal {
  const end = until === undefined ? '' : ` until ${isoTime(until)}`;
  return new Refusal('CLAIMED', `${id} is claimed by ${by}${end}.${advice}`, by);
}
