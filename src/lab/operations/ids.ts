/** Ids by numbers, from 0 in the order in which they came up: so that checks need not look up each by its text. */
export class Ids {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  #last = -1;

  get count(): number {
    return this.#texts.length;
  }

  /** The number of an id, which it gets now if it has none. */
  numberOf(id: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.#texts.length);
    return this.#texts.push(id) - 1;
  }

  /** The number of an id; undefined where it did not come up. Mostly it is the one after that asked for before: a state has that order. */
  find(id: string): number | undefined {
    const next = this.#last + 1;
    const found = this.#texts[next] === id ? next : this.#numbers.get(id);
    if (found !== undefined) this.#last = found;
    return found;
  }

  textOf(number: number): string {
    return this.#texts[number] as string;
  }
}
