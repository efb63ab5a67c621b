/**
 * What the log asks of a lock: that it usually lets one in at a time. Nothing breaks where it lets in two, or none
 * notices that it was broken: the chain decides what counts.
 *
 * All calls are synchronous, and short: the log takes and releases it within one turn of the event loop.
 */
export interface Lock {
  /** For `info` and messages, such as `kernel`. */
  readonly kind: string;
  /** Takes the lock if it is free now; false where it is not. Throws where trying itself fails. */
  tryAcquire(): boolean;
  /** Gives it back. Called only by a holder, and never fails because the lock was broken meanwhile. */
  release(): void;
  /** Lets go of what the lock itself holds open. Called once, not while holding. */
  close(): void;
}

/** A lock that lets everybody in. For the lab: it shows that the chain alone is enough. */
export function noLock(): Lock {
  return { kind: 'none', tryAcquire: () => true, release: () => {}, close: () => {} };
}
