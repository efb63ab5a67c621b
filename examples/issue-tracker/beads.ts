import { claimOf, type Data, type Issue } from './issues.ts';
import { isoTime } from './time.ts';

/** In which order beads writes its fields. Others come after these, by name. */
const FIELDS =
  'id title description design acceptance_criteria notes spec_id status priority issue_type assignee owner estimated_minutes created_at created_by updated_at started_at closed_at close_reason closed_by_session due_at defer_until external_ref source_system metadata compaction_level compacted_at compacted_at_commit original_size labels dependencies comments deleted_at deleted_by delete_reason original_type'.split(
    ' ',
  );
const PLACES: ReadonlyMap<string, number> = new Map(FIELDS.map((name, place) => [name, place]));

/** An issue as beads writes it in its issues.jsonl. What beads has no field for (the end of a lease) is not told. */
export function beadsIssue(issue: Issue, now: number): Data {
  const { id, title, description, priority, status, type, createdAt, createdBy, updatedAt, closedAt } = issue;
  const assignee = claimOf(issue, now)?.by;
  const { dependencies, other } = issue;
  const fields: Data = {
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
    closed_at: closedAt === undefined ? undefined : isoTime(closedAt),
    dependencies,
    ...other,
  };
  const said = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said.sort(([a], [b]) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1)));
}

function placeOf(name: string): number {
  return PLACES.get(name) ?? FIELDS.length;
}
