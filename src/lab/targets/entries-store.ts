import type { Appended, Found, Oddity, Store, StoreEntry, StoreTransaction } from '../target.ts';
import { EntriesState } from './entries-state.ts';

/** How a store without an index keeps its entries. */
export interface EntriesMedium {
  /** All there is, in order. */
  read(): Promise<readonly Found[]>;
  append(entries: readonly StoreEntry[]): Promise<Appended>;
  /** Appends what `decide` makes of the state that it reads first, in whatever way the store thinks that safe. */
  change(decide: (state: EntriesState) => readonly StoreEntry[]): Promise<Appended>;
  verify(): Promise<readonly Oddity[]>;
}

/** A store that reads everything whenever it is asked for its state. */
export class EntriesStore implements Store {
  readonly #medium: EntriesMedium;

  constructor(medium: EntriesMedium) {
    this.#medium = medium;
  }

  append(entry: StoreEntry, terms?: { readonly rev: number }): Promise<Appended> {
    if (terms === undefined) return this.#medium.append([entry]);
    return this.#medium.change((state) => {
      state.expect(entry.id, terms.rev);
      return [entry];
    });
  }

  appendBatch(entries: readonly StoreEntry[]): Promise<Appended> {
    return this.#medium.append(entries);
  }

  async *read({ from = 1, to = Infinity }: { from?: number | undefined; to?: number | undefined } = {}) {
    for (const entry of await this.#medium.read()) if (entry.seq >= from && entry.seq <= to) yield entry;
  }

  async state(): Promise<EntriesState> {
    return new EntriesState(await this.#medium.read());
  }

  async transaction<R>(decide: (tx: StoreTransaction) => R): Promise<Appended & { readonly answer: R }> {
    let decided: { readonly answer: R; readonly entries: readonly StoreEntry[] } | undefined;
    const appended = await this.#medium.change((state) => {
      decided = state.decide(decide);
      return decided.entries;
    });
    return { ...appended, answer: (decided as unknown as { readonly answer: R }).answer };
  }

  async verify(): Promise<readonly Oddity[]> {
    return this.#medium.verify();
  }

  async close(): Promise<void> {}
}
