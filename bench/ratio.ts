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
  /** Median of ours / theirs, of the processor time of one; less is better. Undefined where it was not measured. */
  readonly cpu: number | undefined;
  /** The same of the slowest one. */
  readonly slowest: number | undefined;
  readonly trials: number;
}

const OURS: readonly string[] = ['wal lockfile', 'wal kernel', 'wal appendSync'];

/** All of ours with the default durability against all others. */
export function ratiosOf({ section, rows }: Result): Ratio[] {
  const rated = rows.filter(({ trials }) => trials[0]?.rate !== undefined);
  const ours = rated.filter(({ subject }) => OURS.includes(subject));
  const others = rated.filter(({ subject }) => !subject.startsWith('wal'));
  return ours.flatMap((one) => others.map((other) => ratioOf(section.name, one, other)));
}

function ratioOf(work: string, ours: Row, theirs: Row): Ratio {
  const rates = pairs(ours, theirs, 'rate');
  return {
    work,
    ours: ours.subject,
    against: theirs.subject,
    rate: median(rates),
    range: [Math.min(...rates), Math.max(...rates)],
    cpu: middle(pairs(ours, theirs, 'cpu')),
    slowest: middle(pairs(ours, theirs, 'slowest')),
    trials: rates.length,
  };
}

function middle(ratios: readonly number[]): number | undefined {
  return ratios.length === 0 ? undefined : median(ratios);
}

function pairs(ours: Row, theirs: Row, figure: string): number[] {
  return ours.trials.flatMap((trial, round) => {
    const mine = trial[figure];
    const other = theirs.trials[round]?.[figure];
    return mine === undefined || other === undefined ? [] : [mine / other];
  });
}
