import { comparePlaced, compareStrings, type Placed } from '../format/order.ts';
import type { Fold } from './fold.ts';
import type { Item } from './item.ts';
import { Places } from './places.ts';
import { merged } from './sorted.ts';
import type { Entry, View } from './view.ts';

/** Changed items, over a view that stays as it is. */
export class Layer<V> implements View<V> {
  readonly fold: Fold<V>;
  readonly #below: View<V> | undefined;
  /** Undefined for an id that was dropped. */
  readonly #items = new Map<string, Item<V> | undefined>();
  changes = 0;
  /** How many more ids there are than below. */
  #more = 0;
  #sortedIds: readonly string[] | undefined;
  /** Undefined until the order is asked for. */
  #places: Places<V> | undefined;
  /** All places below, up to this one, belong to ids that were changed here. In a queue these are many: they are skipped. */
  #passed: Placed | undefined;

  constructor(fold: Fold<V>, below?: View<V>) {
    this.fold = fold;
    this.#below = below;
  }

  /** `wasThere`: whether the id exists now; a caller that has just looked passes it. */
  put(id: string, item: Item<V> | undefined, wasThere = this.has(id)): void {
    this.#put(id, item, wasThere, item === undefined && this.#isNowhereBelow(id));
  }

  /** Does all that may fail, which is reading what is below, and returns the function that then puts the item. */
  putting(id: string, item: Item<V> | undefined): () => void {
    const wasThere = this.has(id);
    const forget = item === undefined && this.#isNowhereBelow(id);
    return () => this.#put(id, item, wasThere, forget);
  }

  /** A dropped id need not be remembered if it is not below either. */
  #isNowhereBelow(id: string): boolean {
    return this.#below === undefined || !this.#below.has(id);
  }

  #put(id: string, item: Item<V> | undefined, wasThere: boolean, forget: boolean): void {
    this.changes++;
    this.#more += Number(item !== undefined) - Number(wasThere);
    if (forget || !this.#items.has(id)) this.#sortedIds = undefined;
    this.#places?.touch(id);
    if (forget) this.#items.delete(id);
    else this.#items.set(id, item);
  }

  /** The changed items by id; undefined for one that was dropped. */
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
    if (this.#items.size === 0 && this.#below !== undefined) return this.#below.ordered(after);
    this.#places ??= new Places(this.fold, this.#items);
    const here = this.#places.after(after);
    if (this.#below === undefined) return here;
    return merged(this.#unchangedPlaces(this.#below, after), here, comparePlaced);
  }

  *#unchangedPlaces(below: View<V>, after: Placed | undefined): Generator<Placed, void, undefined> {
    const passed = this.#passed;
    let isPassing = after === undefined || (passed !== undefined && comparePlaced(after, passed) <= 0);
    for (const placed of below.ordered(isPassing ? passed : after)) {
      if (!this.#items.has(placed.id)) {
        isPassing = false;
        yield placed;
      } else if (isPassing) this.#passed = placed;
    }
  }

  *#unchanged(below: Iterable<Entry<V>>): Generator<Entry<V>, void, undefined> {
    for (const element of below) if (!this.#items.has(element.id)) yield element;
  }
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return compareStrings(a.id, b.id);
}
