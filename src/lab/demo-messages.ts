import type { Durability, WalStats } from '../index.ts';
import type { Share, Source } from './history.ts';

/** What a process is to do: append its share of a history, `inFlight` appends awaited at once. */
export interface Job {
  readonly directory: string;
  readonly lock: 'auto' | 'kernel' | 'lockfile' | 'none';
  readonly durability: Durability;
  readonly inFlight: number;
  readonly source: Source;
  readonly share: Share;
}

/** To a process. `start` names the moment (milliseconds since the epoch) at which all begin. */
export type Order =
  | { readonly kind: 'job'; readonly job: Job }
  | { readonly kind: 'start'; readonly at: number }
  | { readonly kind: 'stop' };

/**
 * From a process. `acknowledged`: three numbers an append: which entry, its seq, microseconds. `ended` is the last, and
 * comes after everything it has in the log was told.
 */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'acknowledged'; readonly appends: readonly number[] }
  | { readonly kind: 'ended'; readonly at: number; readonly stats: WalStats }
  | { readonly kind: 'failed'; readonly at: number; readonly message: string };
