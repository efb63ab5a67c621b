import { createReadStream } from 'node:fs';
import { hasCode } from '../../errors/errors.ts';
import { canonicalOfParsed } from '../../format/canonical.ts';
import type { Item, Wal } from '../../index.ts';
import { type InputLine, linesOf, parseLoosely } from '../input.ts';
import {
  type BeadsLine,
  dateText,
  type Fields,
  inNanoseconds,
  instantOf,
  isFields,
  isWhole,
  itemTime,
  keptKind,
  textOf,
  wholeFields,
} from './line.ts';

/** Compactions that come between, before it is given up. */
const MOST_TRIES = 100;

/** What the entries that a log still has tell beside its state. */
export class History {
  /** The first entry that is still there. */
  readonly from: number;
  readonly #first = new Map<string, number>();
  readonly #deleted = new Map<string, number>();
  /** Ids that were made again, after a deletion that is still there. */
  readonly #again = new Set<string>();

  private constructor(from: number) {
    this.from = from;
  }

  /** Reads the entries up to that one. */
  static async read(wal: Wal, to: number): Promise<History> {
    for (let tries = 1; ; tries++) {
      try {
        const from = await wal.oldest();
        const history = new History(from);
        if (from > to) return history;
        for await (const { id, op, ts } of wal.read({ from, to })) {
          if (op === 'delete') {
            history.#first.delete(id);
            history.#deleted.set(id, ts);
          } else {
            if (!history.#first.has(id)) history.#first.set(id, ts);
            if (history.#deleted.delete(id)) history.#again.add(id);
          }
        }
        return history;
      } catch (error) {
        if (!hasCode(error, 'ERR_WAL_COMPACTED') || tries === MOST_TRIES) throw error;
      }
    }
  }

  /** When an item came to be, as far as it is known: at its first entry that is still there. */
  created({ id, ts }: Item): number {
    return Math.min(this.#first.get(id) ?? ts, ts);
  }

  /** Whether the item's first entry is still there. */
  knowsCreation({ id }: Item): boolean {
    return this.from === 1 || this.#again.has(id);
  }

  /** When an entry with op delete deleted an id; undefined if no such entry is known, or a later entry made the id again. */
  deleted(id: string): number | undefined {
    return this.#deleted.get(id);
  }
}

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

/**
 * Tells when items came to be that do not say it themselves: at their first entry. Where that was compacted away, a file at `path`,
 * which is about to be written over, may say it.
 */
export function creationDates(
  history: () => Promise<History>,
  path: string | undefined,
): (item: Item) => Promise<string | undefined> {
  let inFile: Promise<ReadonlyMap<string, string>> | undefined;
  return async (item) => {
    const entries = await history();
    const known = entries.created(item);
    if (path === undefined || entries.knowsCreation(item)) return dateText(known);
    inFile ??= datesIn(path);
    const told = (await inFile).get(item.id);
    const at = instantOf(told);
    return at !== undefined && at < inNanoseconds(known) ? told : dateText(known);
  };
}

/** The created_at of each issue in a file of beads. Of what cannot be read none: whether it is lost is asked elsewhere. */
async function datesIn(path: string): Promise<ReadonlyMap<string, string>> {
  const dates = new Map<string, string>();
  try {
    for await (const line of linesOf(createReadStream(path))) {
      const { id, created_at } = fieldsIn(line);
      if (typeof id === 'string' && typeof created_at === 'string') dates.set(id, created_at);
    }
  } catch {}
  return dates;
}

function fieldsIn(line: InputLine): Fields {
  try {
    const value = parseLoosely(line);
    return isFields(value) ? value : {};
  } catch {
    return {};
  }
}
