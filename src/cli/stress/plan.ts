import { hasCode, messageOf } from '../../errors/errors.ts';
import { partsOf } from '../../lab/harness/crew.ts';
import { type RunOptions, settle, whyNotFailing } from '../../lab/harness/options.ts';
import type { ClientKind, Params } from '../../lab/model.ts';
import { FAIL_RATE, SLEEPS } from '../../lab/repeat.ts';
import type { RunSettings } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { SCENARIOS } from '../../lab/scenarios/all.ts';
import type { Target } from '../../lab/target.ts';
import { usageError } from '../failure.ts';
import { suggestion } from '../nearest.ts';
import type { Flags, SleepRange } from './flags.ts';

/** One run that is to be made. */
export interface PlannedRun {
  readonly scenario: Scenario;
  readonly options: RunOptions;
  readonly settings: RunSettings;
}

export interface Plan {
  readonly runs: readonly PlannedRun[];
  /** Scenarios that `--all` leaves out, and why. */
  readonly skipped: readonly { readonly scenario: string; readonly why: string }[];
}

/** The scenarios of these names. Throws ERR_WAL_ARGUMENT where one is none. */
export function scenariosOf(names: readonly string[]): Scenario[] {
  return names.map((name) => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    if (scenario !== undefined) return scenario;
    const known = SCENARIOS.map((each) => each.name);
    throw usageError(
      `There is no scenario ${JSON.stringify(name)}${suggestion(name, known) || '.'} --list tells them all.`,
    );
  });
}

/** Which scenarios are meant. Throws ERR_WAL_ARGUMENT where that cannot be told. */
export function chosenScenarios(names: readonly string[], { all, debug }: Flags): readonly Scenario[] {
  if (all && names.length > 0)
    throw usageError(`--all is every scenario: name ${names.join(', ')}, or say --all, not both.`);
  if (all) return SCENARIOS;
  if (names.length > 0) return scenariosOf(names);
  const taken = SCENARIOS.some(({ name }) => name === debug)
    ? ` (--debug took ${debug} for its directory: put it last.)`
    : '';
  throw usageError(`Name one or more scenarios (--list tells them), or say --all for every one.${taken}`);
}

/** All runs, each with its settings. Throws ERR_WAL_ARGUMENT for what does not go together, before anything runs. */
export function makePlan(scenarios: readonly Scenario[], flags: Flags, target: Target): Plan {
  const runs: PlannedRun[] = [];
  const skipped: Plan['skipped'][number][] = [];
  let first: unknown;
  for (const scenario of scenarios) {
    try {
      if (flags.all) refuseUnmeant(scenario, flags, target);
      runs.push(...runsOf(scenario, flags, target));
    } catch (error) {
      if (!flags.all || !hasCode(error, 'ERR_WAL_ARGUMENT')) throw error;
      first ??= error;
      skipped.push({ scenario: scenario.name, why: messageOf(error) });
    }
  }
  // What suits none of them is a mistake, and not a choice.
  if (runs.length === 0) throw first;
  return { runs, skipped };
}

function refuseUnmeant({ name, withoutLock }: Scenario, { lock }: Flags, { locks }: Target): void {
  if (lock === 'none' && locks.length > 1 && !withoutLock)
    throw usageError(`${name} is not made to hold without a lock.`);
}

function runsOf(scenario: Scenario, flags: Flags, target: Target): PlannedRun[] {
  const options = optionsOf(scenario, flags, target);
  const { settings, timeoutMs } = settle(scenario, options, target);
  partsOf(scenario, settings);
  return Array.from({ length: flags.repeat ?? 1 }, (_, i) => {
    const seed = (settings.seed + i) >>> 0;
    return { scenario, options: { ...options, seed, timeoutMs }, settings: { ...settings, seed } };
  });
}

function optionsOf(scenario: Scenario, flags: Flags, target: Target): RunOptions {
  const { processes, threads, iterations, duration, lock, seed, timeout } = flags;
  const rate = failRateOf(flags);
  const why = rate === undefined || rate === 0 ? undefined : whyNotFailing(scenario, target);
  if (why !== undefined) {
    const mend =
      flags.simulateFailure === undefined ? 'unset SIMULATE_FAILURE' : 'leave out --simulate-failure';
    throw usageError(`${why}: ${mend}.`);
  }
  if (lock !== undefined && !target.locks.includes(lock))
    throw usageError(
      `--lock must be one of ${target.locks.join(', ')} for the target ${target.name}, not ${lock}.`,
    );
  return {
    target,
    lock,
    iterations,
    seconds: duration,
    seed,
    clients: processes ?? threads,
    as: kindOf(scenario, flags),
    ...(flags.sleepRange && { params: sleepParams(scenario, flags.sleepRange) }),
    ...(rate !== undefined && { failRate: rate }),
    ...(timeout !== undefined && { timeoutMs: (timeout + (duration ?? scenario.seconds ?? 0)) * 1000 }),
  };
}

function kindOf(scenario: Scenario, { oneShot, processes, threads }: Flags): ClientKind {
  if (oneShot) return 'one-shot';
  if (threads !== undefined) return 'threads';
  return processes !== undefined && scenario.as === 'threads' ? 'processes' : scenario.as;
}

function sleepParams({ name, params }: Scenario, { min, max }: SleepRange): Params {
  const sleeps = (of: Params) => SLEEPS.every((each) => Object.hasOwn(of, each));
  if (!sleeps(params)) {
    const others = SCENARIOS.filter((each) => sleeps(each.params)).map((each) => each.name);
    throw usageError(
      `The clients of ${name} do not sleep between their steps: leave out --sleep-range. Those of ${others.join(', ')} do.`,
    );
  }
  return Object.fromEntries(SLEEPS.map((each, i) => [each, [min, max][i] as number]));
}

/** Undefined where no failures are asked for. */
function failRateOf({ simulateFailure }: Flags): number | undefined {
  if (typeof simulateFailure === 'number') return simulateFailure;
  if (simulateFailure !== undefined) return FAIL_RATE;
  const given = process.env.SIMULATE_FAILURE;
  if (given === undefined || given === '') return undefined;
  if (given === 'append') return FAIL_RATE;
  throw usageError(
    `SIMULATE_FAILURE is ${JSON.stringify(given)} in the environment; it can only be "append".`,
  );
}
