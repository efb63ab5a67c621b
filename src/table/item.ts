/** What a table holds for an id. Deep-frozen. */
export interface Item<V = unknown> {
  readonly id: string;
  /** Seq of the last record of the id that the fold did not ignore: what to compare by, as with `expect: {rev}`. */
  readonly rev: number;
  /** That record's time, in milliseconds since the epoch. */
  readonly ts: number;
  /** What the fold made of the id's records. */
  readonly value: V;
  /** How many of the id's records the fold did not ignore since the id was made: for people. */
  readonly version: number;
}
