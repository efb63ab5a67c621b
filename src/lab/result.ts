import type { CheckResult } from './checks/check.ts';
import type { ClientKind, Params, ResultLine } from './model.ts';
import { quantile } from './quantile.ts';

/** What was run: given to `runScenario` again with the same scenario, it runs the same. */
export interface RunSettings {
  readonly target: string;
  readonly lock: string;
  readonly as: ClientKind;
  readonly clients: number;
  readonly iterations: number;
  /** Where it was given, or the scenario is made for it. */
  readonly seconds?: number;
  readonly params: Params;
  /** Where writes failed on purpose. */
  readonly failRate?: number;
  readonly seed: number;
}

/** From an operation's call to its answer, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  /** Absent where there are fewer than 300. */
  readonly p99?: number;
  readonly max: number;
}

export interface Result {
  readonly scenario: string;
  readonly settings: RunSettings;
  /** True where all holds that must hold. */
  readonly ok: boolean;
  /** True where a limit of time was missed: that says as much of the machine as of the store, so that it leaves `ok` as it is. */
  readonly slow: boolean;
  readonly checks: readonly CheckResult[];
  /** What the scenario tells of the run, for people. */
  readonly results: readonly ResultLine[];
  readonly operations: { readonly acknowledged: number; readonly refused: number; readonly unknown: number };
  /** Of what wrote, and of what read. */
  readonly writes: Latency;
  readonly reads: Latency;
  /** From the common start to the end of the last operation. */
  readonly seconds: number;
  /** True where a signal ended it early. */
  readonly interrupted: boolean;
  /** Where the store and the clients' journals lie; undefined where they were removed. */
  readonly directory: string | undefined;
}

/** Latencies of these times in milliseconds. */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = Float64Array.from(times).sort();
  const p99 = quantile(sorted, 0.99);
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    ...(p99 !== undefined && { p99 }),
    max: quantile(sorted, 1),
  };
}

/** The results, a line each, under the word `Results:`. */
export function resultLines({ results }: Pick<Result, 'results'>): string[] {
  return ['Results:', ...results.map(([name, value]) => `  ${name}: ${value}`)];
}

/** A `[PASS]`, `[SLOW]` or `[FAIL]` line for each check, the first faults under it. */
export function checkLines({ checks }: Pick<Result, 'checks'>): string[] {
  return checks.flatMap(({ name, ok, faults, examples, timed }) => {
    const word = ok ? '[PASS]' : timed ? '[SLOW]' : '[FAIL]';
    const count = ok ? '' : ` (${faults} ${faults === 1 ? 'fault' : 'faults'})`;
    return [
      `${word} ${name}${count}`,
      ...examples.map((example) => `       ${example.replaceAll('\n', '\n       ')}`),
    ];
  });
}
