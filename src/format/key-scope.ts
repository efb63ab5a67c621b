/**
 * The lines in which an append's idempotency key is looked for: those whose last entry is among the log's last `window`
 * entries, and is not before `from`. The scope follows from the log alone: from wal.json, the `wal.keys` entries that
 * raise the window, and the seals and snapshots that repeat the scope for those who begin reading after them.
 */
export interface KeyScope {
  readonly window: number;
  /**
   * Entries before this one were out of the window when it was raised, and stay out. 1 if the window was never raised.
   */
  readonly from: number;
}

/** The key window of a new log, in entries, unless the caller sets it. */
export const DEFAULT_KEY_WINDOW = 100_000;
export const MOST_KEY_WINDOW = 10_000_000;

export function isKeyWindow(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_KEY_WINDOW;
}

export function isKeyScope(value: unknown): value is KeyScope {
  const { window, from } = (value ?? {}) as Partial<KeyScope>;
  return isKeyWindow(window) && Number.isSafeInteger(from) && (from as number) >= 1;
}

/** The scope at the beginning of a log that was made with that window. */
export function scopeAtStart(window: number): KeyScope {
  return { window, from: 1 };
}

/** The first entry in the window if `head` is the log's last; head + 1 if the window is empty. */
export function firstInScope({ window, from }: KeyScope, head: number): number {
  return Math.max(from, head - window + 1);
}

/**
 * The scope after entry `seq`, which names `window`. A window is never lowered: a lower or equal one changes nothing.
 */
export function raisedScope(scope: KeyScope, window: number, seq: number): KeyScope {
  return window > scope.window ? { window, from: firstInScope(scope, seq - 1) } : scope;
}
