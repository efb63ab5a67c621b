import { type Column, CPU, ELAPSED, RATE, type Scale, type Section } from './section.ts';

export const MEMORY: Column = { figure: 'memory', title: 'peak MB' };
const COLUMNS = [ELAPSED, { ...RATE, title: 'records/s' }, CPU, MEMORY];
const BATCH = 1000;
const LINES = 100_000;
/** How much longer the long logs are. */
const LONGER = 5;

export const REPLAY = 'replay';
export const REPLAY_BATCHES = 'replay of batches of 1,000';
export const REPLAY_LONG = 'replay of five times as many';
export const REPLAY_LONG_BATCHES = 'replay of five times as many, in batches of 1,000';
export const READING = 'reading the same lines';

/** The same lines are read in each way that there is, and more lines. */
export function replays({ rounds, stateRounds, records, share }: Scale): Section[] {
  const long = LONGER * records;
  return [
    {
      name: REPLAY,
      settings: { kind: 'replay', records, batch: 1 },
      columns: COLUMNS,
      subjects: ['wal kernel', 'better-sqlite3', 'lmdb', 'classic-level', 'raw disk grouped'],
      rounds,
    },
    ...(
      [
        [REPLAY_BATCHES, records, BATCH],
        [REPLAY_LONG, long, 1],
        [REPLAY_LONG_BATCHES, long, BATCH],
      ] as const
    ).map(
      ([name, records, batch]): Section => ({
        name,
        settings: { kind: 'replay', records, batch },
        columns: COLUMNS,
        subjects: ['wal kernel', 'raw disk grouped'],
        rounds: stateRounds,
      }),
    ),
    {
      name: READING,
      settings: { kind: 'reading', records: LINES * share },
      columns: [
        { figure: 'replay', title: 'replay CPU ms' },
        { figure: 'verify', title: 'verify' },
        { figure: 'verifyRatio', title: '/ replay' },
        { figure: 'table', title: 'table made' },
        { figure: 'tableRatio', title: '/ replay' },
        { figure: 'refresh', title: 'table refreshed' },
        { figure: 'refreshRatio', title: '/ replay' },
        { figure: 'catchUp', title: 'writer catches up' },
        { figure: 'catchUpRatio', title: '/ replay' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
  ];
}
