/** What a table holds of an id. Frozen, all of it. */
export interface Item<V = unknown> {
  readonly id: string;
  /** Seq of the last record of the id that the fold did not ignore: what to compare by, as with `expect: {rev}`. */
  readonly rev: number;
  /** That record's time, in milliseconds since the epoch. */
  readonly ts: number;
  /** What the fold made of its records. */
  readonly value: V;
  /** How many records of the id the fold did not ignore since it came to be: for people. */
  readonly version: number;
}
