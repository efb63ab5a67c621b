import { hashOf } from './sum.ts';

/**
 * Ids by numbers, from 0 in the order in which they came up: so that checks need not look up each by its text. A hash table of its own,
 * with the numbers in it: a Map of a million texts takes twice as long.
 */
export class Ids {
  readonly #texts: string[] = [];
  /** By number. */
  #hashes: Int32Array<ArrayBuffer>;
  /** Numbers, from 1, at their hashes, or the next free place after; 0 where there is none. */
  #table: Int32Array<ArrayBuffer>;
  #last = -1;

  /**
   * `expected`: about how many there will be.
   * @internal
   */
  constructor(expected: number) {
    this.#hashes = new Int32Array(expected + 16);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(2 * expected + 32)));
  }

  get count(): number {
    return this.#texts.length;
  }

  /**
   * The number of an id, which it gets now if it has none.
   * @internal
   */
  numberOf(id: string): number {
    const hash = hashOf(id);
    const at = this.#placeOf(id, hash);
    const known = this.#table[at] as number;
    if (known !== 0) return known - 1;
    this.#texts.push(id);
    this.#table[at] = this.count;
    if (this.count > this.#hashes.length) this.#hashes = grown(this.#hashes);
    this.#hashes[this.count - 1] = hash;
    if (this.count * 2 > this.#table.length) this.#grow();
    return this.count - 1;
  }

  /** The number of an id; undefined where it did not come up. Mostly it is the one after that asked for before: a state has that order. */
  find(id: string): number | undefined {
    const next = this.#last + 1;
    const found =
      this.#texts[next] === id ? next : (this.#table[this.#placeOf(id, hashOf(id))] as number) - 1;
    if (found === -1) return undefined;
    this.#last = found;
    return found;
  }

  textOf(number: number): string {
    return this.#texts[number] as string;
  }

  /** Where it is in the table, or belongs. */
  #placeOf(id: string, hash: number): number {
    const [table, hashes, texts] = [this.#table, this.#hashes, this.#texts];
    const most = table.length - 1;
    let at = hash & most;
    for (let known = table[at] as number; known !== 0; known = table[at] as number) {
      if (hashes[known - 1] === hash && texts[known - 1] === id) break;
      at = (at + 1) & most;
    }
    return at;
  }

  #grow(): void {
    const table = new Int32Array(this.#table.length * 2);
    const most = table.length - 1;
    for (let number = 0; number < this.count; number++) {
      let at = (this.#hashes[number] as number) & most;
      while (table[at] !== 0) at = (at + 1) & most;
      table[at] = number + 1;
    }
    this.#table = table;
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
