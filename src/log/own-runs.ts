/** Numbers of entries that one Wal had acknowledged, from the first to the last of a run; others' may lie between. */
interface Run {
  readonly first: number;
  readonly last: number;
}

/** So many runs are told apart; beyond that, two neighbours become one. */
const MOST_RUNS = 64;

/** Which entries a Wal had acknowledged, in little room: ascending runs, the exacter the fewer there are. */
export class OwnRuns {
  #runs: Run[] = [];

  /** The last of all; 0 where there is none. */
  get last(): number {
    return this.#runs.at(-1)?.last ?? 0;
  }

  add(first: number, last: number): void {
    this.#runs.push({ first, last });
    if (this.#runs.length > MOST_RUNS) this.#runs = inPairs(this.#runs);
  }

  clear(): void {
    this.#runs = [];
  }

  /** The first that may be past `seq`; undefined where none is. */
  firstAfter(seq: number): number | undefined {
    const run = this.#runs.find(({ last }) => last > seq);
    return run && Math.max(run.first, seq + 1);
  }
}

function inPairs(runs: readonly Run[]): Run[] {
  return runs.flatMap((run, i) => {
    if (i % 2 === 1) return [];
    return [{ first: run.first, last: runs[i + 1]?.last ?? run.last }];
  });
}
