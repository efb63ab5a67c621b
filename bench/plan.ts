import type { SubjectName } from './subjects.ts';
import type { Settings } from './work.ts';

/** A column of a section's table. */
export interface Column {
  readonly figure: string;
  /** With its unit. */
  readonly title: string;
}

/** One piece of work, and all that are compared at it. */
export interface Section {
  readonly name: string;
  readonly settings: Settings;
  readonly columns: readonly Column[];
  readonly subjects: readonly SubjectName[];
  /** How often each takes its turn; they take turns, so that what slows the machine for a while slows all. */
  readonly rounds: number;
}

/** How much is measured: for figures to go by, or for a look. */
export interface Scale {
  readonly rounds: number;
  /** The same for the works on state, which take longer. */
  readonly stateRounds: number;
  readonly streamMs: number;
  /** Iterations before the clock starts, of some thousand appends where many are in flight. */
  readonly warmup: number;
  /** Appends called at once. */
  readonly flooding: number;
  readonly records: number;
  readonly kills: number;
  /** Bytes of the large log that is opened. */
  readonly largeBytes: number;
  readonly ids: number;
  /** Records in the log that is compacted while others append. */
  readonly compacted: number;
  /** Appends of a client of the lab. */
  readonly harnessed: number;
  /** Operations of the history that is checked. */
  readonly operations: number;
}

export const FULL: Scale = {
  rounds: 5,
  stateRounds: 3,
  streamMs: 1000,
  warmup: 4,
  flooding: 200_000,
  records: 200_000,
  kills: 100,
  largeBytes: 256e6,
  ids: 100_000,
  compacted: 10_000,
  harnessed: 5000,
  operations: 1_000_000,
};
export const QUICK: Scale = {
  rounds: 1,
  stateRounds: 1,
  streamMs: 150,
  warmup: 1,
  flooding: 20_000,
  records: 20_000,
  kills: 5,
  largeBytes: 20e6,
  ids: 10_000,
  compacted: 5_000,
  harnessed: 500,
  operations: 50_000,
};

const LATENCY: readonly Column[] = [
  { figure: 'p50', title: 'p50 ms' },
  { figure: 'p99', title: 'p99 ms' },
  { figure: 'slowest', title: 'slowest ms' },
];
const RATE: Column = { figure: 'rate', title: 'appends/s' };
/** Unlike the rate, the same whatever else the machine does. */
const CPU: Column = { figure: 'cpu', title: 'CPU us' };
const STREAM = [RATE, ...LATENCY, CPU];
const ELAPSED: Column = { figure: 'elapsed', title: 'elapsed ms' };
const MEMORY: Column = { figure: 'memory', title: 'peak MB' };
const LOAD = [ELAPSED, { ...RATE, title: 'ids/s' }, MEMORY];
const COMMANDS: readonly Column[] = [
  { figure: 'node', title: 'node ms' },
  { figure: 'ready', title: 'ready + ms' },
  { figure: 'list', title: 'list + ms' },
  { figure: 'show', title: 'show + ms' },
  { figure: 'nodeCpu', title: 'node CPU ms' },
  { figure: 'readyCpu', title: 'ready + CPU ms' },
  { figure: 'listCpu', title: 'list + CPU ms' },
  { figure: 'showCpu', title: 'show + CPU ms' },
];
const LOADED = ['wal kernel', 'better-sqlite3', 'raw disk grouped'] as const;
const UPDATED = ['wal lockfile', 'wal kernel', 'better-sqlite3'] as const;
const CROWD = [ELAPSED, RATE, ...LATENCY, CPU];

const OURS = ['wal lockfile', 'wal kernel', 'wal lockfile os', 'wal kernel os'] as const;
const IN_FLIGHT = [
  ...OURS,
  'better-sqlite3',
  'better-sqlite3 grouped',
  'lmdb',
  'lmdb no overlap',
  'classic-level',
  'raw disk grouped',
] as const;
const CROWDED = [...OURS, 'better-sqlite3', 'lmdb no overlap', 'classic-level', 'raw disk'] as const;

const UPDATES = CROWD.map((column) => (column === RATE ? { ...RATE, title: 'updates/s' } : column));

export const STREAM_1 = '1 in flight';
export const STREAM_64 = '64 in flight';
export const STREAM_1024 = '1,024 in flight';
export const CROWD_20 = '5 processes x 20';
export const CROWD_400 = '5 processes x 400';
export const FLOOD = 'all called at once';
export const REPLAY = 'replay';
export const STOPPED = 'a holder stopped for 1.5 s';
export const KILLED = 'a holder killed';
export const OPENING = 'open, then the first append';
export const LOAD_ONE = 'state from a snapshot, one id read';
export const LOAD_ALL = 'state from a snapshot, all ids read';
export const REFRESH = 'refresh of a table';
export const UPDATE = '10 processes x 50 updates of one id';
export const UPDATE_16 = '10 processes x 160 updates, 16 in flight';
export const COMPACTION = 'appends while the log is compacted';
export const CHURN = 'an id made and deleted again and again';

export const HARNESS = 'the lab, an append of a client';
export const HISTORY = 'the lab, a history checked';
export const TRACKER = 'the example tracker, all issues open';
export const TRACKER_MOST_CLOSED = 'the example tracker, 4 % open';

/** Everything there is to measure, as data. */
export function planOf(scale: Scale): readonly Section[] {
  const { rounds, streamMs: ms, warmup, flooding, records, kills } = scale;
  const { stateRounds, largeBytes, ids, compacted, harnessed, operations } = scale;
  return [
    {
      name: STREAM_1,
      settings: { kind: 'stream', inFlight: 1, ms, warmup },
      columns: STREAM,
      subjects: [...OURS, 'better-sqlite3', 'lmdb', 'lmdb no overlap', 'classic-level', 'raw disk'],
      rounds,
    },
    {
      name: STREAM_64,
      settings: { kind: 'stream', inFlight: 64, ms, warmup },
      columns: STREAM,
      subjects: IN_FLIGHT,
      rounds,
    },
    {
      name: STREAM_1024,
      settings: { kind: 'stream', inFlight: 1024, ms, warmup },
      columns: STREAM,
      subjects: IN_FLIGHT,
      rounds,
    },
    {
      name: CROWD_20,
      settings: { kind: 'crowd', processes: 5, appends: 20 },
      columns: CROWD,
      subjects: CROWDED,
      rounds,
    },
    {
      name: CROWD_400,
      settings: { kind: 'crowd', processes: 5, appends: 400 },
      columns: CROWD,
      subjects: CROWDED,
      rounds,
    },
    {
      name: FLOOD,
      settings: { kind: 'flood', appends: flooding },
      columns: [
        { figure: 'half', title: 'half CPU ms' },
        { figure: 'whole', title: 'all CPU ms' },
        { figure: 'ratio', title: 'all / half' },
        { figure: 'waitingHalf', title: 'waiting: half CPU ms' },
        { figure: 'waiting', title: 'all CPU ms' },
        { figure: 'waitingRatio', title: 'all / half' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: REPLAY,
      settings: { kind: 'replay', records },
      columns: [ELAPSED, { ...RATE, title: 'records/s' }, MEMORY],
      subjects: ['wal kernel', 'better-sqlite3', 'lmdb', 'classic-level', 'raw disk grouped'],
      rounds,
    },
    {
      name: STOPPED,
      settings: { kind: 'stopped-holder', others: 4, stoppedMs: 1500, lockTimeoutMs: 20 },
      columns: [{ figure: 'appends', title: 'appends' }, ...LATENCY],
      subjects: ['wal lockfile', 'wal kernel'],
      rounds,
    },
    {
      name: KILLED,
      settings: { kind: 'killed-holder', times: kills },
      columns: [{ figure: 'times', title: 'times' }, ...LATENCY],
      subjects: ['wal kernel'],
      rounds: 1,
    },
    {
      name: OPENING,
      settings: { kind: 'opening', smallBytes: 10e6, largeBytes, times: 3 },
      columns: [
        { figure: 'small', title: 'small ms' },
        { figure: 'large', title: 'large ms' },
        { figure: 'openLarge', title: 'of it opening ms' },
        { figure: 'ratio', title: 'large / small' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: LOAD_ONE,
      settings: { kind: 'load', ids, reads: 'one' },
      columns: LOAD,
      subjects: LOADED,
      rounds: stateRounds,
    },
    {
      name: LOAD_ALL,
      settings: { kind: 'load', ids, reads: 'all' },
      columns: LOAD,
      subjects: LOADED,
      rounds: stateRounds,
    },
    {
      name: REFRESH,
      settings: { kind: 'refresh', times: 200 },
      columns: [
        { figure: 'unchanged', title: 'unchanged ms' },
        { figure: 'unchangedSlowest', title: 'slowest ms' },
        { figure: 'changed', title: 'one record ms' },
        { figure: 'changedSlowest', title: 'slowest ms' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: UPDATE,
      settings: { kind: 'update', processes: 10, updates: 50, inFlight: 1 },
      columns: UPDATES,
      subjects: UPDATED,
      rounds: stateRounds,
    },
    {
      name: UPDATE_16,
      settings: { kind: 'update', processes: 10, updates: 160, inFlight: 16 },
      columns: UPDATES,
      subjects: ['wal kernel', 'better-sqlite3'],
      rounds: stateRounds,
    },
    {
      name: COMPACTION,
      settings: { kind: 'compaction', writers: 4, records: compacted },
      columns: [
        { ...ELAPSED, title: 'compacting ms' },
        { figure: 'appends', title: 'appends' },
        { figure: 'during', title: 'slowest ms' },
        { figure: 'without', title: 'without ms' },
        { figure: 'ratio', title: 'with / without' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: CHURN,
      settings: { kind: 'churn', cycles: 1000 },
      columns: [
        { figure: 'full', title: 'bytes' },
        { figure: 'once', title: 'compacted, retain 1' },
        { figure: 'twice', title: 'compacted twice' },
      ],
      subjects: ['wal kernel'],
      rounds: 1,
    },
    ...[TRACKER, TRACKER_MOST_CLOSED].map(
      (name): Section => ({
        name,
        settings: {
          kind: 'tracker',
          issues: ids,
          open: name === TRACKER ? 1 : 0.04,
          changes: 300,
          times: 10,
        },
        columns: COMMANDS,
        subjects: ['wal kernel'],
        rounds: 1,
      }),
    ),
    {
      name: HARNESS,
      settings: { kind: 'harness', appends: harnessed },
      columns: [
        { figure: 'own', title: 'to nothing us' },
        { figure: 'whole', title: 'to the log us' },
        { figure: 'share', title: 'share %' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: HISTORY,
      settings: { kind: 'history', operations },
      columns: [ELAPSED, { figure: 'million', title: 'ms a million' }, MEMORY],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
  ];
}

/** What a section's figures are about, for the line under its name. */
export function describe({ settings, rounds }: Section): string {
  const median = rounds === 1 ? 'one trial each' : `medians of ${rounds} trials each, taking turns`;
  switch (settings.kind) {
    case 'stream':
      return `one process, ${settings.inFlight.toLocaleString('en')} in flight for ${settings.ms} ms; ${median}`;
    case 'crowd':
      return `${settings.processes} processes each await ${settings.appends} appends, from a common start; ${median}`;
    case 'flood':
      return `one process calls append ${settings.appends.toLocaleString('en')} times, and half as often, with room for all, and where each waits for room; ${median}`;
    case 'replay':
      return `one process reads and parses ${settings.records.toLocaleString('en')} records from the cache; ${median}`;
    case 'stopped-holder':
      return `appends of ${settings.others} other processes, lockTimeoutMs ${settings.lockTimeoutMs}; ${median}`;
    case 'killed-holder':
      return 'from kill -9 of the holder until the append that waits is acknowledged; one trial each';
    case 'opening':
      return `logs of ${megabytes(settings.smallBytes)} and ${megabytes(settings.largeBytes)}, each opened ${settings.times} times a trial, in turn; ${median}`;
    case 'load':
      return `one process takes up ${settings.ids.toLocaleString('en')} ids from the cache; ${median}`;
    case 'refresh':
      return `${settings.times} times; the record is another process's; ${median}`;
    case 'update': {
      const { processes, updates, inFlight } = settings;
      return `${processes} processes each update one id ${updates} times, ${inFlight} in flight, from a common start; ${median}`;
    }
    case 'compaction':
      return `slowest append of ${settings.writers} processes while a log of ${settings.records.toLocaleString('en')} records is compacted, twice, and as long without; ${median}`;
    case 'churn':
      return `files' bytes beyond an empty log's, after ${settings.cycles.toLocaleString('en')} times; ${median}`;
    case 'harness':
      return `one client of no-data-loss appends ${settings.appends.toLocaleString('en')} times, to a target that does nothing and to this log; ${median}`;
    case 'history':
      return `${settings.operations.toLocaleString('en')} operations that nothing is wrong with; ${median}`;
    case 'tracker':
      return `${settings.issues.toLocaleString('en')} issues, ${settings.changes} changes after a compaction: a process each, beyond "node -e 0"; medians of ${settings.times} in turn`;
  }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toLocaleString('en')} MB`;

/** The part of the plan whose "section / subject" a pattern names. */
export function onlyOf(plan: readonly Section[], only: RegExp): readonly Section[] {
  return plan
    .map((section) => ({
      ...section,
      subjects: section.subjects.filter((name) => only.test(`${section.name} / ${name}`)),
    }))
    .filter(({ subjects }) => subjects.length > 0);
}
