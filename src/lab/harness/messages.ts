import type { Common } from './client.ts';
import type { Tally } from './recorded-store.ts';

/** What a process or thread of a client is to do. */
export interface Job {
  readonly common: Common;
  /** Modules of scenario and target, and of which role the steps are. */
  readonly scenario: string;
  readonly target: string;
  readonly role: number;
  readonly client: string;
  /** Which of the client's processes this is, from 0. */
  readonly run: number;
  readonly journals: string;
  /** The steps: from the first to before the last; absent: until told to stop. */
  readonly from: number;
  readonly to?: number;
  /** How many steps the client makes in all, in however many processes. */
  readonly iterations?: number;
  /** Begins at once, without waiting for the word. */
  readonly atOnce: boolean;
}

/** To a client. `at`: of `instant()`, when all begin. */
export type Word = { readonly kind: 'go'; readonly at: number } | { readonly kind: 'stop' };

/** From a client: the last is `done` or `failed`. */
export type News =
  | { readonly kind: 'ready' }
  | { readonly kind: 'tally'; readonly tally: Tally }
  | {
      readonly kind: 'done';
      readonly tally: Tally;
      readonly measures: Readonly<Record<string, readonly number[]>>;
      /** Files of the store that it still has open. */
      readonly open: readonly string[];
    }
  | { readonly kind: 'failed'; readonly message: string };
