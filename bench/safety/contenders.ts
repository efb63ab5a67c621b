import type { Target } from '../../src/lab/index.ts';
import { TARGETS } from '../../src/lab/targets/all.ts';
import jsonlWal from '../../src/lab/targets/jsonl-wal.ts';
import { PEER_TARGETS } from '../compare/targets.ts';

/** A target in the settings in which it takes part. */
export interface Contender {
  readonly name: string;
  readonly target: Target;
  readonly lock: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What its acknowledgement says, and which settings matter here, for whoever reads the figures. */
  readonly promise: string;
}

const OURS: readonly (readonly [name: string, lock: string, promise: string])[] = [
  ['jsonl-wal', 'kernel', 'synced, and in the chain; goes on after 1 s without a stuck lock'],
  ['jsonl-wal lockfile', 'lockfile', 'the same; proper-lockfile, staleMs 2,000'],
  ['jsonl-wal no lock', 'none', 'the same; nothing keeps writers apart'],
];

/** Its default is to take a lock over after 10 s: all that a shorter time changes is how long a run takes. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'locked-append-file': { stale: 2000 },
};

const PROMISES: Readonly<Record<string, string>> = {
  'json-file': 'written, not synced; read, changed and replaced by rename, no lock',
  'append-file': 'written, not synced; O_APPEND, no lock',
  'locked-append-file': 'written, not synced; proper-lockfile, stale 2,000 (default 10,000)',
  'node-sqlite': 'synced; WAL, synchronous=FULL, BEGIN IMMEDIATE, waits 5 s for its lock',
  'better-sqlite3': 'synced; WAL, synchronous=FULL, BEGIN IMMEDIATE, waits 5 s for its lock',
  lmdb: 'synced; overlappingSync: false, transactionSync, waits as long as it takes',
  'classic-level': 'synced; sync: true; one process only',
};

/** All that take part, this package's log first. */
export const CONTENDERS: readonly Contender[] = [
  ...OURS.map(
    ([name, lock, promise]): Contender => ({ name, target: jsonlWal, lock, settings: {}, promise }),
  ),
  ...[...TARGETS.filter((target) => target !== jsonlWal), ...PEER_TARGETS].map(
    (target): Contender => ({
      name: target.name,
      target,
      lock: target.locks[0] as string,
      settings: SETTINGS[target.name] ?? {},
      promise: PROMISES[target.name] ?? target.about,
    }),
  ),
];
