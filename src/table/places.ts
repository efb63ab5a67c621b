import { comparePlaced, type Placed } from '../format/order.ts';
import { type Fold, placeIn } from './fold.ts';
import type { Item } from './item.ts';
import { SortedList } from './sorted-list.ts';

/** The places of items in their fold's order, kept sorted while the items change. */
export class Places<V> {
  readonly #fold: Fold<V>;
  /** Undefined for an id that was dropped. */
  readonly #items: ReadonlyMap<string, Item<V> | undefined>;
  /** The place of each id that has one, as it is in the list. */
  readonly #placeOf = new Map<string, Placed>();
  readonly #sorted: SortedList<Placed>;
  /** Ids that were changed since the list was updated. */
  readonly #touched = new Set<string>();

  /** Throws ERR_WAL_FOLD. */
  constructor(fold: Fold<V>, items: ReadonlyMap<string, Item<V> | undefined>) {
    this.#fold = fold;
    this.#items = items;
    for (const id of items.keys()) {
      const placed = this.#placeNow(id);
      if (placed !== undefined) this.#placeOf.set(id, placed);
    }
    this.#sorted = new SortedList(comparePlaced, [...this.#placeOf.values()]);
  }

  /** Notes that an id's item was changed. */
  touch(id: string): void {
    this.#touched.add(id);
  }

  /** The places after one, or all, in order. The iteration must not be continued after a change. Throws ERR_WAL_FOLD. */
  after(place: Placed | undefined): Iterable<Placed> {
    for (const id of this.#touched) {
      const before = this.#placeOf.get(id);
      const now = this.#placeNow(id);
      if (before !== undefined) this.#sorted.delete(before);
      if (now !== undefined) this.#sorted.add(now);
      if (now !== undefined) this.#placeOf.set(id, now);
      else this.#placeOf.delete(id);
      this.#touched.delete(id);
    }
    return this.#sorted.after(place);
  }

  #placeNow(id: string): Placed | undefined {
    const item = this.#items.get(id);
    const order = item && placeIn(this.#fold, item);
    return order === undefined ? undefined : { id, order };
  }
}
