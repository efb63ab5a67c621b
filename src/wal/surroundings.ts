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
