/**
 * What the log needs from a lock: that it usually admits one holder at a time. If it admits two, or is broken
 * without anyone noticing, nothing is lost: the chain decides what counts.
 *
 * All calls are synchronous and short: the log acquires and releases the lock within one turn of the event
 * loop.
 */
export interface Lock {
  /** For `info` and messages, such as `kernel`. */
  readonly kind: string;
  /** Acquires the lock if it is free now; returns false if it is not. Throws if trying itself fails. */
  tryAcquire(): boolean;
  /** Releases the lock. Called only by a holder; must not throw because the lock was broken meanwhile. */
  release(): void;
  /** Closes what the lock itself holds open. Called once, not while holding. */
  close(): void;
}

/** A lock that admits every writer. For the lab: it shows that the chain alone is enough. */
export function noLock(): Lock {
  return { kind: 'none', tryAcquire: () => true, release: () => {}, close: () => {} };
}
