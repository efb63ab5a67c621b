import { messageOf, WalError } from '../errors/errors.ts';
import { isFoldIdentity } from '../format/fold-identity.ts';
import { isOrderKey, type OrderKey } from '../format/order.ts';
import type { LogRecord } from '../format/record.ts';
import { badArgument, readFields } from '../options/options.ts';
import type { Item } from './item.ts';

/**
 * What a fold's `apply` returns for a record that it ignores: the id keeps its value, rev, version and ts, and no change is
 * delivered. Any other answer counts as a change of the id, an equal value too. (The same symbol in every copy of this
 * package.)
 */
export const IGNORED: unique symbol = Symbol.for('jsonl-wal.ignored');

/** A reducer: how the records of an id, one after the other, become its value. */
export interface Fold<V = unknown, T = unknown> {
  /** Its name in the log and in snapshots. 1 to 200 characters. */
  readonly name: string;
  /** A whole number from 1. Raise it when the same records lead to another state, and add `upgrade`. */
  readonly version: number;
  /**
   * The value after a record, made from the value before it. `value` is `undefined` before the id's first record; the
   * answer `undefined` drops the id; `IGNORED` says that the record does not concern the state. A pure function: both
   * arguments are frozen, and the answer will be. The answer must be what JSON can hold (null, booleans, finite numbers,
   * strings, plain arrays and objects), whatever the option `values` says. A -0 in it becomes 0 in a snapshot.
   *
   * The rev of an id is the last record that the fold did not ignore, even if that record left the value as it was: of two
   * claims that expect the same rev, the second always conflicts. So a fold should answer `IGNORED` for a record that must
   * cause no conflict for a writer that has read the item:
   *
   *     apply: (count = 0, { op, data }) => (op === 'add' ? count + data : IGNORED)
   *
   * Inside a transaction, `apply` also gets records that are not written yet: their `crc`, `prev` and `writer` are empty.
   */
  apply(value: V | undefined, record: LogRecord<T>): V | undefined | typeof IGNORED;
  /**
   * The value that this version makes from one in a snapshot of an earlier version; undefined drops the id. A pure
   * function, under the rules of `apply`. Called for each value of such a snapshot when a table is loaded, until the next
   * compaction. Without `upgrade`, a later version can be used only while all entries are still there.
   */
  upgrade?(value: V, fromVersion: number): V | undefined;
  /**
   * The place of an item in the order that `inOrder()` gives; undefined if the item has none. Snapshots keep the order, so
   * that its first items are found without looking at the others: the most urgent, or the newest, or the ones not done. A
   * pure function. Default: there is no order.
   */
  order?(item: Item<V>): OrderKey | undefined;
}

/**
 * The default fold: the last `data` of an id, until an entry with op `delete`. An entry without data leaves the value as
 * it is; if there is none, the value becomes null. An op `delete` of an id that is not there is ignored.
 */
export const lastData: Fold = {
  name: 'last-data',
  version: 1,
  apply(value, { op, data }) {
    if (op === 'delete') return value === undefined ? IGNORED : undefined;
    return data === undefined ? (value ?? null) : data;
  },
};

/** Checks a fold of the caller's. Its properties are read once, here. */
export function checkFold<V>(fold: Fold<V>): Fold<V> {
  const fields = ['name', 'version', 'apply', 'order', 'upgrade'] as const;
  const { name, version, apply, order, upgrade } = readFields('The fold', fold, fields);
  if (!isFoldIdentity({ name, version })) {
    throw badArgument(
      'fold.name must be a string of 1 to 200 characters, and fold.version a whole number from 1',
    );
  }
  if (typeof apply !== 'function') throw badArgument('fold.apply must be a function');
  if (upgrade !== undefined && typeof upgrade !== 'function')
    throw badArgument('fold.upgrade must be a function');
  if (order !== undefined && typeof order !== 'function') throw badArgument('fold.order must be a function');
  return {
    name,
    version,
    apply: (value, record) => apply.call(fold, value, record),
    ...(upgrade && { upgrade: (value, fromVersion) => upgrade.call(fold, value, fromVersion) }),
    ...(order && { order: (item) => order.call(fold, item) }),
  };
}

/** The place of an item in the fold's order. Throws ERR_WAL_FOLD. */
export function placeIn<V>(fold: Fold<V>, item: Item<V>): OrderKey | undefined {
  try {
    const order = fold.order?.(item);
    // A copy: the function may return the same array again and again.
    if (Array.isArray(order) && isOrderKey(order)) return Object.freeze([...order]);
    if (order === undefined || isOrderKey(order)) return order;
    throw new TypeError('it must be a finite number, a string, or an array of these');
  } catch (error) {
    const message = `The order of the fold ${JSON.stringify(fold.name)} failed at id ${JSON.stringify(item.id)}: ${messageOf(error)}. Fix the fold, raise its version, and open the table again.`;
    throw new WalError('ERR_WAL_FOLD', message, { seq: item.rev, cause: error });
  }
}
