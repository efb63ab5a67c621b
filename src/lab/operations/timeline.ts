import { lastIndexWhere } from '../../table/sorted.ts';
import type { Glimpse } from './glimpse.ts';
import type { Operation } from './operation.ts';
import type { Writes } from './writes.ts';

/**
 * When each entry came to be in the log, so far as operations tell: of each, that it was not there before a moment, or was there at
 * another. As entries come in the order of their numbers, what is told of one holds of those that follow it, or precede it: whether all
 * of it can be true at once is seen entry by entry.
 */
export interface Timeline {
  /** Before this moment the entry was surely not there; -Infinity where nobody tells, and for 0. */
  earliest(seq: number): number;
  /** From this moment on the entry was surely there; Infinity where nobody tells, and where there is no such entry. */
  latest(seq: number): number;
  /** Whose operations tell these. */
  earliestBy(seq: number): Operation;
  latestBy(seq: number): Operation;
}

/** What was written was not there before its call, and was there at its acknowledgement. */
export class WriteTimeline implements Timeline {
  readonly #writes: Writes;
  readonly #head: number;
  /** Of each entry, the write that tells most of it; -1: none does. */
  readonly #earliest: Int32Array;
  readonly #latest: Int32Array;

  /**
   * `head`: the last number there is.
   * @internal
   */
  constructor({ writes, head }: { readonly writes: Writes; readonly head: number }) {
    this.#writes = writes;
    this.#head = head;
    this.#earliest = new Int32Array(head + 1).fill(-1);
    this.#latest = new Int32Array(head + 1).fill(-1);
    for (let write = 0; write < writes.count; write++) {
      const size = writes.sizeOf(write);
      if (size === 0) continue;
      const first = writes.placeOf(write, 0);
      if (first > 0 && first <= head) this.#notBefore(first, write);
      const last = writes.outcomes[write] === 'acknowledged' ? writes.placeOf(write, size - 1) : 0;
      // What nobody knows of may have been done at any time after its call.
      if (last > 0) this.#notAfter(Math.min(last, head), write);
    }
    for (let seq = 2; seq <= head; seq++) this.#notBefore(seq, this.#earliest[seq - 1] as number);
    for (let seq = head - 1; seq > 0; seq--) this.#notAfter(seq, this.#latest[seq + 1] as number);
  }

  #notBefore(seq: number, write: number): void {
    const { starts } = this.#writes;
    const known = this.#earliest[seq] as number;
    if (write !== -1 && (known === -1 || (starts[write] as number) > (starts[known] as number)))
      this.#earliest[seq] = write;
  }

  #notAfter(seq: number, write: number): void {
    const { ends } = this.#writes;
    const known = this.#latest[seq] as number;
    if (write !== -1 && (known === -1 || (ends[write] as number) < (ends[known] as number)))
      this.#latest[seq] = write;
  }

  earliest(seq: number): number {
    return this.#writes.starts[this.#earliest[Math.min(seq, this.#head)] ?? -1] ?? -Infinity;
  }

  latest(seq: number): number {
    if (seq < 1) return -Infinity;
    return this.#writes.ends[this.#latest[seq] ?? -1] ?? Infinity;
  }

  earliestBy(seq: number): Operation {
    return this.#writes.operations[this.#earliest[Math.min(seq, this.#head)] as number] as Operation;
  }

  latestBy(seq: number): Operation {
    return this.#writes.operations[this.#latest[seq] as number] as Operation;
  }
}

/** The same, with what glimpses tell. */
export class GlimpsedTimeline implements Timeline {
  readonly #under: Timeline;
  readonly #head: number;
  readonly #there: Tellers;
  readonly #notYet: Tellers;

  /**
   * `there`: the glimpses of which it counts what was there; `notYet`: what was not there yet. `head`: the last number there is.
   * @internal
   */
  constructor(under: Timeline, head: number, there: readonly Glimpse[], notYet: readonly Glimpse[]) {
    this.#under = under;
    this.#head = head;
    this.#there = tellersOf(there, (glimpse) => Math.min(glimpse.there, head));
    this.#notYet = tellersOf(
      notYet.filter((glimpse) => glimpse.notYet <= head),
      (glimpse) => glimpse.notYet,
    );
    const { operations: by } = this.#there;
    for (let i = by.length - 2; i >= 0; i--)
      if ((by[i + 1] as Operation).end < (by[i] as Operation).end) by[i] = by[i + 1] as Operation;
    const { operations } = this.#notYet;
    for (let i = 1; i < operations.length; i++)
      if ((operations[i - 1] as Operation).start > (operations[i] as Operation).start)
        operations[i] = operations[i - 1] as Operation;
  }

  earliest(seq: number): number {
    return Math.max(this.#under.earliest(seq), this.#lowest(seq)?.start ?? -Infinity);
  }

  latest(seq: number): number {
    return Math.min(this.#under.latest(seq), this.#highest(seq)?.end ?? Infinity);
  }

  earliestBy(seq: number): Operation {
    const own = this.#lowest(seq);
    return own !== undefined && own.start > this.#under.earliest(seq) ? own : this.#under.earliestBy(seq);
  }

  latestBy(seq: number): Operation {
    const own = this.#highest(seq);
    return own !== undefined && own.end < this.#under.latest(seq) ? own : this.#under.latestBy(seq);
  }

  /** The last entry that was surely there at a moment; 0: none was. */
  knownAt(moment: number): number {
    let [known, unknown] = [0, this.#head + 1];
    while (unknown - known > 1) {
      const seq = (known + unknown) >>> 1;
      if (this.latest(seq) < moment) known = seq;
      else unknown = seq;
    }
    return known;
  }

  /** The last to tell that an entry up to that one was not there yet. */
  #lowest(seq: number): Operation | undefined {
    return this.#notYet.operations[lastIndexWhere(this.#notYet.seqs, (each) => each <= seq)];
  }

  /** The first to tell that it was there, or one after it. */
  #highest(seq: number): Operation | undefined {
    if (seq < 1) return undefined;
    return this.#there.operations[lastIndexWhere(this.#there.seqs, (each) => each < seq) + 1];
  }
}

/** Who tells something of entries, in the order of these. */
interface Tellers {
  readonly seqs: Float64Array;
  readonly operations: Operation[];
}

function tellersOf(glimpses: readonly Glimpse[], seqOf: (glimpse: Glimpse) => number): Tellers {
  const { length } = glimpses;
  // Numbers alone are sorted much quicker than by a function that compares.
  const order = Float64Array.from(glimpses, (glimpse, i) => seqOf(glimpse) * length + i).sort();
  return {
    seqs: order.map((each) => Math.floor(each / length)),
    operations: Array.from(order, (each) => (glimpses[each % length] as Glimpse).operation),
  };
}
