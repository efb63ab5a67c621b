import type { Item } from '../../index.ts';
import { type Fields, isFields } from './fields.ts';
import { changedAt, inNanoseconds, instantOf } from './line.ts';

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
