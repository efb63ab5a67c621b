/** What is to be put in order: one operation. */
export interface Call {
  readonly start: number;
  /** Infinity where it may have been done at any time after its start. */
  readonly end: number;
  /** False where it may not have been done at all. */
  readonly isSure: boolean;
  /** It changes nothing. */
  readonly isReading: boolean;
}

/** What calls are made on, as it would be with one call after the other. */
export interface Model<C extends Call> {
  /** Makes the call, if what it was answered is what it is answered now. Answers whether it was made. */
  tryCall(call: C): boolean;
  /** Takes back the last call that was made. */
  undo(call: C): void;
  /** A text that is the same where all that calls can see is. */
  readonly state: string;
  /** Whether it is as it was found in the end. */
  readonly isFinal: boolean;
}

export type Finding<C> =
  | { readonly kind: 'order' }
  /** There is none. `reached`: of those that were tried, the most calls in order; `stuck`: what could not come next there. */
  | { readonly kind: 'none'; readonly reached: number; readonly stuck: readonly C[] }
  /** There are too many to try. */
  | { readonly kind: 'undecided' };

/**
 * Looks for an order in which the calls, one after the other, are answered as they were, none coming before one that had ended before it
 * began: whether the history is linearizable. It tries all there are, so that it is for short ones.
 *
 * The search is that of J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (Journal of Parallel and Distributed Computing 17,
 * 1993): of the calls that may come next, try each, and go back where none fits. It does not go again where it has been, with the same calls made
 * and the same state, as in G. Lowe, "Testing for Linearizability" (Concurrency and Computation: Practice and Experience 29, 2017). A call that changes
 * nothing, once it fits, may as well be made at once: nothing else is tried then.
 */
export function linearize<C extends Call>(
  given: readonly C[],
  model: Model<C>,
  mostSteps = 100_000,
): Finding<C> {
  const calls = [...given].sort((a, b) => a.start - b.start);
  const made = new Uint16Array(Math.ceil(calls.length / 16));
  const been = new Set<string>();
  let sure = calls.filter(({ isSure }) => isSure).length;
  let depth = 0;
  let reached = -1;
  let stuck: readonly C[] = [];
  let steps = 0;

  const isMade = (i: number) => ((made[i >> 4] as number) & (1 << (i & 15))) !== 0;
  const toggle = (i: number, by: 1 | -1) => {
    made[i >> 4] = (made[i >> 4] as number) ^ (1 << (i & 15));
    if (calls[i]?.isSure) sure -= by;
    depth += by;
  };

  const starts = Float64Array.from(calls, ({ start }) => start);
  const ends = Float64Array.from(calls, ({ end }) => end);

  /** Those that may come next: they began before any of the others ended. */
  const candidates = (): number[] => {
    const next: number[] = [];
    let firstEnd = Infinity;
    // Who begins after one has ended ends after it, too.
    for (let i = 0; i < calls.length && (starts[i] as number) <= firstEnd; i++) {
      if (isMade(i)) continue;
      next.push(i);
      firstEnd = Math.min(firstEnd, ends[i] as number);
    }
    return next.filter((i) => (starts[i] as number) <= firstEnd);
  };

  const search = (): boolean => {
    if (sure === 0 && model.isFinal) return true;
    const here = `${String.fromCharCode(...made)} ${model.state}`;
    if (been.has(here) || ++steps > mostSteps) return false;
    been.add(here);
    const next = candidates();
    if (depth > reached) {
      reached = depth;
      stuck = next.map((i) => calls[i] as C);
    }
    for (const i of next) {
      const call = calls[i] as C;
      if (!model.tryCall(call)) continue;
      toggle(i, 1);
      if (search()) return true;
      toggle(i, -1);
      model.undo(call);
      if (call.isReading) return false;
    }
    return false;
  };

  if (search()) return { kind: 'order' };
  return steps > mostSteps ? { kind: 'undecided' } : { kind: 'none', reached, stuck };
}
