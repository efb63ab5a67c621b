import { type Body, batchBody, type Entry, type EntryRules, entryBody } from '../format/entry.ts';
import type { Fold } from './fold.ts';
import { freezeParsed } from './freeze.ts';
import type { Item } from './item.ts';
import { broken } from './outside.ts';
import { Overlay } from './overlay.ts';
import { type Filter, selectionOf } from './selection.ts';
import { itemsInOrder, listOf, type View } from './view.ts';

/** What a function may answer that must not be async: anything but a promise. */
export type NotPromise<R> = R extends PromiseLike<unknown> ? never : R;

/** Where a transaction is decided. */
export interface TransactionPlace {
  /** The head that it comes after. */
  readonly seq: number;
  /** Time of its entries that have none of their own. */
  readonly now: number;
  readonly rules: EntryRules;
}

/**
 * What the function of a transaction reads and writes: the table as it is when the transaction's turn comes, with what it
 * wrote itself. Its writes are appended together, as one line. After the function has returned, every call throws
 * ERR_WAL_TRANSACTION.
 */
export class Transaction<V = unknown> {
  readonly #place: TransactionPlace;
  readonly #view: Overlay<V>;
  readonly #entries: Entry[] = [];
  /** What the entry written first was checked and serialised to. */
  #first: Body | undefined;
  #ended = false;

  /** @internal */
  constructor(below: View<V>, fold: Fold<V>, place: TransactionPlace) {
    this.#view = new Overlay(fold, below);
    this.#place = place;
  }

  /** The value of an id; undefined where it is not there. */
  get(id: string): V | undefined {
    return this.item(id)?.value;
  }

  has(id: string): boolean {
    this.#check();
    return this.#view.has(id);
  }

  /** The value of an id with its rev, version and ts. What this transaction wrote has the rev that it will get. */
  item(id: string): Item<V> | undefined {
    this.#check();
    return this.#view.item(id);
  }

  /** The items that pass (default: all), by id: as of `Table.list`. */
  list(filter?: Filter<V>): Item<V>[] {
    this.#check();
    return listOf(this.#view, selectionOf(filter));
  }

  /** The items that have a place in the fold's `order`, in that order: as of `Table.inOrder`. */
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
   * Writes an entry, without a key. Answers the item as it is after that; undefined where it is not there. Where the fold ignores the entry, that
   * is the item as it was, with its earlier rev; the entry is written all the same. Throws ERR_WAL_ENTRY or ERR_WAL_TOO_LARGE as
   * `Wal.append` does, and ERR_WAL_FOLD where the fold fails.
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
    // As it will be read: what toJSON and the like make of data, and not the caller's own object.
    const { op, id, data } = freezeParsed(JSON.parse(`{${body.text}}`)) as Entry;
    const place = { seq: seq + this.#entries.length + 1, ts: body.ts, op, id, writer: '', crc: '', prev: '' };
    this.#view.apply(Object.freeze(data === undefined ? place : { ...place, data }));
    this.#first ??= body;
    this.#entries.push({ op, id, data, ts: body.ts === now ? undefined : body.ts });
    return this.#view.item(id);
  }

  /** Writes an entry with op `set`. Answers as `append` does. */
  set(id: string, data: unknown): Item<V> | undefined {
    return this.append({ op: 'set', id, data });
  }

  /**
   * Writes an entry with op `delete`, if the id is there. Answers whether that took the id away: false where it was not there,
   * and where the fold keeps it.
   */
  delete(id: string): boolean {
    return this.has(id) && this.append({ op: 'delete', id }) === undefined;
  }

  #check(): void {
    if (this.#ended)
      throw broken('The transaction has ended: its function must do all it does before it returns');
  }

  /**
   * Ends it.
   * @internal
   */
  end(): void {
    this.#ended = true;
  }

  /**
   * What it appends; undefined for nothing.
   * @internal
   */
  body(): Body | undefined {
    const { now, rules } = this.#place;
    // Most transactions write one entry, which then is a line as it is.
    return this.#entries.length > 1 ? batchBody(this.#entries, now, rules) : this.#first;
  }
}

/** Refuses what an async function returns, which goes on when its turn is over. */
export function refuseThenable(result: unknown): void {
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return;
  const { then } = result as { then?: unknown };
  if (typeof then !== 'function') return;
  // It will fail when it touches the transaction again, and nobody is there to hear that.
  then.call(result, undefined, () => {});
  throw broken(
    'The function of a transaction must not be async: do what has to be awaited before, or after it',
  );
}
