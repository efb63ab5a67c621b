import { calls } from './calls-plan.ts';
import { CROWD_COLUMNS, crowds } from './crowd-plan.ts';
import { MEMORY, replays } from './replay-plan.ts';
import { type Column, CPU, ELAPSED, LATENCY, RATE, type Scale, type Section } from './section.ts';
import { shorts } from './short-plan.ts';

export const FULL: Scale = {
  rounds: 5,
  stateRounds: 3,
  share: 1,
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
  share: 0.1,
  flooding: 20_000,
  records: 20_000,
  kills: 5,
  largeBytes: 20e6,
  ids: 10_000,
  compacted: 5_000,
  harnessed: 500,
  operations: 50_000,
};

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
/** Values of the option. */
const BLOCK_MS = ['default', '0', '1', '5', '20'] as const;
const UPDATES = CROWD_COLUMNS.map((column) => (column === RATE ? { ...RATE, title: 'updates/s' } : column));

const CLAIMED = ['wal kernel', 'wal lockfile', 'better-sqlite3'] as const;
const CLAIMS: readonly Column[] = [
  ELAPSED,
  { ...RATE, title: 'jobs/s' },
  ...LATENCY,
  CPU,
  { figure: 'share', title: 'fewest / most' },
];

const STEPS = 'the steps of an append, alone';
export const FLOOD = 'all called at once';
export const STOPPED = 'a holder stopped for 1.5 s';
export const KILLED = 'a holder killed';
export const OPENING = 'open, then the first append';
export const LOAD_ONE = 'state from a snapshot, one id read';
export const LOAD_ALL = 'state from a snapshot, all ids read';
export const REFRESH = 'refresh of a table';
export const SERVER = 'the event loop of a server, 4 others append';
export const FOLLOWERS = '400 followers in one process';
export const IDLE_FOLLOWER = 'idle follower';
export const UPDATE = '10 processes x 50 updates of one id';
export const UPDATE_16 = '10 processes x 160 updates, 16 in flight';
export const CLAIM = 'claim and complete, 1 process';
export const CLAIM_4 = 'claim and complete, 4 processes';
export const COMPACTION = 'appends while the log is compacted';
export const CHURN = 'an id made and deleted again and again';

export const HARNESS = 'the lab, an append of a client';
export const HISTORY = 'the lab, a history checked';
export const TRACKER = 'the example tracker, all issues open';
export const TRACKER_MOST_CLOSED = 'the example tracker, 4 % open';

/** Everything there is to measure, as data. */
export function planOf(scale: Scale): readonly Section[] {
  const { rounds, share, flooding, kills } = scale;
  const { stateRounds, largeBytes, ids, compacted, harnessed, operations } = scale;
  return [
    ...crowds(scale),
    ...calls(scale),
    {
      name: STEPS,
      settings: { kind: 'steps', ms: 300 * share },
      columns: [
        { figure: 'serialise', title: 'serialise us' },
        { figure: 'write', title: 'write line us' },
        { figure: 'stringify', title: 'stringify us' },
        { figure: 'written', title: 'serialise + write / stringify' },
        { figure: 'read', title: 'read line us' },
        { figure: 'any', title: 'any line us' },
        { figure: 'record', title: 'record us' },
        { figure: 'parse', title: 'parse us' },
        { figure: 'readAgain', title: 'read + record / parse' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
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
    ...replays(scale),
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
      name: SERVER,
      settings: { kind: 'server', others: 4, blockMs: BLOCK_MS, ms: 3000 * share },
      columns: [
        { figure: 'idle', title: 'appends nothing: p99 ms' },
        ...BLOCK_MS.flatMap((ms) => [
          { figure: `delay${ms}`, title: `${ms}: p99 ms` },
          { figure: `rate${ms}`, title: 'appends/s' },
        ]),
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: FOLLOWERS,
      settings: { kind: 'followers', many: 400, appends: 1000 * share },
      columns: [
        { figure: 'one', title: '1 follower: CPU us' },
        { figure: 'all', title: '400: CPU us' },
        { figure: 'each', title: 'each more us' },
      ],
      subjects: ['wal kernel'],
      rounds: stateRounds,
    },
    {
      name: IDLE_FOLLOWER,
      settings: { kind: 'idle-follower', ms: 6000 * share, appends: Math.ceil(100 * share) },
      columns: [
        { figure: 'told', title: 'told: CPU %' },
        { figure: 'polled', title: 'poll: CPU %' },
        { figure: 'toldLag', title: 'told: lag ms' },
        { figure: 'polledLag', title: 'poll: lag ms' },
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
    ...[CLAIM, CLAIM_4].map(
      (name): Section => ({
        name,
        settings: { kind: 'claim', workers: name === CLAIM ? 1 : 4, jobs: 3000 * share },
        columns: CLAIMS,
        subjects: CLAIMED,
        rounds: stateRounds,
      }),
    ),
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
    ...shorts(scale),
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

/** The part of the plan whose "section / subject" a pattern names. */
export function onlyOf(plan: readonly Section[], only: RegExp): readonly Section[] {
  return plan
    .map((section) => ({
      ...section,
      subjects: section.subjects.filter((name) => only.test(`${section.name} / ${name}`)),
    }))
    .filter(({ subjects }) => subjects.length > 0);
}
