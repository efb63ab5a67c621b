import { canonicalOfParsed } from '../../format/canonical.ts';
import type { Item } from '../../index.ts';
import { type Fields, isFields, textOf } from './fields.ts';
import { type BeadsLine, instantOf, keptKind } from './line.ts';
import { isWhole, itemTime, wholeFields } from './whole.ts';

/** A line that an export writes. */
export interface ExportedLine {
  readonly item: Item;
  readonly kind: BeadsLine['kind'];
  readonly about: BeadsLine['about'];
  /** When it was changed last, in nanoseconds since the epoch. */
  readonly at: bigint;
  /** What beads requires of an issue and this one lacks; undefined where it lacks nothing. */
  readonly lacks: string | undefined;
  /** Without its newline. */
  readonly text: string;
}

/** The line for an item; `created` tells when one came to be whose data does not. Throws with the reason where its data is no line of beads. */
export async function exportedLine(
  item: Item,
  created: (item: Item) => Promise<string | undefined>,
): Promise<ExportedLine> {
  const { id, value } = item;
  if (!isFields(value)) throw new Error('is not an object');
  const line = (kind: BeadsLine['kind'], about: string, fields: Fields, lacks?: string): ExportedLine => {
    return { item, kind, about, at: itemTime(item), lacks, text: textOf(fields, canonicalOfParsed) };
  };
  const kept = keptKind(id, value);
  if (kept !== undefined) return line(kept, kept === 'tombstone' ? `${value.id}` : id, value);
  if (value.id !== undefined && value.id !== id) throw new Error('has data of another id');
  const fields = isWhole(item, value)
    ? value
    : wholeFields(item, value, value.created_at ?? (await created(item)));
  return line('issue', id, fields, lackOf(fields));
}

const MOST_TITLE_BYTES = 500;
/** Fields that beads reads as texts, and as times. Each may be absent or null. */
const TEXTS = [
  ...['description', 'design', 'acceptance_criteria', 'notes', 'spec_id', 'status', 'issue_type', 'assignee'],
  ...['owner', 'created_by', 'close_reason', 'closed_by_session', 'external_ref', 'source_system'],
];
const TIMES = ['created_at', 'updated_at', 'started_at', 'closed_at', 'due_at', 'defer_until', 'deleted_at'];
/** The form of a time in Go's JSON. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** What beads requires of an issue and refuses it without. */
export function lackOf(fields: Fields): string | undefined {
  const { title, status, priority, estimated_minutes: minutes } = fields;
  const has = (name: string): boolean => (fields[name] ?? undefined) !== undefined;
  if (typeof title !== 'string' || title === '') return 'has no title';
  if (Buffer.byteLength(title) > MOST_TITLE_BYTES)
    return `has a title of more than ${MOST_TITLE_BYTES} bytes`;
  const noText = TEXTS.find((name) => has(name) && typeof fields[name] !== 'string');
  if (noText !== undefined) return `has a ${noText} that is no text`;
  if (!isCount(priority ?? 0, 4)) return 'has a priority that is no whole number from 0 to 4';
  if (!isCount(minutes ?? 0)) return 'has estimated_minutes that are no whole number from 0 on';
  const noTime = TIMES.find((name) => has(name) && !isTime(fields[name]));
  if (noTime !== undefined) return `has as ${noTime} what is no time of the form 2025-10-12T07:00:00Z`;
  if (has('closed_at') && status !== 'closed' && status !== 'tombstone')
    return 'has a closed_at, but is not closed';
  if (has('deleted_at') && status !== 'tombstone') return 'has a deleted_at, but is no tombstone';
  if (!isListOf(fields.labels, (label) => typeof label === 'string')) return 'has labels that are no texts';
  const noList = ['dependencies', 'comments'].find((name) => !isListOf(fields[name], isFields));
  return noList && `has ${noList} that are no objects`;
}

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most;
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && RFC_3339.test(value) && instantOf(value) !== undefined;
}

function isListOf(value: unknown, isOne: (item: unknown) => boolean): boolean {
  return (value ?? undefined) === undefined || (Array.isArray(value) && value.every(isOne));
}

/** The order of lines in a file: a header, issues and tombstones by id, then what is neither. */
export function inFileOrder(a: ExportedLine, b: ExportedLine): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  return left !== right ? left - right : a.about < b.about ? -1 : 1;
}

function rankOf({ kind, text }: ExportedLine): number {
  if (kind !== 'other') return 1;
  return text.startsWith('{"_schema"') ? 0 : 2;
}
