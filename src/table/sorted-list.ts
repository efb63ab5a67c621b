/** A change moves at most so many elements. */
const MOST_IN_PIECE = 512;

/** Elements in order, no two of which compare as equal. They are kept in pieces, so that a change costs little in a long list. */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  /** No piece is empty. */
  readonly #pieces: T[][] = [];

  constructor(compare: (a: T, b: T) => number, elements: T[] = []) {
    this.#compare = compare;
    elements.sort(compare);
    const half = MOST_IN_PIECE / 2;
    for (let i = 0; i < elements.length; i += half) this.#pieces.push(elements.slice(i, i + half));
  }

  add(element: T): void {
    const at = Math.max(0, this.#pieceOf(element));
    const piece = this.#pieces[at];
    if (piece === undefined) this.#pieces.push([element]);
    else {
      piece.splice(this.#lastUpTo(element, piece) + 1, 0, element);
      if (piece.length > MOST_IN_PIECE) this.#pieces.splice(at + 1, 0, piece.splice(MOST_IN_PIECE / 2));
    }
  }

  /** Removes an element that is in the list. */
  delete(element: T): void {
    const at = this.#pieceOf(element);
    const piece = this.#pieces[at] as T[];
    piece.splice(this.#lastUpTo(element, piece), 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /** The elements after one, or all. The iteration must not be continued after a change. */
  *after(element: T | undefined): Generator<T, void, undefined> {
    let at = element === undefined ? 0 : Math.max(0, this.#pieceOf(element));
    const first = this.#pieces[at];
    if (first === undefined) return;
    yield* element === undefined ? first : first.slice(this.#lastUpTo(element, first) + 1);
    for (at++; at < this.#pieces.length; at++) yield* this.#pieces[at] as T[];
  }

  /** Index of the piece that an element belongs to; -1 if it comes before all. */
  #pieceOf(element: T): number {
    let before = -1;
    for (let from = this.#pieces.length; from - before > 1; ) {
      const middle = (before + from) >>> 1;
      if (this.#compare(this.#pieces[middle]?.[0] as T, element) <= 0) before = middle;
      else from = middle;
    }
    return before;
  }

  #lastUpTo(element: T, piece: readonly T[]): number {
    let before = -1;
    for (let from = piece.length; from - before > 1; ) {
      const middle = (before + from) >>> 1;
      if (this.#compare(piece[middle] as T, element) <= 0) before = middle;
      else from = middle;
    }
    return before;
  }
}
