import { createHash } from 'node:crypto';
import { canonicalOfParsed } from '../../format/canonical.ts';
import type { Item } from '../../index.ts';

/** The fields of a line in the order in which beads writes them; others follow, sorted. */
const ORDER = `
  _schema _type id content_hash title description design acceptance_criteria notes spec_id status
  priority issue_type assignee owner estimated_minutes created_at created_by updated_at started_at
  closed_at close_reason closed_by_session lease_expires_at heartbeat_at due_at defer_until
  external_ref source_system metadata compaction_level compacted_at compacted_at_commit original_size
  source_repo labels dependencies comments deleted_at deleted_by delete_reason original_type sender
  ephemeral wisp no_history wisp_type pinned is_template bonded_from creator validations quality_score
  crystallizes await_type await_id timeout waiters holder source_formula source_location hook_bead
  role_bead agent_state last_activity role_type rig mol_type work_type event_kind actor target payload
  dependency_count dependent_count comment_count parent wisp_plane
`
  .trim()
  .split(/\s+/);

/** The same for the objects in a list that an issue holds. */
const ORDER_IN: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'dependencies',
    ['issue_id', 'depends_on_id', 'type', 'created_at', 'created_by', 'metadata', 'thread_id'],
  ],
  ['comments', ['id', 'issue_id', 'author', 'text', 'created_at']],
]);

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names of an object's fields, in order. */
function namesOf(fields: Fields, order: readonly string[]): string[] {
  const known = order.filter((name) => Object.hasOwn(fields, name));
  const rest = Object.keys(fields).filter((name) => !order.includes(name));
  return [...known, ...rest.sort()];
}

/** A line as beads writes it, without its newline. `jsonOf` writes a value. */
export function textOf(fields: Fields, jsonOf: (value: unknown) => string): string {
  const text = objectText(fields, ORDER, (name, value) => {
    const order = ORDER_IN.get(name);
    if (order === undefined || !Array.isArray(value)) return jsonOf(value);
    const items = value.map((item) =>
      isFields(item) ? objectText(item, order, (_, inner) => jsonOf(inner)) : jsonOf(item),
    );
    return `[${items.join(',')}]`;
  });
  return text.replace(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What Go's encoder, which beads writes with, escapes, and JSON does not need to. It occurs in strings only. */
const ESCAPED = /[<>&\u2028\u2029]/g;

function objectText(
  fields: Fields,
  order: readonly string[],
  jsonOf: (name: string, value: unknown) => string,
): string {
  const items = namesOf(fields, order).map((name) => `${JSON.stringify(name)}:${jsonOf(name, fields[name])}`);
  return `{${items.join(',')}}`;
}

/** A line of a beads issues.jsonl. */
export interface BeadsLine {
  /** What the line is about: an issue's id, or what else beads keeps there. One line of a file at most has it. */
  readonly about: string;
  /** The id under which the log keeps the line. */
  readonly place: string;
  /** tombstone: an issue that is deleted, and what it was. other: what is no issue. */
  readonly kind: 'issue' | 'tombstone' | 'other';
  /** When it was changed last, in nanoseconds since the epoch; undefined where it has no time. */
  readonly at: bigint | undefined;
  readonly fields: Fields;
}

/** Begins the ids under which the log keeps lines that are no issue of the state. */
const KEPT = 'beads:';

/** Where the log keeps the tombstone of an issue: beside the state, in which the issue is deleted. */
export function tombstonePlace(id: string): string {
  return `${KEPT}tombstone:${id}`;
}

/** Reads a line. Throws with the reason where it can neither be an issue nor another line of beads. */
export function beadsLine(value: unknown): BeadsLine {
  if (!isFields(value)) throw new Error('is not an object');
  const kept = keptPlace(value);
  if (kept !== undefined)
    return { about: kept, place: kept, kind: 'other', at: instantOf(value.updated_at), fields: value };
  const { id } = value;
  if (typeof id !== 'string' || id === '') throw new Error('has no id');
  if (id.startsWith(KEPT))
    throw new Error(`has an id that begins with "${KEPT}", as only what is no issue has in the log`);
  const kind = value.status === 'tombstone' ? 'tombstone' : 'issue';
  const at = changedAt(value);
  if (at === undefined) throw new Error('has neither created_at nor updated_at that is a time');
  return { about: id, place: kind === 'issue' ? id : tombstonePlace(id), kind, at, fields: value };
}

/** The id under which the log keeps a header, a memory, or a line of a kind that is not known here; undefined for an issue. */
function keptPlace(fields: Fields): string | undefined {
  const { _schema, _type, id, key } = fields;
  if (_schema !== undefined && id === undefined) return `${KEPT}_schema`;
  if (_type === undefined || _type === 'issue') return undefined;
  // No other kind lies where tombstones do.
  const kind = typeof _type === 'string' && _type !== 'tombstone' ? _type : 'other';
  const name = [id, key].find((each) => typeof each === 'string' && each !== '');
  return `${KEPT}${kind}:${name ?? createHash('sha256').update(canonicalOfParsed(fields)).digest('hex').slice(0, 32)}`;
}

/** What the log keeps under that id, where it is no state of the id. */
export function keptKind(place: string, fields: Fields): 'tombstone' | 'other' | undefined {
  if (!place.startsWith(KEPT)) return undefined;
  if (fields.status === 'tombstone' && place === tombstonePlace(`${fields.id}`)) return 'tombstone';
  return keptPlace(fields) === place ? 'other' : undefined;
}

/** When an issue was changed last: a tombstone, when it was made. */
function changedAt(fields: Fields): bigint | undefined {
  const updated = instantOf(fields.updated_at) ?? instantOf(fields.created_at);
  const deleted = fields.status === 'tombstone' ? instantOf(fields.deleted_at) : undefined;
  return deleted !== undefined && (updated === undefined || deleted > updated) ? deleted : updated;
}

const NS_IN_MS = 1_000_000n;

/** A time, in nanoseconds since the epoch, of which beads writes up to nine digits; undefined where it is none. */
export function instantOf(value: unknown): bigint | undefined {
  if (typeof value !== 'string') return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return undefined;
  const [, beyond = ''] = /:\d\d[.,]\d{3}(\d{1,6})/.exec(value) ?? [];
  return inNanoseconds(ms) + BigInt(beyond.padEnd(6, '0'));
}

export function inNanoseconds(ms: number): bigint {
  return BigInt(ms) * NS_IN_MS;
}

/** Whole milliseconds since the epoch, for an entry's ts. */
export function inMilliseconds(instant: bigint): number {
  const ms = instant / NS_IN_MS;
  return Number(instant < ms * NS_IN_MS ? ms - 1n : ms);
}

/**
 * Whether an issue's data says itself what an export would else take from its entry: the id, and when it was changed last. An
 * import dates an entry as its line says.
 */
export function isWhole({ ts }: Item, { id, created_at, updated_at }: Fields): boolean {
  if (id === undefined) return false;
  const created = instantOf(created_at);
  return updated_at !== undefined || (created !== undefined && inNanoseconds(ts) <= created);
}

/**
 * The fields of an issue, with what its data leaves to the entry: the id, created_at, for which `created` is taken, and updated_at,
 * which is the entry's time.
 */
export function wholeFields(item: Item, data: Fields, created: unknown): Fields {
  if (isWhole(item, data)) return data;
  const { created_at = created, updated_at = dateText(item.ts) } = data;
  return {
    ...data,
    id: item.id,
    ...(created_at !== undefined && { created_at }),
    ...(updated_at !== undefined && { updated_at }),
  };
}

/** When what the log has was changed last: as its data says, else when it was written. */
export function itemTime({ value, ts }: Item): bigint {
  const written = inNanoseconds(ts);
  const own = isFields(value) ? changedAt(value) : undefined;
  if (own === undefined) return written;
  const isDated = instantOf((value as Fields).updated_at) !== undefined;
  return isDated || own > written ? own : written;
}

/** A time as beads writes it; undefined where it lies beyond the dates there are. */
export function dateText(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
