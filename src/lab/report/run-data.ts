import type { OperationOutcome } from '../operations/operation.ts';
import type { MarkKind } from './marks.ts';

/**
 * What the page's charts are drawn from: JSON in the page. Times are whole microseconds from the common start. Of spans
 * in a row, each begins `gap` after the one before began.
 */
export interface RunData {
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly Lane[];
  /** Without one, it is no wonder that many are in the turn at once. */
  readonly hasLock: boolean;
  /** In the order of `from`. */
  readonly overlaps: readonly (readonly [from: number, to: number, most: number])[];
  /** In the order of their moments. Lane -1: it was done to nobody in particular. */
  readonly marks: readonly (readonly [at: number, kind: MarkKind, lane: number])[];
  readonly latency: LatencyData;
  readonly throughput: ThroughputData;
}

/** A client, or some of them where there are very many. */
export interface Lane {
  readonly name: string;
  /** Its clients' roles. */
  readonly role: string;
  readonly turns: TurnSpans;
  readonly operations: OperationSpans;
}

interface Spans {
  readonly gap: readonly number[];
  readonly length: readonly number[];
  /** Of how many each is made up; absent: of one each. */
  readonly joined?: readonly number[];
}

/** In the write turn. */
export interface TurnSpans extends Spans {
  /** Before each: how long it was waited for. */
  readonly waited: readonly number[];
}

/** From call to answer. */
export interface OperationSpans extends Spans {
  /** A place in OUTCOMES for each: the worst of those it is made up of. */
  readonly outcome: string;
}

/** From good to bad. */
export const OUTCOMES = ['acknowledged', 'refused', 'unknown'] as const satisfies readonly OperationOutcome[];

/** How many latencies lie in each bucket: between `edges[i]` and `edges[i + 1]` microseconds. */
export interface LatencyData {
  readonly edges: readonly number[];
  readonly groups: readonly LatencyGroup[];
}

export interface LatencyGroup {
  readonly name: string;
  readonly counts: readonly number[];
  /** In microseconds. */
  readonly percentiles: readonly (readonly [name: string, us: number])[];
}

/** How many operations ended in each slice, from the common start on. */
export interface ThroughputData {
  /** Microseconds of a slice. */
  readonly width: number;
  /** Those that ended before the start, such as opening the store: they are in no slice. */
  readonly before: number;
  readonly counts: Readonly<Record<OperationOutcome, readonly number[]>>;
}
