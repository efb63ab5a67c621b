import { messageOf, WalError } from '../errors/errors.ts';
import { isFoldIdentity } from '../format/fold-identity.ts';
import { isOrderKey, type OrderKey } from '../format/order.ts';
import type { LogRecord } from '../format/record.ts';
import { badArgument, readFields } from '../options/options.ts';
import type { Item } from './item.ts';

/**
 * What a fold's `apply` answers for a record that it ignores: the id keeps its value, rev, version and ts, and nobody is told of a
 * change. Whatever else it answers touches the id, an equal value too. (The same symbol in every copy of this package.)
 */
export const IGNORED: unique symbol = Symbol.for('jsonl-wal.ignored');

/** A reducer: how the records of an id, one after the other, become its value. */
export interface Fold<V = unknown, T = unknown> {
  /** Names it in the log and in snapshots. 1 to 200 characters. */
  readonly name: string;
  /** A whole number from 1. Raise it when the same records come to another state, and add `upgrade`. */
  readonly version: number;
  /**
   * The value that a record makes of one: `undefined` before the first, and to drop the id; `IGNORED` where the record does not concern the
   * state. A pure function: both arguments are frozen, the answer will be, and it must be what JSON keeps (null, booleans, finite numbers,
   * strings, plain arrays and objects), whatever the option `values` says. A -0 in it is 0 once a snapshot has it.
   *
   * The rev of an id is the last record that the fold did not ignore, also where it left the value as it was: of two claims that expect
   * the same rev the second always conflicts. So a fold answers `IGNORED` for records that must not disturb who has read the item:
   *
   *     apply: (count = 0, { op, data }) => (op === 'add' ? count + data : IGNORED)
   *
   * Inside a transaction it is also given records that are not written yet: their `crc`, `prev` and `writer` are empty.
   */
  apply(value: V | undefined, record: LogRecord<T>): V | undefined | typeof IGNORED;
  /**
   * The value that this version makes of one from a snapshot of an earlier version; undefined drops the id. A pure function, under the
   * rules of `apply`. Called for each value of such a snapshot when a table is loaded, until the next compaction. Without it a
   * later version can be used only while all entries are still there.
   */
  upgrade?(value: V, fromVersion: number): V | undefined;
  /**
   * Where an item stands in the order that `inOrder()` gives; undefined where it is not in it. Snapshots keep the order, so that
   * its first items are found without looking at the others: what is most urgent, or newest, or not done. A pure
   * function. Default: there is no order.
   */
  order?(item: Item<V>): OrderKey | undefined;
}

/**
 * The default fold: the last `data` of an id, until an entry with op `delete`. An entry without data leaves the value as
 * it is, null where there is none. It ignores an op `delete` of an id that is not there.
 */
export const lastData: Fold = {
  name: 'last-data',
  version: 1,
  apply(value, { op, data }) {
    if (op === 'delete') return value === undefined ? IGNORED : undefined;
    return data === undefined ? (value ?? null) : data;
  },
};

/** Checks a fold of the caller's, and reads it once. */
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

/** Where an item stands in the fold's order. Throws ERR_WAL_FOLD. */
export function placeIn<V>(fold: Fold<V>, item: Item<V>): OrderKey | undefined {
  try {
    const order = fold.order?.(item);
    // A copy: the function may answer one list again and again.
    if (Array.isArray(order) && isOrderKey(order)) return Object.freeze([...order]);
    if (order === undefined || isOrderKey(order)) return order;
    throw new TypeError('it must be a finite number, a string, or an array of such');
  } catch (error) {
    const message = `The order of the fold ${JSON.stringify(fold.name)} failed at id ${JSON.stringify(item.id)}: ${messageOf(error)}. Mend the fold, raise its version, and open the table again.`;
    throw new WalError('ERR_WAL_FOLD', message, { seq: item.rev, cause: error });
  }
}
