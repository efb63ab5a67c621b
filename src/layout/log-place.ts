import type { Storage } from '../storage/storage.ts';

/** The directory of a log, and the id that its snapshots must have. */
export interface LogPlace {
  readonly storage: Storage;
  readonly directory: string;
  readonly log: string;
}

/** One listing of a log's directory, each list ascending. */
export interface Layout {
  /** First seqs of the segments. */
  readonly segments: readonly number[];
  /** Last seqs that the snapshots cover. */
  readonly snapshots: readonly number[];
}
