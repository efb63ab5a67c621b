import { claimOf, type Issue } from './issues.ts';
import { isoTime } from './time.ts';

/** An issue as beads writes it in its issues.jsonl; `undefined` is left out in JSON. What beads has no field for (the end of a lease) is not told. */
export function beadsIssue(issue: Issue, now: number): Readonly<Record<string, unknown>> {
  const { id, title, description, priority, status, type, createdAt, createdBy, updatedAt, closedAt } = issue;
  const assignee = claimOf(issue, now)?.by;
  const dependencies = issue.blockedBy.map((blocker) => ({
    issue_id: id,
    depends_on_id: blocker,
    type: 'blocks',
    created_at: isoTime(updatedAt),
    created_by: createdBy,
  }));
  return {
    id,
    title,
    description,
    status: assignee === undefined ? status : 'in_progress',
    priority,
    issue_type: type,
    assignee,
    created_at: isoTime(createdAt),
    created_by: createdBy === '' ? undefined : createdBy,
    updated_at: isoTime(updatedAt),
    // beads wants it with each closed issue, and with no other.
    closed_at: status === 'closed' && closedAt !== undefined ? isoTime(closedAt) : undefined,
    dependencies: dependencies.length > 0 ? dependencies : undefined,
  };
}
