import { median } from './median.ts';
import type { Result, Row } from './run.ts';

/** How one of ours did against another, trial by trial of the same rounds. */
export interface Ratio {
  readonly work: string;
  readonly ours: string;
  readonly against: string;
  /** Median of ours / theirs; more is better. */
  readonly rate: number;
  /** The lowest and the highest of them. */
  readonly range: readonly [low: number, high: number];
  /** Median of ours / theirs; less is better. Undefined where no latency was measured. */
  readonly slowest: number | undefined;
  readonly trials: number;
}

const OURS: readonly string[] = ['wal lockfile', 'wal kernel'];

/** All of ours with the default durability against all others. */
export function ratiosOf(results: readonly Result[]): Ratio[] {
  return results.flatMap(({ section, rows }) => {
    const rated = rows.filter(({ trials }) => trials[0]?.rate !== undefined);
    const ours = rated.filter(({ subject }) => OURS.includes(subject));
    const others = rated.filter(({ subject }) => !subject.startsWith('wal'));
    return ours.flatMap((one) => others.map((other) => ratioOf(section.name, one, other)));
  });
}

function ratioOf(work: string, ours: Row, theirs: Row): Ratio {
  const rates = pairs(ours, theirs, 'rate');
  const slowest = pairs(ours, theirs, 'slowest');
  return {
    work,
    ours: ours.subject,
    against: theirs.subject,
    rate: median(rates),
    range: [Math.min(...rates), Math.max(...rates)],
    slowest: slowest.length === 0 ? undefined : median(slowest),
    trials: rates.length,
  };
}

function pairs(ours: Row, theirs: Row, figure: string): number[] {
  return ours.trials.flatMap((trial, round) => {
    const mine = trial[figure];
    const other = theirs.trials[round]?.[figure];
    return mine === undefined || other === undefined ? [] : [mine / other];
  });
}
