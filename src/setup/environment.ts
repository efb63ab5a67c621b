import { type Clock, systemClock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { nodeStorage, randomHex } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';

/** What the log's parts take from outside, so that a simulation can replace it. */
export interface Environment {
  readonly storage: Storage;
  readonly clock: Clock;
  /** `count` random lower-case hex digits. */
  readonly randomHex: (count: number) => string;
  /** A random number from 0 to 1 (not included). */
  readonly random: () => number;
}

/** The machine's own disk, clock and randomness. */
export const realEnvironment: Environment = {
  storage: nodeStorage,
  clock: systemClock,
  randomHex,
  random: Math.random,
};

/**
 * A name for a writer: 8 characters of 0-9a-z, 40 bits, so that no other writer of the log has it. The name becomes part of
 * every line, so digits that would not make a valid name are refused.
 */
export function sessionName(randomHex: Environment['randomHex']): string {
  const digits = randomHex(10);
  if (/^[0-9a-f]{10}$/.test(digits)) return Number.parseInt(digits, 16).toString(36).padStart(8, '0');
  const message = `The machine's randomness gave ${JSON.stringify(digits)}, not 10 hex digits: does something stand in for it here?`;
  throw new WalError('ERR_WAL_ARGUMENT', message, { outcome: 'not-written' });
}
