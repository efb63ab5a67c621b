import type { Found } from '../target.ts';
import { writerOf } from './operation.ts';
import { entrySum } from './sum.ts';

/** What was found, in order: a column for each thing that checks ask of all of it (see `Writes`). */
export class Entries {
  readonly count: number;
  readonly seqs: number[];
  readonly deletes: boolean[];
  /** Which of the ids each has (see `Ids`). */
  readonly ids: number[];
  /** Whose it is by its data. */
  readonly bys: (string | undefined)[];
  /** Which of the writes wrote it, -1 where none did; and which of that one's entries it is. */
  readonly writes: number[];
  readonly parts: number[];
  /** `entrySum` of each. */
  readonly sums: number[];

  /** @internal */
  constructor(count: number) {
    this.count = count;
    this.seqs = new Array(count);
    this.deletes = new Array(count);
    this.ids = new Array(count);
    this.bys = new Array(count);
    this.writes = new Array(count);
    this.parts = new Array(count);
    this.sums = new Array(count);
  }

  /**
   * Answers for whose it is by its data.
   * @internal
   */
  put(i: number, { seq, op, id: text, data }: Found, id: number): string | undefined {
    const by = writerOf(data);
    this.seqs[i] = seq;
    this.deletes[i] = op === 'delete';
    this.ids[i] = id;
    this.bys[i] = by;
    this.writes[i] = -1;
    this.parts[i] = 0;
    this.sums[i] = entrySum(op, text, data);
    return by;
  }
}
