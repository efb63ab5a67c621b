import type { Check } from './check.ts';
import { clientOrder } from './client-order.ts';
import { conflicts } from './conflicts.ts';
import { exactlyOnce } from './exactly-once.ts';
import { expectations } from './expectations.ts';
import { freshReads } from './fresh-reads.ts';
import { allEnded, noErrors, nothingLeft, verified } from './health.ts';
import { keys } from './keys.ts';
import { linearizable } from './linearizable.ts';
import { logEnds } from './log-ends.ts';
import { noLostUpdate } from './no-lost-update.ts';
import { nothingUnwritten } from './nothing-unwritten.ts';
import { numbers } from './numbers.ts';
import { readersAgree } from './readers-agree.ts';
import { realTime } from './real-time.ts';
import { stateOfEntries } from './state.ts';

/** The checks of what clients say against what the store has: O(n log n) in operations and entries. */
export const HISTORY_CHECKS: readonly Check[] = [
  exactlyOnce,
  numbers,
  nothingUnwritten,
  clientOrder,
  realTime,
  readersAgree,
  freshReads,
  logEnds,
  expectations,
  conflicts,
  keys,
  noLostUpdate,
  stateOfEntries,
];

/** The checks that are made after every scenario. */
export const ALWAYS: readonly Check[] = [
  allEnded,
  noErrors,
  ...HISTORY_CHECKS,
  linearizable,
  verified,
  nothingLeft,
];
