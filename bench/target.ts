import {
  CHURN,
  COMPACTION,
  CROWD_20,
  CROWD_400,
  FLOOD,
  HARNESS,
  HISTORY,
  KILLED,
  LOAD_ALL,
  LOAD_ONE,
  OPENING,
  REFRESH,
  STOPPED,
  STREAM_1024,
  TRACKER,
  TRACKER_MOST_CLOSED,
  UPDATE,
} from './plan.ts';
import type { Ratio } from './ratio.ts';
import type { Result } from './run.ts';
import type { SubjectName } from './subjects.ts';

/** What the figures are to reach. */
export interface Target {
  readonly name: string;
  readonly unit: 'ms' | 'x' | 'bytes' | '%';
  /** The bound, and whether the figure is to stay under it or to reach it. */
  readonly bound: number;
  readonly sense: 'at most' | 'at least';
  readonly measure: (measured: Measured) => number | undefined;
}

export interface Measured {
  readonly results: readonly Result[];
  readonly ratios: readonly Ratio[];
}

export interface Outcome extends Omit<Target, 'measure'> {
  readonly measured: number | undefined;
  readonly reached: boolean | undefined;
}

const TARGETS: readonly Target[] = [
  {
    name: '5 processes x 20 from a common start, kernel lock',
    unit: 'ms',
    bound: 100,
    sense: 'at most',
    measure: figureOf(CROWD_20, 'wal kernel', 'elapsed'),
  },
  {
    name: '5 processes x 20 from a common start, lockfile',
    unit: 'ms',
    bound: 150,
    sense: 'at most',
    measure: figureOf(CROWD_20, 'wal lockfile', 'elapsed'),
  },
  {
    name: '5 processes x 400, kernel lock, rate against better-sqlite3',
    unit: 'x',
    bound: 2,
    sense: 'at least',
    measure: ratioTo(CROWD_400, 'better-sqlite3', 'rate'),
  },
  {
    name: '5 processes x 400, kernel lock, slowest append against better-sqlite3',
    unit: 'x',
    bound: 0.1,
    sense: 'at most',
    measure: ratioTo(CROWD_400, 'better-sqlite3', 'slowest'),
  },
  {
    name: '1,024 in flight, kernel lock, rate against lmdb',
    unit: 'x',
    bound: 0.6,
    sense: 'at least',
    measure: ratioTo(STREAM_1024, 'lmdb', 'rate'),
  },
  {
    name: '200,000 appends called at once, processor time against 100,000',
    unit: 'x',
    bound: 2.5,
    sense: 'at most',
    measure: figureOf(FLOOD, 'wal kernel', 'ratio'),
  },
  {
    name: 'the same where each waits for room',
    unit: 'x',
    bound: 2.5,
    sense: 'at most',
    measure: figureOf(FLOOD, 'wal kernel', 'waitingRatio'),
  },
  {
    name: 'a holder stopped for 1.5 s, lockTimeoutMs 20: slowest append of the others, kernel lock',
    unit: 'ms',
    bound: 50,
    sense: 'at most',
    measure: figureOf(STOPPED, 'wal kernel', 'slowest'),
  },
  {
    name: 'next append after kill -9 of the holder, kernel lock, median',
    unit: 'ms',
    bound: 10,
    sense: 'at most',
    measure: figureOf(KILLED, 'wal kernel', 'p50'),
  },
  {
    name: 'open a large log, then the first append',
    unit: 'ms',
    bound: 30,
    sense: 'at most',
    measure: figureOf(OPENING, 'wal kernel', 'large'),
  },
  {
    name: 'the same against a log of 10 MB',
    unit: 'x',
    bound: 2,
    sense: 'at most',
    measure: figureOf(OPENING, 'wal kernel', 'ratio'),
  },
  {
    name: 'table from its snapshot, one id read, rate against JSON.parse of the same lines',
    unit: 'x',
    bound: 0.8,
    sense: 'at least',
    measure: ratioTo(LOAD_ONE, 'raw disk grouped', 'rate'),
  },
  {
    name: 'the same, all ids read',
    unit: 'x',
    bound: 0.8,
    sense: 'at least',
    measure: ratioTo(LOAD_ALL, 'raw disk grouped', 'rate'),
  },
  {
    name: 'refresh when nothing changed, median',
    unit: 'ms',
    bound: 0.1,
    sense: 'at most',
    measure: figureOf(REFRESH, 'wal kernel', 'unchanged'),
  },
  {
    name: 'refresh when one record came, median',
    unit: 'ms',
    bound: 1,
    sense: 'at most',
    measure: figureOf(REFRESH, 'wal kernel', 'changed'),
  },
  {
    name: '10 processes x 50 updates of one id, kernel lock, rate against better-sqlite3',
    unit: 'x',
    bound: 5,
    sense: 'at least',
    measure: ratioTo(UPDATE, 'better-sqlite3', 'rate'),
  },
  {
    name: 'slowest append while the log is compacted, against without',
    unit: 'x',
    bound: 3,
    sense: 'at most',
    measure: figureOf(COMPACTION, 'wal kernel', 'ratio'),
  },
  {
    name: 'an id made and deleted 1,000 times, compacted: beyond an empty log',
    unit: 'bytes',
    bound: 2048,
    sense: 'at most',
    measure: figureOf(CHURN, 'wal kernel', 'once'),
  },
  ...[TRACKER, TRACKER_MOST_CLOSED].flatMap((section) =>
    (['ready', 'list', 'show'] as const).map(
      (command): Target => ({
        name: `${section}: ${command}, beyond node alone`,
        unit: 'ms',
        bound: 60,
        sense: 'at most',
        measure: figureOf(section, 'wal kernel', command),
      }),
    ),
  ),
  {
    name: "the lab's own share of an append's time",
    unit: '%',
    bound: 5,
    sense: 'at most',
    measure: figureOf(HARNESS, 'wal kernel', 'share'),
  },
  {
    name: 'the lab, a history of 1,000,000 operations checked',
    unit: 'ms',
    bound: 5000,
    sense: 'at most',
    measure: figureOf(HISTORY, 'wal kernel', 'million'),
  },
];

function figureOf(section: string, subject: SubjectName, figure: string): Target['measure'] {
  return ({ results }) =>
    results.find((result) => result.section.name === section)?.rows.find((row) => row.subject === subject)
      ?.median[figure];
}

function ratioTo(section: string, peer: SubjectName, figure: 'rate' | 'slowest'): Target['measure'] {
  return ({ ratios }) =>
    ratios.find(({ work, ours, against }) => work === section && ours === 'wal kernel' && against === peer)?.[
      figure
    ];
}

export function outcomesOf(measured: Measured): Outcome[] {
  return TARGETS.map(({ measure, ...target }) => {
    const value = measure(measured);
    const reached =
      value === undefined
        ? undefined
        : target.sense === 'at most'
          ? value <= target.bound
          : value >= target.bound;
    return { ...target, measured: value, reached };
  });
}
