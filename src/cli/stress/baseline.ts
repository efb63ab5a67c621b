import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../errors/errors.ts';
import type { Result, RunSettings } from '../../lab/result.ts';
import { usageError } from '../failure.ts';
import { duration, figure, significant } from '../words.ts';

/** What of a run is compared, as `--json` saves it. */
type Figures = Pick<Result, 'scenario' | 'settings' | 'seconds' | 'writes' | 'reads'>;

/** A figure beside the baseline's; `ratio` is the run's by the baseline's. */
export interface Compared {
  readonly name: string;
  readonly unit: 'per second' | 'ms';
  readonly baseline: number;
  readonly now: number;
  readonly ratio: number;
}

/** Settings that must be the same; lock, target and seed may be what is compared. */
const WORK = ['as', 'clients', 'iterations', 'seconds', 'params', 'failRate'] as const;

/** A file of earlier runs. */
export class Baseline {
  readonly #path: string;
  readonly #runs: readonly Figures[];

  /** Throws ERR_WAL_ARGUMENT where the file is not one that `--json` was saved to. */
  constructor(path: string) {
    this.#path = path;
    this.#runs = runsIn(path);
  }

  /** Its runs of the same scenario with the same work. Throws ERR_WAL_ARGUMENT, saying what differs, where there are none. */
  runsLike(scenario: string, settings: RunSettings): readonly Figures[] {
    const same = this.#runs.filter((run) => run.scenario === scenario);
    const names = [...new Set(this.#runs.map((run) => run.scenario))];
    if (same.length === 0)
      throw usageError(
        `${this.#path} has no run of ${scenario} to compare with, but of ${names.join(', ')}.`,
      );
    const like = same.filter((run) => differences(run.settings, settings).length === 0);
    if (like.length > 0) return like;
    const which = differences((same[0] as Figures).settings, settings).join('; ');
    throw usageError(`The runs of ${scenario} in ${this.#path} do not compare with this one: ${which}.`);
  }
}

function runsIn(path: string): Figures[] {
  let values: unknown[];
  try {
    const text = readFileSync(path, 'utf8');
    values = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown);
  } catch (error) {
    throw usageError(`Cannot compare with ${path}: ${reasonOf(error)} Save one from --json.`);
  }
  const runs = values.filter(isFigures);
  if (runs.length === 0) throw usageError(`${path} has no run to compare with: save one from --json.`);
  return runs;
}

function isFigures(value: unknown): value is Figures {
  const { scenario, settings, seconds, writes, reads } = (value ?? {}) as Partial<Figures>;
  const isLatency = (latency: unknown) =>
    ['count', 'p50', 'max'].every(
      (name) => typeof (latency as Record<string, unknown> | undefined)?.[name] === 'number',
    );
  return (
    typeof scenario === 'string' &&
    typeof settings === 'object' &&
    settings !== null &&
    typeof seconds === 'number' &&
    isLatency(writes) &&
    isLatency(reads)
  );
}

function differences(baseline: RunSettings, now: RunSettings): string[] {
  return WORK.filter((name) => !isDeepStrictEqual(baseline[name], now[name])).map(
    (name) => `${name} was ${shown(baseline[name])}, and is ${shown(now[name])}`,
  );
}

function shown(value: unknown): string {
  return value === undefined ? 'not given' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** Medians of runs beside those of the baseline's. */
export function compare(baseline: readonly Figures[], now: readonly Figures[]): Compared[] {
  return (['writes', 'reads'] as const).flatMap((kind) => {
    if (baseline.every((run) => run[kind].count === 0) || now.every((run) => run[kind].count === 0))
      return [];
    const row = (name: string, unit: Compared['unit'], of: (run: Figures) => number): Compared => {
      const [then, today] = [median(baseline.map(of)), median(now.map(of))];
      return { name: `${kind} ${name}`, unit, baseline: then, now: today, ratio: today / then };
    };
    return [
      row('a second', 'per second', (run) => run[kind].count / run.seconds),
      ...(['p50', 'p99', 'max'] as const)
        // Too few of them tell no p99.
        .filter((name) => [...baseline, ...now].every((run) => run[kind][name] !== undefined))
        .map((name) => row(name, 'ms', (run) => run[kind][name] as number)),
    ];
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

/** The comparison for people: this run, the baseline, and the ratio of the two. */
export function comparisonLines(
  rows: readonly Compared[],
  runs: { baseline: number; now: number },
): string[] {
  const table = [
    [
      '',
      runs.now === 1 ? 'now' : `now (${runs.now} runs)`,
      runs.baseline === 1 ? 'baseline' : `baseline (${runs.baseline} runs)`,
      'ratio',
    ],
    ...rows.map(({ name, unit, now, baseline, ratio }) => {
      const text = (value: number) => (unit === 'ms' ? duration(value) : figure(value));
      return [name, text(now), text(baseline), `${significant(ratio)} x`];
    }),
  ];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...table.map((row) => (row[i] as string).length)));
  return [
    'Compared:',
    ...table.map((row) => {
      const [name, ...values] = row.map((cell, i) =>
        i === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[i] as number),
      );
      return `  ${[name, ...values].join('  ')}`.trimEnd();
    }),
  ];
}
