/**
 * Which lines an append's idempotency key is looked for in: those whose last entry is one of the log's last `window`, and
 * not before `from`. It follows from the lines alone: from wal.json, what `wal.keys` entries raised it to, and the seals and
 * snapshots that name it for whoever begins after them.
 */
export interface KeyScope {
  readonly window: number;
  /** What comes before was out of the window when that was raised, and stays out. 1: nothing was. */
  readonly from: number;
}

/** What a log is made with where nobody says otherwise. */
export const DEFAULT_KEY_WINDOW = 100_000;
export const MOST_KEY_WINDOW = 10_000_000;

export function isKeyWindow(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_KEY_WINDOW;
}

export function isKeyScope(value: unknown): value is KeyScope {
  const { window, from } = (value ?? {}) as Partial<KeyScope>;
  return isKeyWindow(window) && Number.isSafeInteger(from) && (from as number) >= 1;
}

/** What holds at the beginning of a log that was made with that window. */
export function scopeAtStart(window: number): KeyScope {
  return { window, from: 1 };
}

/** The first entry that the window holds where `head` is the log's last; head + 1 where it holds none. */
export function firstInScope({ window, from }: KeyScope, head: number): number {
  return Math.max(from, head - window + 1);
}

/** What holds after entry `seq`, which raises the window; one that would lower it says nothing. */
export function raisedScope(scope: KeyScope, window: number, seq: number): KeyScope {
  return window > scope.window ? { window, from: firstInScope(scope, seq - 1) } : scope;
}
