import { createHistogram } from 'node:perf_hooks';
import { isTold } from '../src/lab/quantile.ts';
import type { Figures } from './work.ts';

const NANOSECONDS = 1e6;

/** Median, 99th percentile (of 300 times and more) and slowest of some times, all in milliseconds. */
export function latencyOf(samples: readonly number[]): Figures {
  const histogram = createHistogram({ lowest: 1, highest: 3_600_000 * NANOSECONDS, figures: 3 });
  let slowest = 0;
  for (const ms of samples) {
    histogram.record(Math.max(1, Math.round(ms * NANOSECONDS)));
    if (ms > slowest) slowest = ms;
  }
  return {
    p50: histogram.percentile(50) / NANOSECONDS,
    ...(isTold(samples.length, 0.99) && { p99: histogram.percentile(99) / NANOSECONDS }),
    slowest,
  };
}
