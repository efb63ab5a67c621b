import type { Operation } from './operation.ts';

/** Shared by all that have none: there may be a million. */
const NONE: readonly number[] = Object.freeze([]);

/** An operation that writes, and where the store has what it wrote. */
export class Write {
  readonly operation: Operation;
  /** Of each of its entries, its number in the store; 0 where it cannot be read there. */
  #first = 0;
  #rest: readonly number[] = NONE;
  #more: readonly number[] = NONE;

  constructor(operation: Operation) {
    this.operation = operation;
  }

  /** Notes where one of its entries was found. */
  lies(entry: number, seq: number): void {
    if (this.foundAt(entry) !== 0) this.#more = [...this.#more, seq];
    else if (entry === 0) this.#first = seq;
    else {
      const rest = this.#rest === NONE ? [] : (this.#rest as number[]);
      while (rest.length < entry - 1) rest.push(0);
      rest[entry - 1] = seq;
      this.#rest = rest;
    }
  }

  /** Where an entry was found; 0 where it was not. */
  foundAt(entry: number): number {
    return entry === 0 ? this.#first : (this.#rest[entry - 1] ?? 0);
  }

  /**
   * Where an entry is: where it was found, or, as it may have been compacted away, where it was acknowledged; 0 where nobody
   * can tell.
   */
  placeOf(entry: number): number {
    const place = this.foundAt(entry);
    const { seq, outcome } = this.operation;
    return place === 0 && seq !== undefined && outcome === 'acknowledged' ? seq + entry : place;
  }

  /** Numbers at which more of the same were found. */
  get more(): readonly number[] {
    return this.#more;
  }

  /** How many entries it has: as it was told, or as were found. */
  get size(): number {
    const found = this.#rest.length > 0 ? this.#rest.length + 1 : this.#first === 0 ? 0 : 1;
    return Math.max(this.operation.entries.length, found);
  }
}
