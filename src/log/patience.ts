import type { Clock } from '../clock/clock.ts';
import { hasCode, type WalError } from '../errors/errors.ts';

/** A damaged end that may pass is believed once it has stayed for so long. */
export const DOUBT_MS = 1000;
/** How often it is looked at meanwhile. */
export const LOOK_MS = 5;

/**
 * Whether the error is about a damaged end that may be the rest of a write which the system took in two parts, with others'
 * lines between them: who wrote that goes on after it at once, if it is alive.
 */
export function mayPass(error: unknown): boolean {
  return hasCode(error, 'ERR_WAL_CORRUPT') && (error as WalError).cause === 'no-beginning';
}

/** Waits for a damaged end to pass, once for each place. */
export class Patience {
  readonly #clock: Clock;
  #place = '';
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether to look again, rather than to believe what the error says. */
  bears(error: unknown): boolean {
    if (!mayPass(error)) return false;
    const { segment, offset } = error as WalError;
    const place = `${segment} ${offset}`;
    const now = this.#clock.elapsed();
    if (place !== this.#place) {
      this.#place = place;
      this.#since = now;
    }
    return now - this.#since < DOUBT_MS;
  }
}
