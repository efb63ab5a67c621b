import type { Lane } from '../run-data.ts';

/** Bars of a lane, in the order of their beginnings. */
export class Spans {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly joined: readonly number[] | undefined;
  /** The furthest end up to each: ends need not be in order. */
  readonly #reach: Float64Array;

  constructor({ gap, length, joined }: Pick<Lane['turns'], 'gap' | 'length' | 'joined'>) {
    this.from = new Float64Array(gap.length);
    this.to = new Float64Array(gap.length);
    this.#reach = new Float64Array(gap.length);
    this.joined = joined;
    let at = 0;
    let reach = -Infinity;
    for (let i = 0; i < gap.length; i++) {
      at += gap[i] as number;
      this.from[i] = at;
      this.to[i] = at + (length[i] as number);
      reach = Math.max(reach, this.to[i] as number);
      this.#reach[i] = reach;
    }
  }

  get count(): number {
    return this.from.length;
  }

  /** The first one that may reach so far; `count` where there is none. */
  firstReaching(moment: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#reach[middle] as number) < moment) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last one that is there between two moments. */
  at(from: number, to: number): number | undefined {
    let found: number | undefined;
    for (let i = this.firstReaching(from); i < this.count && (this.from[i] as number) <= to; i++)
      if ((this.to[i] as number) >= from) found = i;
    return found;
  }
}
