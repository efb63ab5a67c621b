import type { Found, State, StoreEntry, StoreItem, StoreTransaction } from '../target.ts';

/** The state that entries leave, for stores that keep nothing but entries. */
export class EntriesState implements State {
  readonly #items = new Map<string, StoreItem>();
  #seq = 0;

  constructor(entries: Iterable<Found>) {
    for (const entry of entries) this.#add(entry);
  }

  get seq(): number {
    return this.#seq;
  }

  get(id: string): StoreItem | undefined {
    return this.#items.get(id);
  }

  items(): Iterable<StoreItem> {
    return this.#items.values();
  }

  /** Throws a Conflict unless the id has that rev. */
  expect(id: string, rev: number): void {
    const there = this.get(id)?.rev ?? 0;
    if (there !== rev) throw new Conflict(`${id} is at rev ${there}, not ${rev}`);
  }

  /** Runs a transaction's function on this state, which changes with it. Answers what it appended, too. */
  decide<R>(decide: (tx: StoreTransaction) => R): { readonly answer: R; readonly entries: StoreEntry[] } {
    const entries: StoreEntry[] = [];
    const answer = decide({
      get: (id) => this.get(id),
      items: () => this.items(),
      append: (entry) => {
        entries.push(entry);
        this.#add({ seq: this.#seq + 1, ...entry });
      },
    });
    return { answer, entries };
  }

  #add({ seq, op, id, data }: Found): void {
    const version = (this.#items.get(id)?.version ?? 0) + 1;
    if (op === 'delete') this.#items.delete(id);
    else this.#items.set(id, { id, value: data, rev: seq, version });
    this.#seq = seq;
  }
}

/** Others came first. */
export class Conflict extends Error {}
