/**
 * Numbers of entries that one Wal had acknowledged, from the first to the last of a run; entries of others may be in
 * between.
 */
interface Run {
  readonly first: number;
  readonly last: number;
}

/** The most runs that are kept apart; beyond that, neighbours are merged in pairs. */
const MOST_RUNS = 64;

/**
 * Which entries a Wal had acknowledged, in little memory: ascending runs, which are the more exact the fewer there
 * are.
 */
export class OwnRuns {
  /** The runs before the last one. */
  #runs: Run[] = [];
  /** Where the last one begins. */
  #first = 0;
  /** The last entry of all; 0 if there is none. The caller raises it when the entry after it is acknowledged. */
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

  /** The first entry of the runs that may be past `seq`; undefined if none is. */
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
