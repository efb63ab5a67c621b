import { messageOf, WalError } from '../errors/errors.ts';
import type { LogRecord } from '../format/record.ts';
import { type Fold, IGNORED } from './fold.ts';
import { freezeKept } from './freeze.ts';
import type { Item } from './item.ts';

/** What a record makes of an item: undefined if the fold drops it, IGNORED if the item stays as it is. Throws ERR_WAL_FOLD. */
export function foldItem<V>(
  fold: Fold<V>,
  before: Item<V> | undefined,
  record: LogRecord,
): Item<V> | undefined | typeof IGNORED {
  try {
    const value = fold.apply(before?.value, record);
    if (value === undefined) return undefined;
    if (value === IGNORED) return IGNORED;
    // The record's data, and what the fold returned before, are frozen already.
    if (value !== record.data && value !== before?.value) freezeKept(value, before?.value);
    const { id, seq: rev, ts } = record;
    return Object.freeze({ id, rev, ts, value, version: (before?.version ?? 0) + 1 });
  } catch (error) {
    const { seq, id } = record;
    throw new WalError(
      'ERR_WAL_FOLD',
      `The fold ${JSON.stringify(fold.name)} failed at entry ${seq} (id ${JSON.stringify(id)}): ${messageOf(error)}. Fix the fold, raise its version, and open the table again.`,
      { seq, cause: error },
    );
  }
}

/** What the fold's `upgrade` makes of an item that an earlier version made; undefined if it drops the item. Throws ERR_WAL_FOLD. */
export function upgradeItem<V>(fold: Fold<V>, item: Item<V>, fromVersion: number): Item<V> | undefined {
  try {
    const value = fold.upgrade?.(item.value, fromVersion);
    if (value === undefined) return undefined;
    freezeKept(value);
    return Object.freeze({ ...item, value });
  } catch (error) {
    throw new WalError(
      'ERR_WAL_FOLD',
      `The fold ${JSON.stringify(fold.name)} version ${fold.version} could not upgrade id ${JSON.stringify(item.id)} from version ${fromVersion}: ${messageOf(error)}. Fix its method upgrade, and open the table again.`,
      { seq: item.rev, cause: error },
    );
  }
}

/** The same error, naming the segment of the record that it is about. */
export function inSegment(error: unknown, segment: string): unknown {
  if (!(error instanceof WalError) || error.code !== 'ERR_WAL_FOLD') return error;
  const { code, message, cause, seq } = error;
  return new WalError(code, message, { segment, cause, ...(seq !== undefined && { seq }) });
}
