/** Numbers of entries that one Wal had acknowledged, from the first to the last of a run; others' may lie between. */
interface Run {
  readonly first: number;
  readonly last: number;
}

/** So many runs are told apart; beyond that, two neighbours become one. */
const MOST_RUNS = 64;

/** Which entries a Wal had acknowledged, in little room: ascending runs, the exacter the fewer there are. */
export class OwnRuns {
  /** The runs before the last one. */
  #runs: Run[] = [];
  /** Where the last one begins. */
  #first = 0;
  /** The last of all; 0 where there is none. Whoever appends the entry after it raises it. */
  last = 0;

  /** Begins a run. */
  add(first: number, last: number): void {
    if (this.last > 0) this.#runs.push({ first: this.#first, last: this.last });
    if (this.#runs.length >= MOST_RUNS) this.#runs = inPairs(this.#runs);
    this.#first = first;
    this.last = last;
  }

  clear(): void {
    this.#runs = [];
    this.last = 0;
  }

  /** The first that may be past `seq`; undefined where none is. */
  firstAfter(seq: number): number | undefined {
    if (this.last <= seq) return undefined;
    const run = this.#runs.find(({ last }) => last > seq);
    return Math.max(run?.first ?? this.#first, seq + 1);
  }
}

function inPairs(runs: readonly Run[]): Run[] {
  return runs.flatMap((run, i) => {
    if (i % 2 === 1) return [];
    return [{ first: run.first, last: runs[i + 1]?.last ?? run.last }];
  });
}
