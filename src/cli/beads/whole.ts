import type { Item } from '../../index.ts';
import { type Fields, isFields } from './fields.ts';
import { changedAt, inNanoseconds } from './line.ts';

/** Whether an issue's data says itself what an export would take from its entry. */
export function isWhole(data: Fields): boolean {
  return data.id !== undefined && (data.created_at !== undefined || data.updated_at !== undefined);
}

/**
 * The fields of an issue, with what its data leaves to the entry: the id, and, where it lacks that or both times, the times.
 * `created`: what to take for a missing created_at; for a missing updated_at it is the entry's time.
 */
export function wholeFields({ id, ts }: Item, data: Fields, created: unknown): Fields {
  if (isWhole(data)) return data;
  const { created_at = created, updated_at = dateText(ts) } = data;
  return {
    ...data,
    id,
    ...(created_at !== undefined && { created_at }),
    ...(updated_at !== undefined && { updated_at }),
  };
}

/** When what the log has was changed last: as its data says, else when it was written. */
export function itemTime({ value, ts }: Item): bigint {
  const own = isFields(value) ? changedAt(value) : undefined;
  return own ?? inNanoseconds(ts);
}

/** A time as beads writes it; undefined where it lies beyond the dates there are. */
export function dateText(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
