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
/** What beads writes where it knows no time. */
const NO_TIME = '1970-01-01T00:00:00Z';

/** What beads requires of an issue and refuses it without. */
export function lackOf(fields: Fields): string | undefined {
  const { title, priority, created_at, updated_at } = fields;
  if (typeof title !== 'string' || title === '') return 'has no title';
  if (Buffer.byteLength(title) > MOST_TITLE_BYTES)
    return `has a title of more than ${MOST_TITLE_BYTES} bytes`;
  for (const name of ['status', 'issue_type', 'description', 'assignee']) {
    if (typeof (fields[name] ?? '') !== 'string') return `has a ${name} that is no text`;
  }
  const urgency = priority ?? 0;
  if (!Number.isInteger(urgency) || Number(urgency) < 0 || Number(urgency) > 4)
    return 'has a priority that is no whole number from 0 to 4';
  for (const [name, value] of Object.entries({ created_at, updated_at })) {
    if (instantOf(value ?? NO_TIME) === undefined) return `has as ${name} what is no time`;
  }
  return undefined;
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
