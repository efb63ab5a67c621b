import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../clock/clock.ts';
import { nodeStorage } from '../storage/node.ts';
import type { Storage } from '../storage/storage.ts';

/** What the log's parts take from outside, so that a simulation can stand in for it. */
export interface Surroundings {
  readonly storage: Storage;
  readonly clock: Clock;
  /** `count` random lower-case hex digits. */
  readonly randomHex: (count: number) => string;
  /** A random number from 0 to 1 (not included). */
  readonly random: () => number;
}

/** The machine's own. */
export const realSurroundings: Surroundings = {
  storage: nodeStorage,
  clock: systemClock,
  randomHex: (count) =>
    randomBytes(Math.ceil(count / 2))
      .toString('hex')
      .slice(0, count),
  random: Math.random,
};

/** Names who writes: 8 characters of 0-9a-z, 40 bits, which sets it apart from all others that wrote to the log. */
export function sessionName(randomHex: Surroundings['randomHex']): string {
  return Number.parseInt(randomHex(10), 16).toString(36).padStart(8, '0');
}
