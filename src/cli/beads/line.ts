import { createHash } from 'node:crypto';
import { canonicalOfParsed } from '../../format/canonical.ts';
import { type Fields, isFields } from './fields.ts';

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
export function changedAt(fields: Fields): bigint | undefined {
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
