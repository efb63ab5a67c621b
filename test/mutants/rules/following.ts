import type { Mutant } from '../mutant.ts';

const byTest = (test: string) =>
  ({
    by: 'test',
    file: 'log/shared-follow',
    test,
    because: 'followers of one Wal seldom meet in a simulated world, and never so',
  }) as const;
const PLACES = byTest(
  'who is at another line of the same number, or before others, does not share with them',
);

/** How those who follow share a reading. */
export const FOLLOWING: readonly Mutant[] = [
  {
    name: 'shared-from-behind',
    rule: 'a follower shares a reading only from where that is, or from further on',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/shared-reading', find: 'head.seq < seq || ', replace: '' }],
    caughtBy: PLACES,
  },
  {
    name: 'shared-by-number',
    rule: 'a follower shares a reading only where both end with the same line: it is asked for its crc',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/shared-reading', find: 'head.crc !== crc', replace: 'false' }],
    caughtBy: PLACES,
  },
  {
    name: 'met-by-number',
    rule: 'the line that a follower had read last must be met by the reading that it shares: with its crc',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/seat', find: 'record.crc !== crc', replace: 'false' }],
    caughtBy: PLACES,
  },
  {
    name: 'seat-from-the-beginning',
    rule: 'of a shared reading a follower is given only what comes after its own last line',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/seat', find: 'Math.max(first, head.seq + 1)', replace: 'first' }],
    caughtBy: byTest('followers that begin anywhere, at any time, are given every record from there once'),
  },
  {
    name: 'seat-given-all',
    rule: 'of a shared reading a follower is given nothing from before where it began',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/seat', find: 'records[0].seq >= first', replace: 'true' }],
    caughtBy: byTest('followers that begin anywhere, at any time, are given every record from there once'),
  },
  {
    name: 'seat-at-any-number',
    rule: 'a follower’s last line is held against the line of its number in the shared reading',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/seat', find: 'record.seq === seq', replace: 'false' }],
    caughtBy: PLACES,
  },
  {
    name: 'shared-again',
    rule: 'of a shared reading a follower is given what it did not read by itself',
    told: 'ARCHITECTURE: Reading',
    edits: [
      { file: 'log/seat', find: 'records.filter((record) => record.seq >= first)', replace: 'records' },
    ],
    caughtBy: PLACES,
  },
  {
    name: 'lag-skipped',
    rule: 'a follower that lags behind what is shared goes on from the record that it was given last',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/seat', find: 'this.close();', replace: 'this.#at = this.#at.next;' }],
    caughtBy: byTest('a follower that lags behind holds nobody up, reads by itself, and misses nothing'),
  },
  {
    name: 'shared-unsynced',
    rule: 'what durable followers share is synced before they are given it',
    told: 'DURABILITY: The two durabilities',
    edits: [{ file: 'log/shared-reading', find: 'durable: this.#durable', replace: 'durable: false' }],
    caughtBy: byTest('durable followers share one sync, and end where it fails, before the record'),
  },
];
