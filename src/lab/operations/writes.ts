import type { Operation, OperationOutcome, Written } from './operation.ts';

/** One of a client's processes, one after the other. */
export interface Run {
  readonly client: string;
  readonly run: number;
}

/**
 * All operations that write, in the order of the history, and where the store has what they wrote. A column for each thing that checks
 * ask of all of them: a million objects, which lie apart in memory, take many times as long to go through.
 */
export class Writes {
  readonly operations: Operation[] = [];
  readonly starts: number[];
  readonly ends: number[];
  readonly outcomes: OperationOutcome[] = [];
  /** Each one's number in its run. */
  readonly numbers: number[];
  /** Which of the run's stores it went to. */
  readonly stores: number[];
  /** Which of the runs each is of; a run's lie together. */
  readonly runOf: number[];
  readonly runs: Run[] = [];
  /** Number of each one's first entry, where the store told it. */
  readonly seqs: (number | undefined)[] = [];
  /** Which of them expected something, and which had a key. */
  readonly expecting: number[] = [];
  readonly keyed: number[] = [];
  /** Of each, how many entries were told of, in it and those before it. */
  readonly #told: number[];
  /** Of each entry that was told of, where it was found; 0 where it was not. */
  readonly #places: number[] = [];
  /** And its sum, as its client tells it. */
  readonly #sums: number[] = [];
  /** The same of entries that were not told of: of a transaction that was never answered, nobody knows what it wrote. */
  readonly #untold = new Map<number, number[]>();
  readonly #more = new Map<number, number[]>();

  /**
   * `most`: how many there may be. Room for all of them at once: what grows leaves what it was before for the garbage collector.
   * @internal
   */
  constructor(most: number) {
    this.starts = new Array(most);
    this.ends = new Array(most);
    this.numbers = new Array(most);
    this.stores = new Array(most);
    this.runOf = new Array(most);
    this.#told = new Array(most);
  }

  /** @internal */
  add(operation: Operation): void {
    const { client, run, number, store = 0, start, end, outcome, seq, entries, expect, key } = operation;
    if (expect !== undefined) this.expecting.push(this.count);
    if (key !== undefined) this.keyed.push(this.count);
    const last = this.runs.at(-1);
    if (client !== last?.client || run !== last.run) this.runs.push({ client, run });
    const write = this.count;
    this.operations.push(operation);
    this.starts[write] = start;
    this.ends[write] = end;
    this.outcomes.push(outcome);
    this.numbers[write] = number;
    this.stores[write] = store;
    this.runOf[write] = this.runs.length - 1;
    this.seqs.push(seq);
    // What was answered with an earlier one's number wrote nothing.
    for (let i = 0; i < entries.length && !operation.duplicate; i++) {
      this.#places.push(0);
      this.#sums.push((entries[i] as Written).sum);
    }
    this.#told[write] = this.#places.length;
  }

  get count(): number {
    return this.operations.length;
  }

  /** How many entries it told that it wrote. */
  toldOf(write: number): number {
    return (this.#told[write] as number) - this.#before(write);
  }

  #before(write: number): number {
    return write === 0 ? 0 : (this.#told[write - 1] as number);
  }

  /** The sum of an entry, as its client tells it; undefined where it does not. */
  sumAt(write: number, entry: number): number | undefined {
    return entry < this.toldOf(write) ? this.#sums[this.#before(write) + entry] : undefined;
  }

  /** How many entries it has: as it was told, or as were found. */
  sizeOf(write: number): number {
    const untold = this.#untold.size === 0 ? undefined : this.#untold.get(write);
    return this.toldOf(write) + (untold?.length ?? 0);
  }

  /**
   * Notes where one of its entries was found.
   * @internal
   */
  lies(write: number, entry: number, seq: number): void {
    const told = this.toldOf(write);
    if (this.foundAt(write, entry) !== 0) addTo(this.#more, write).push(seq);
    else if (entry < told) this.#places[this.#before(write) + entry] = seq;
    else {
      const untold = addTo(this.#untold, write);
      while (untold.length < entry - told) untold.push(0);
      untold[entry - told] = seq;
    }
  }

  /** Where an entry was found; 0 where it was not. */
  foundAt(write: number, entry: number): number {
    const told = this.toldOf(write);
    if (entry < told) return this.#places[this.#before(write) + entry] as number;
    return this.#untold.get(write)?.[entry - told] ?? 0;
  }

  /**
   * Where an entry is: where it was found, or, as it may have been compacted away, where it was acknowledged; 0 where nobody
   * can tell.
   */
  placeOf(write: number, entry: number): number {
    const place = this.foundAt(write, entry);
    if (place !== 0 || this.outcomes[write] !== 'acknowledged' || entry >= this.toldOf(write)) return place;
    const seq = this.seqs[write];
    return seq === undefined ? 0 : seq + entry;
  }

  /** Numbers at which more of the same were found. */
  moreOf(write: number): readonly number[] {
    return this.#more.get(write) ?? [];
  }

  /** Visits each entry whose place somebody can tell, write by write. */
  forEachPlace(visit: (place: number, write: number, entry: number) => void): void {
    for (let write = 0; write < this.count; write++) {
      const size = this.sizeOf(write);
      for (let entry = 0; entry < size; entry++) {
        const place = this.placeOf(write, entry);
        if (place !== 0) visit(place, write, entry);
      }
    }
  }
}

function addTo(lists: Map<number, number[]>, key: number): number[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
