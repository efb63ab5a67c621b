import type { RecordableHistogram } from 'node:perf_hooks';
import type { VerifyReport } from '../index.ts';
import type { Member } from './demo-crew.ts';
import type { Findings } from './ledger.ts';
import { isTold } from './quantile.ts';

/** A line of the input that is no entry. */
export interface Problem {
  readonly line: number;
  readonly problem: string;
}

export interface DemoResult {
  /** True where nothing was lost, doubled, foreign or out of order, and the log reads well. */
  readonly sound: boolean;
  readonly directory: string;
  /** Kind of the lock that was used. */
  readonly lock: string;
  /** Entries that were to be appended. */
  readonly entries: number;
  readonly problems: readonly Problem[];
  readonly members: readonly Member[];
  /** From the common start to the last acknowledgement. */
  readonly seconds: number;
  /** From each append's call to its acknowledgement. */
  /** `p99` is absent where there are fewer than 300. */
  readonly latencyMs: { readonly p50: number; readonly p99?: number; readonly max: number };
  readonly work: Work;
  readonly findings: Findings;
  readonly verify: VerifyReport;
  /** True where the signal ended it. */
  readonly interrupted: boolean;
}

/** What the processes that ended well did, taken together. */
export interface Work {
  /** Write turns. */
  readonly turns: number;
  /** Turns that had to wait for the lock. */
  readonly waits: number;
  readonly longestWaitMs: number;
  /** Waits that ran out, after which the writer went on without the lock. */
  readonly takeovers: number;
  /** Writes that somebody else overtook. */
  readonly retries: number;
  /** Lines of those that were written again. */
  readonly superseded: number;
}

export function isSound({ lost, doubled, foreign, reordered }: Findings, verify: VerifyReport): boolean {
  return verify.ok && lost + doubled + foreign + reordered === 0;
}

export function workOf(members: readonly Member[]): Work {
  const all = members.flatMap(({ stats }) => stats ?? []);
  const sum = (numberOf: (stats: (typeof all)[number]) => number) =>
    all.reduce((total, stats) => total + numberOf(stats), 0);
  return {
    turns: sum(({ lock }) => lock.turns),
    waits: sum(({ lock }) => lock.waits),
    longestWaitMs: Math.max(0, ...all.map(({ lock }) => lock.waitMs.max)),
    takeovers: sum(({ lock }) => lock.takeovers),
    retries: sum(({ retries }) => retries),
    superseded: sum(({ superseded }) => superseded),
  };
}

export function secondsOf(startedAt: number | undefined, members: readonly Member[]): number {
  if (startedAt === undefined) return 0;
  return Math.max(0, ...members.map(({ endedAt }) => ((endedAt ?? startedAt) - startedAt) / 1000));
}

/** Of a histogram of microseconds, in milliseconds. */
export function quantiles(histogram: RecordableHistogram): DemoResult['latencyMs'] {
  if (histogram.count === 0) return { p50: 0, max: 0 };
  return {
    p50: histogram.percentile(50) / 1000,
    ...(isTold(histogram.count, 0.99) && { p99: histogram.percentile(99) / 1000 }),
    max: histogram.max / 1000,
  };
}
