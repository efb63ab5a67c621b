import type { Placed } from '../format/order.ts';
import { badArgument } from '../options/options.ts';
import type { Fold } from './fold.ts';
import type { Item } from './item.ts';
import type { Selection } from './selection.ts';

/** An id, and its item, which may be made only when it is asked for. */
export interface Entry<V> {
  readonly id: string;
  readonly item: Item<V>;
}

/** Items by id, as they are at a seq. */
export interface View<V> {
  item(id: string): Item<V> | undefined;
  has(id: string): boolean;
  readonly size: number;
  /**
   * The entries by id, in the order of UTF-16 code units: those after an id, or all. `holding`: an entry may be left out if
   * the JSON of its item does not contain these bytes.
   */
  entries(holding?: Buffer, after?: string): Iterable<Entry<V>>;
  /** The places of the items that have one in the fold's order, in that order: those after a place, or all. */
  ordered(after?: Placed): Iterable<Placed>;
  /** A number that rises with each change. */
  readonly changes: number;
}

/** The items that pass, by id. */
export function listOf<V>(view: View<V>, { holding, passes }: Selection<V>): Item<V>[] {
  const items: Item<V>[] = [];
  for (const { item } of view.entries(holding)) if (passes(item)) items.push(item);
  return items;
}

/** The items in their fold's order, each from the view that is current when it is asked for. */
export function itemsInOrder<V>(fold: Fold<V>, current: () => View<V>): Generator<Item<V>, void, undefined> {
  if (fold.order === undefined) throw badArgument(`The fold ${JSON.stringify(fold.name)} has no order`);
  return following(current);
}

function* following<V>(current: () => View<V>): Generator<Item<V>, void, undefined> {
  let last: Placed | undefined;
  for (let changed = true; changed; ) {
    const view = current();
    const { changes } = view;
    changed = false;
    for (const placed of view.ordered(last)) {
      yield view.item(placed.id) as Item<V>;
      last = placed;
      changed = current() !== view || view.changes !== changes;
      if (changed) break;
    }
  }
}
