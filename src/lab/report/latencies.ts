import { isReading, isWriting, type Operation } from '../operations/operation.ts';
import { quantile } from '../quantile.ts';
import type { LatencyData, LatencyGroup } from './run-data.ts';

const SHARES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p99.9', 0.999],
  ['max', 1],
] as const;

/** So many buckets make a factor of ten. */
const PER_DECADE = 20;

const bucketOf = (us: number) => Math.floor(Math.log10(Math.max(1, us)) * PER_DECADE);
const edgeOf = (bucket: number) => 10 ** (bucket / PER_DECADE);

/** Of what was acknowledged: writes and reads, where there are any. Percentiles are exact, not by bucket. */
export function latenciesOf(operations: readonly Operation[]): LatencyData {
  const groups = [
    { name: 'writes', times: timesOf(operations.filter(isWriting)) },
    { name: 'reads', times: timesOf(operations.filter(isReading)) },
  ].filter(({ times }) => times.length > 0);
  if (groups.length === 0) return { edges: [], groups: [] };
  const first = Math.min(...groups.map(({ times }) => bucketOf(times[0] as number)));
  const last = Math.max(...groups.map(({ times }) => bucketOf(times.at(-1) as number)));
  return {
    edges: Array.from({ length: last - first + 2 }, (_, i) => edgeOf(first + i)),
    groups: groups.map(({ name, times }): LatencyGroup => {
      const counts = new Array<number>(last - first + 1).fill(0);
      for (const us of times) (counts[bucketOf(us) - first] as number)++;
      return {
        name,
        counts,
        percentiles: SHARES.flatMap(([name, share]) => {
          const us = quantile(times, share);
          return us === undefined ? [] : [[name, us] as const];
        }),
      };
    }),
  };
}

function timesOf(operations: readonly Operation[]): Float64Array {
  const answered = operations.filter(({ outcome }) => outcome === 'acknowledged');
  return Float64Array.from(answered, ({ start, end }) => end - start).sort();
}
