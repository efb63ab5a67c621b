import type { Storage } from '../storage/storage.ts';

/** Where a log lies, and the id that its snapshots bear. */
export interface LogPlace {
  readonly storage: Storage;
  readonly directory: string;
  readonly log: string;
}

/** What one listing of a log's directory shows, each ascending. */
export interface Layout {
  /** First seqs of the segments. */
  readonly segments: readonly number[];
  /** Last seqs of what the snapshots stand for. */
  readonly snapshots: readonly number[];
}
