import type { Operation } from './operation.ts';

/** One stay of a client in the write turn. Times are of `instant()`. */
export interface Turn {
  readonly client: string;
  /** When it began to wait for it. */
  readonly asked: number;
  readonly from: number;
  /** Infinity where it never gave it back. */
  readonly to: number;
}

/** What was done to a client, or to the lock. */
export interface Mark {
  /** Of `instant()`. */
  readonly at: number;
  /** `takeover`: a client went on without the lock. */
  readonly kind: 'killed' | 'restarted' | 'stopped' | 'continued' | 'lock-broken' | 'takeover';
  /** Undefined where it was done to none of them in particular. */
  readonly client?: string | undefined;
}

/** What happened in a run, moment by moment: for a picture of it. */
export interface RunRecord {
  /** Of `instant()`: the common start. */
  readonly start: number;
  /** Of each client, by its name: what it was there for. */
  readonly roles: ReadonlyMap<string, string>;
  /** Those of the clients, without `prepare` and `conclude`. */
  readonly operations: readonly Operation[];
  /** In the order of `from`; none where the target does not tell, or was not asked. */
  readonly turns: readonly Turn[];
  /** In the order of `at`. */
  readonly marks: readonly Mark[];
}
