import { CPU, ELAPSED, LATENCY, RATE, type Scale, type Section } from './section.ts';
import type { SubjectName } from './subjects.ts';

export const ALONE = '1 process x 4,000';
export const CROWD_20 = '5 processes x 20';
export const CROWD_400 = '5 processes x 400';
export const CROWD_4000 = '5 processes x 4,000';
export const CROWD_OF_20 = '20 processes x 500';
export const ALONE_64 = '1 process x 20,000, 64 in flight';
export const ALONE_1024 = '1 process x 100,000, 1,024 in flight';
export const CROWD_64 = '5 processes x 4,000, 64 in flight';

export const CROWD_COLUMNS = [ELAPSED, RATE, ...LATENCY, CPU];

const OURS = ['wal kernel', 'wal appendSync', 'wal lockfile', 'wal kernel os', 'wal lockfile os'] as const;
const FLOORS = ['floor', 'shared floor'] as const;
const SHORT: readonly SubjectName[] = [
  ...OURS,
  ...FLOORS,
  'better-sqlite3',
  'lmdb',
  'lmdb no overlap',
  'raw disk',
];
const LONG: readonly SubjectName[] = ['wal kernel', ...FLOORS, 'better-sqlite3', 'raw disk'];
const IN_FLIGHT: readonly SubjectName[] = [
  'wal kernel',
  'wal lockfile',
  'wal kernel os',
  'floor',
  'better-sqlite3 grouped',
  'lmdb',
  'lmdb no overlap',
  'classic-level',
  'raw disk grouped',
];

/** Appends of one process and of many, with one in flight and with more. */
export function crowds({ rounds, share }: Scale): Section[] {
  const section = (
    name: string,
    [processes, appends, inFlight]: readonly [number, number, number],
    subjects: readonly SubjectName[],
  ): Section => ({
    name,
    settings: { kind: 'crowd', processes, appends, inFlight },
    columns: CROWD_COLUMNS,
    subjects,
    rounds,
  });
  return [
    section(ALONE, [1, 4000 * share, 1], [...SHORT, 'classic-level']),
    // So short that single rounds differ much.
    { ...section(CROWD_20, [5, 20, 1], SHORT), rounds: rounds === 1 ? 1 : 3 * rounds },
    section(CROWD_400, [5, 400, 1], SHORT),
    section(CROWD_4000, [5, 4000 * share, 1], LONG),
    section(CROWD_OF_20, [20, 500 * share, 1], LONG),
    section(ALONE_64, [1, 20_000 * share, 64], IN_FLIGHT),
    section(ALONE_1024, [1, 100_000 * share, 1024], IN_FLIGHT),
    section(CROWD_64, [5, 4000 * share, 64], ['wal kernel', 'wal lockfile', 'floor', 'lmdb']),
  ];
}
