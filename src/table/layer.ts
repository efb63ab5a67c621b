import { comparePlaced, compareStrings, type Placed } from '../format/order.ts';
import { type Fold, placeIn } from './fold.ts';
import type { Item } from './item.ts';
import { merged } from './sorted.ts';
import type { Entry, View } from './view.ts';

/** Items that were changed, over a view that stays as it is. */
export class Layer<V> implements View<V> {
  readonly fold: Fold<V>;
  readonly #below: View<V> | undefined;
  /** Undefined: dropped. */
  readonly #items = new Map<string, Item<V> | undefined>();
  #changes = 0;
  /** How many ids there are more than below. */
  #more = 0;
  #sortedIds: readonly string[] | undefined;
  #sortedPlaces: readonly Placed[] | undefined;

  constructor(fold: Fold<V>, below?: View<V>) {
    this.fold = fold;
    this.#below = below;
  }

  get changes(): number {
    return this.#changes;
  }

  /** `wasThere`: whether the id is here now, for who has just looked. */
  put(id: string, item: Item<V> | undefined, wasThere = this.has(id)): void {
    this.putting(id, item, wasThere)();
  }

  /** How to put an item, once all that may fail was done: what is below is read. */
  putting(id: string, item: Item<V> | undefined, wasThere = this.has(id)): () => void {
    // An id that is nowhere need not be remembered.
    const forget = item === undefined && !this.#below?.has(id);
    return () => {
      this.#changes++;
      this.#more += Number(item !== undefined) - Number(wasThere);
      if (forget || !this.#items.has(id)) this.#sortedIds = undefined;
      this.#sortedPlaces = undefined;
      if (forget) this.#items.delete(id);
      else this.#items.set(id, item);
    };
  }

  /** What was changed, by id; undefined for what was dropped. */
  get changed(): ReadonlyMap<string, Item<V> | undefined> {
    return this.#items;
  }

  item(id: string): Item<V> | undefined {
    const item = this.#items.get(id);
    return item !== undefined || this.#items.has(id) ? item : this.#below?.item(id);
  }

  has(id: string): boolean {
    return this.#items.has(id) ? this.#items.get(id) !== undefined : (this.#below?.has(id) ?? false);
  }

  get size(): number {
    return (this.#below?.size ?? 0) + this.#more;
  }

  entries(holding?: Buffer, after?: string): Iterable<Entry<V>> {
    this.#sortedIds ??= [...this.#items.keys()].sort();
    const here: Entry<V>[] = [];
    for (const id of this.#sortedIds) {
      const item = this.#items.get(id);
      if (item !== undefined && (after === undefined || id > after)) here.push({ id, item });
    }
    if (this.#below === undefined) return here;
    return merged(this.#unchanged(this.#below.entries(holding, after)), here, byId);
  }

  ordered(after?: Placed): Iterable<Placed> {
    this.#sortedPlaces ??= this.#places().sort(comparePlaced);
    const here = after
      ? this.#sortedPlaces.filter((placed) => comparePlaced(placed, after) > 0)
      : this.#sortedPlaces;
    if (this.#below === undefined) return here;
    return merged(this.#unchanged(this.#below.ordered(after)), here, comparePlaced);
  }

  *#unchanged<T extends { readonly id: string }>(below: Iterable<T>): Generator<T, void, undefined> {
    for (const element of below) if (!this.#items.has(element.id)) yield element;
  }

  #places(): Placed[] {
    const places: Placed[] = [];
    for (const item of this.#items.values()) {
      const order = item && placeIn(this.fold, item);
      if (item !== undefined && order !== undefined) places.push({ id: item.id, order });
    }
    return places;
  }
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return compareStrings(a.id, b.id);
}
