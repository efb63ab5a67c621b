import { CALLS_IN_FLIGHT, CALLS_LONE, CALLS_RECORD } from './calls-plan.ts';
import {
  ALONE,
  ALONE_64,
  ALONE_1024,
  CROWD_20,
  CROWD_64,
  CROWD_400,
  CROWD_4000,
  CROWD_OF_20,
} from './crowd-plan.ts';
import {
  CHURN,
  CLAIM,
  CLAIM_4,
  COMPACTION,
  FLOOD,
  FOLLOWERS,
  HARNESS,
  HISTORY,
  IDLE_FOLLOWER,
  KILLED,
  LOAD_ALL,
  LOAD_ONE,
  OPENING,
  REFRESH,
  SERVER,
  STOPPED,
  TRACKER,
  TRACKER_MOST_CLOSED,
  UPDATE,
} from './plan.ts';
import type { Ratio } from './ratio.ts';
import { REPLAY, REPLAY_BATCHES, REPLAY_LONG, REPLAY_LONG_BATCHES } from './replay-plan.ts';
import type { Result } from './run.ts';
import { LARGE, STARTING } from './short-plan.ts';
import type { SubjectName } from './subjects.ts';

/** What the figures are to reach. */
export interface Target {
  readonly name: string;
  readonly unit: 'ms' | 'us' | 'x' | 'bytes' | '%' | 'functions' | 'calls' | 'files';
  /** The bound, and whether the figure is to stay under it or to reach it. */
  readonly bound: number;
  readonly sense: 'at most' | 'at least';
  /** The bound where every core computes something else, if it differs. */
  readonly busyBound?: number;
  readonly measure: (measured: Measured) => number | undefined;
}

export interface Measured {
  readonly results: readonly Result[];
  readonly ratios: readonly Ratio[];
  readonly busy: boolean;
}

export interface Outcome extends Omit<Target, 'measure' | 'busyBound'> {
  readonly measured: number | undefined;
  readonly reached: boolean | undefined;
}

const FIGURES = { rate: 'rate', cpu: 'processor time', slowest: 'slowest append' } as const;

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
  against(CROWD_20, 'floor', 'cpu', 1.5),
  against(CROWD_400, 'floor', 'cpu', 1.35),
  against(CROWD_4000, 'floor', 'cpu', 1.25),
  against(CROWD_400, 'floor', 'rate', 0.9),
  against(CROWD_400, 'better-sqlite3', 'rate', 1.2, 3),
  against(CROWD_400, 'better-sqlite3', 'slowest', 0.05),
  against(CROWD_OF_20, 'shared floor', 'cpu', 1.4),
  against(CROWD_OF_20, 'shared floor', 'rate', 0.85),
  against(CROWD_OF_20, 'better-sqlite3', 'rate', 1, 1.5),
  against(CROWD_OF_20, 'better-sqlite3', 'slowest', 0.05),
  against(ALONE, 'raw disk', 'rate', 0.9),
  against(ALONE_64, 'lmdb', 'rate', 1.5),
  against(ALONE_1024, 'lmdb', 'rate', 1.1),
  against(CROWD_64, 'lmdb', 'rate', 1.2),
  counted(CALLS_LONE, 'functions', 60),
  counted(CALLS_LONE, 'calls', 100),
  counted(CALLS_LONE, 'files', 14),
  counted(CALLS_IN_FLIGHT, 'functions', 30),
  counted(CALLS_IN_FLIGHT, 'calls', 45),
  counted(CALLS_RECORD, 'functions', 15),
  counted(CALLS_RECORD, 'calls', 20),
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
    name: 'event loop of a server that appends, as 4 others do: delay, p99',
    unit: 'ms',
    bound: 3,
    sense: 'at most',
    measure: figureOf(SERVER, 'wal kernel', 'delaydefault'),
  },
  {
    name: '400 followers in one process: processor time an append takes there',
    unit: 'us',
    bound: 1000,
    sense: 'at most',
    measure: figureOf(FOLLOWERS, 'wal kernel', 'all'),
  },
  {
    name: 'idle follower: processor time, of a core',
    unit: '%',
    bound: 0.2,
    sense: 'at most',
    measure: figureOf(IDLE_FOLLOWER, 'wal kernel', 'told'),
  },
  against(REPLAY_LONG, 'raw disk grouped', 'rate', 1),
  against(REPLAY_LONG_BATCHES, 'raw disk grouped', 'rate', 1),
  peakAgainst(REPLAY_LONG, REPLAY),
  peakAgainst(REPLAY_LONG_BATCHES, REPLAY_BATCHES),
  against(UPDATE, 'better-sqlite3', 'rate', 2),
  against(CLAIM, 'better-sqlite3', 'rate', 0.7),
  against(CLAIM_4, 'better-sqlite3', 'rate', 0.6),
  {
    name: `${CLAIM_4}: fewest jobs of a worker against most`,
    unit: 'x',
    bound: 0.7,
    sense: 'at least',
    measure: figureOf(CLAIM_4, 'wal kernel', 'share'),
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
  ...(
    [
      ['import of the package', 'importRatio', 1.15],
      ['import, open, append and close', 'appendRatio', 1.3],
      ['jsonl-wal append', 'commandRatio', 1.5],
    ] as const
  ).map(
    ([what, figure, bound]): Target => ({
      name: `${what}: processor time against node alone`,
      unit: 'x',
      bound,
      sense: 'at most',
      measure: figureOf(STARTING, 'wal kernel', figure),
    }),
  ),
  {
    name: 'an entry of 8 MB, the slowest shape: processor time against JSON.stringify',
    unit: 'x',
    bound: 4,
    sense: 'at most',
    measure: figureOf(LARGE, 'wal kernel', 'worst'),
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

function against(
  section: string,
  peer: SubjectName,
  figure: keyof typeof FIGURES,
  bound: number,
  busyBound = bound,
): Target {
  return {
    name: `${section}: ${FIGURES[figure]} against ${peer}`,
    unit: 'x',
    bound,
    busyBound,
    sense: figure === 'rate' ? 'at least' : 'at most',
    measure: ratioTo(section, peer, figure),
  };
}

/** Peak memory hardly depends on how much is read. */
function peakAgainst(section: string, shorter: string): Target {
  const peak = (of: string, measured: Measured) => figureOf(of, 'wal kernel', 'memory')(measured);
  return {
    name: `${section}: peak memory against ${shorter}`,
    unit: 'x',
    bound: 1.2,
    sense: 'at most',
    measure: (measured) => {
      const [long, short] = [peak(section, measured), peak(shorter, measured)];
      return long === undefined || short === undefined ? undefined : long / short;
    },
  };
}

function counted(section: string, unit: 'functions' | 'calls' | 'files', bound: number): Target {
  return { name: section, unit, bound, sense: 'at most', measure: figureOf(section, 'wal kernel', unit) };
}

function figureOf(section: string, subject: SubjectName, figure: string): Target['measure'] {
  return ({ results }) =>
    results.find((result) => result.section.name === section)?.rows.find((row) => row.subject === subject)
      ?.median[figure];
}

function ratioTo(section: string, peer: SubjectName, figure: keyof typeof FIGURES): Target['measure'] {
  return ({ ratios }) =>
    ratios.find(({ work, ours, against }) => work === section && ours === 'wal kernel' && against === peer)?.[
      figure
    ];
}

export function outcomesOf(measured: Measured): Outcome[] {
  return TARGETS.map(({ measure, busyBound, ...target }) => {
    const bound = (measured.busy ? busyBound : undefined) ?? target.bound;
    const value = measure(measured);
    const reached =
      value === undefined ? undefined : target.sense === 'at most' ? value <= bound : value >= bound;
    return { ...target, bound, measured: value, reached };
  });
}
