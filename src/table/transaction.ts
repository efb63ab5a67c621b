import { type Body, batchBody, type Entry, type EntryRules, entryBody } from '../format/entry.ts';
import type { Fold } from './fold.ts';
import { freezeParsed } from './freeze.ts';
import type { Item } from './item.ts';
import { broken } from './outside.ts';
import { Overlay } from './overlay.ts';
import { type Filter, selectionOf } from './selection.ts';
import { itemsInOrder, listOf, type View } from './view.ts';

/** What a function that must not be async may return: anything but a promise. */
export type NotPromise<R> = R extends PromiseLike<unknown> ? never : R;

/** The place in the log at which a transaction is decided. */
export interface TransactionPlace {
  /** The head that the transaction follows. */
  readonly seq: number;
  /** Time of its entries that have none of their own. */
  readonly now: number;
  readonly rules: EntryRules;
}

/**
 * What the function of a transaction reads and writes: the table as it is in the transaction's write turn, with what the
 * transaction has written itself. The writes are appended together, as one line. After the function has returned, every
 * call throws ERR_WAL_TRANSACTION.
 */
export class Transaction<V = unknown> {
  readonly #place: TransactionPlace;
  readonly #view: Overlay<V>;
  readonly #entries: Entry[] = [];
  /** The body of the first entry: checked and serialised. */
  #first: Body | undefined;
  #ended = false;

  /** @internal */
  constructor(below: View<V>, fold: Fold<V>, place: TransactionPlace) {
    this.#view = new Overlay(fold, below);
    this.#place = place;
  }

  /** The value of an id; undefined if the id is not there. */
  get(id: string): V | undefined {
    return this.item(id)?.value;
  }

  has(id: string): boolean {
    this.#check();
    return this.#view.has(id);
  }

  /** The value of an id with its rev, version and ts. What this transaction wrote has the rev that it will have in the log. */
  item(id: string): Item<V> | undefined {
    this.#check();
    return this.#view.item(id);
  }

  /** The items that pass (default: all), by id, as in `Table.list`. */
  list(filter?: Filter<V>): Item<V>[] {
    this.#check();
    return listOf(this.#view, selectionOf(filter));
  }

  /** The items that have a place in the fold's `order`, in that order, as in `Table.inOrder`. */
  inOrder(): Generator<Item<V>, void, undefined> {
    return itemsInOrder(this.#view.fold, () => {
      this.#check();
      return this.#view;
    });
  }

  /** How many ids there are. */
  get size(): number {
    this.#check();
    return this.#view.size;
  }

  /**
   * Writes an entry, without a key. Returns the item as it is after that; undefined if the id is not there. If the fold
   * ignores the entry, the item is as it was, with its earlier rev; the entry is written all the same. Throws ERR_WAL_ENTRY
   * or ERR_WAL_TOO_LARGE as `Wal.append` does, and ERR_WAL_FOLD if the fold fails.
   */
  append(entry: Entry): Item<V> | undefined {
    this.#check();
    const { now, rules, seq } = this.#place;
    const body = entryBody(entry, now, rules);
    if (body.key !== undefined)
      throw broken(
        "A transaction's entry takes no key: the transaction is decided again at each try",
        'ERR_WAL_ENTRY',
      );
    // As it will be read: what toJSON and the like make of the data, not the caller's own object.
    const { op, id, data } = freezeParsed(JSON.parse(`{${body.text}}`)) as Entry;
    const place = { seq: seq + this.#entries.length + 1, ts: body.ts, op, id, writer: '', crc: '', prev: '' };
    this.#view.apply(Object.freeze(data === undefined ? place : { ...place, data }));
    this.#first ??= body;
    this.#entries.push({ op, id, data, ts: body.ts === now ? undefined : body.ts });
    return this.#view.item(id);
  }

  /** Writes an entry with op `set`. Returns what `append` returns. */
  set(id: string, data: unknown): Item<V> | undefined {
    return this.append({ op: 'set', id, data });
  }

  /**
   * Writes an entry with op `delete`, if the id is there. Returns whether that deleted the id: false if the id was not
   * there, or if the fold keeps it.
   */
  delete(id: string): boolean {
    return this.has(id) && this.append({ op: 'delete', id }) === undefined;
  }

  #check(): void {
    if (this.#ended)
      throw broken('The transaction has ended: its function must do all it does before it returns');
  }

  /**
   * Ends the transaction.
   * @internal
   */
  end(): void {
    this.#ended = true;
  }

  /**
   * What the transaction appends; undefined for nothing.
   * @internal
   */
  body(): Body | undefined {
    const { now, rules } = this.#place;
    // Most transactions write one entry, whose body then needs no batch around it.
    return this.#entries.length > 1 ? batchBody(this.#entries, now, rules) : this.#first;
  }
}

/** Refuses what an async function returns, because the function would run on after its turn. */
export function refuseThenable(result: unknown): void {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  // The promise will reject when the function uses the transaction again, and nothing else handles that.
  then.call(result, undefined, () => {});
  throw broken(
    'The function of a transaction must not be async: do what has to be awaited before it, or after it',
  );
}
