/** A change moves no more elements than this. */
const MOST_IN_PIECE = 512;

/** Elements in order, no two of which compare as equal: in pieces, so that a change costs little, however many there are. */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  /** None of them is empty. */
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

  /** Takes out one that is here. */
  delete(element: T): void {
    const at = this.#pieceOf(element);
    const piece = this.#pieces[at] as T[];
    piece.splice(this.#lastUpTo(element, piece), 1);
    if (piece.length === 0) this.#pieces.splice(at, 1);
  }

  /** Those after an element, or all. Not to be gone on with after a change. */
  *after(element: T | undefined): Generator<T, void, undefined> {
    let at = element === undefined ? 0 : Math.max(0, this.#pieceOf(element));
    const first = this.#pieces[at];
    if (first === undefined) return;
    yield* element === undefined ? first : first.slice(this.#lastUpTo(element, first) + 1);
    for (at++; at < this.#pieces.length; at++) yield* this.#pieces[at] as T[];
  }

  /** The piece that an element belongs to; -1 where it comes before all. */
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
