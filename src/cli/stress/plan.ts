import { Command, InvalidArgumentError, Option } from 'commander';
import { hasCode, messageOf } from '../../errors/errors.ts';
import { partsOf } from '../../lab/harness/crew.ts';
import { type RunOptions, settle, whyNotFailing } from '../../lab/harness/options.ts';
import type { ClientKind, Params } from '../../lab/model.ts';
import { loadOwnTarget } from '../../lab/own-target.ts';
import { FAIL_RATE, SLEEPS } from '../../lab/repeat.ts';
import type { RunSettings } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { SCENARIOS } from '../../lab/scenarios/all.ts';
import type { Target } from '../../lab/target.ts';
import { TARGETS } from '../../lab/targets/all.ts';
import { decimalNumber, wholeNumber } from '../command.ts';
import { usageError } from '../failure.ts';

/** What `jsonl-wal stress` is given. */
export interface Flags {
  readonly list?: true;
  readonly all?: true;
  readonly processes?: number;
  readonly threads?: number;
  readonly oneShot?: true;
  readonly iterations?: number;
  readonly duration?: number;
  readonly sleepRange?: SleepRange;
  readonly simulateFailure?: number | string | true;
  readonly repeat?: number;
  readonly compare?: string;
  readonly lock?: string;
  readonly target: string;
  readonly seed?: number;
  readonly timeout?: number;
  readonly strictTimes?: true;
  readonly debug?: string | true;
  readonly report?: string;
  readonly json?: true;
  /** Of the program: names a log. */
  readonly dir?: string;
}

/** In milliseconds. */
interface SleepRange {
  readonly min: number;
  readonly max: number;
}

const MOST_SECONDS = 1_000_000;

const NOTES = `
After a run, what its clients report is checked against what the store has. Each check is a
[PASS] or [FAIL] line. A missed time limit is a [SLOW] line, because the machine may be slow:
it fails the command only with --strict-times, or if 5 clients x 20 appends (append-speed)
take 2 s. The files of a failed run are kept, and the command that repeats it is printed.

--processes leaves a scenario whose steps are processes as it is (see --one-shot and --list).
With --repeat, the seeds are --seed and the numbers after it. SIMULATE_FAILURE=append in the
environment is the same as --simulate-failure.

Exit codes: 0 all checks pass; 1 a check fails, or a run is impossible; 2 usage; 130 stopped
by Ctrl-C (a second Ctrl-C ends everything at once).

Examples:
  $ jsonl-wal stress no-data-loss --processes 20 --lock none
  $ jsonl-wal stress --all --json > baseline.jsonl
  $ jsonl-wal stress concurrent-writers --compare baseline.jsonl
  $ jsonl-wal stress kill-storm --duration 10 --report storm.html
  $ jsonl-wal stress no-data-loss --target ./my-store.js --debug`;

/** The command, without its action. */
export function stressFlags(): Command {
  return new Command('stress')
    .argument('[scenario...]', 'the scenarios to run (see --list)')
    .option('--list', 'list the scenarios: name, what happens, source, defaults')
    .option('--all', 'run every scenario')
    .addOption(count('--processes <n>', 'run this many clients, each a process', 10_000).conflicts('threads'))
    .addOption(count('--threads <n>', 'run this many clients as threads of one process', 10_000))
    .addOption(new Option('--one-shot', 'run each step in a new process, as a CLI does').conflicts('threads'))
    .addOption(count('--iterations <n>', 'make this many steps with each client', 1e9))
    .addOption(
      seconds('--duration <seconds>', 'run this long, in place of --iterations').conflicts('iterations'),
    )
    .option('--sleep-range <min-max>', 'sleep between steps, in seconds, such as 0.1-2', sleepRange)
    .option('--simulate-failure [rate]', `let appends fail: =0 to =1 (default: ${FAIL_RATE})`, failRate)
    .addOption(count('--repeat <n>', 'run this often, each time with another seed, until a run fails', 1e9))
    .option('--compare <file>', 'show rate and latency beside those of a file saved from --json')
    .option('--lock <kind>', "kernel, lockfile or none (default: the scenario's, or the target's first)")
    .option('--target <target>', 'run on this store: a name, or ./module.js (.ts) of your own', 'jsonl-wal')
    .option('--seed <n>', 'seed all randomness (default: another every time)', wholeNumber(0, 2 ** 32 - 1))
    .addOption(seconds('--timeout <seconds>', 'end clients that take this much longer (default: 120)'))
    .option('--strict-times', 'also end with 1 if a time limit was missed, and keep that run')
    .option('--debug [dir]', 'keep everything: store, journals, a log a client (default: a temporary dir)')
    .option('--report <file>', 'write an HTML page: write turns, latencies, checks')
    .option('--json', 'print results as JSON, one object a run; all else goes to stderr')
    .addHelpText('after', NOTES);
}

function count(flags: string, what: string, most: number): Option {
  return new Option(flags, what).argParser(wholeNumber(1, most));
}

function seconds(flags: string, what: string): Option {
  return new Option(flags, what).argParser(decimalNumber(0.001, MOST_SECONDS));
}

function sleepRange(text: string): SleepRange {
  const [, min, max] = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(text) ?? [];
  const range = { min: Math.round(Number(min) * 1000), max: Math.round(Number(max) * 1000) };
  if (range.min <= range.max && range.max <= MOST_SECONDS * 1000) return range;
  throw new InvalidArgumentError('It must be MIN-MAX in seconds, such as 0.1-2.');
}

/** A text that is no number is taken for what comes next: a rate goes after `=`. */
function failRate(text: string): number | string {
  return /^[\d.]/.test(text) ? decimalNumber(0, 1)(text) : text;
}

const MOST_NAMES = 3;
/** How many letters may be wrong, of how many. */
const WRONG_LETTERS = 0.4;

/** `; did you mean x, y?`, of the names nearest to a text; nothing where none is near. */
function suggestion(text: string, names: readonly string[]): string {
  const near = names
    .map((name) => ({ name, distance: distanceBetween(text, name) }))
    .filter(({ distance }) => distance <= Math.max(1, text.length * WRONG_LETTERS))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST_NAMES);
  return near.length === 0 ? '' : `; did you mean ${near.map(({ name }) => name).join(', ')}?`;
}

/** How many letters must be put in, left out or changed; a name that begins with the text is one letter away. */
function distanceBetween(text: string, name: string): number {
  if (text.length >= 3 && name.startsWith(text)) return 1;
  let row = Array.from({ length: name.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...text].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...name].entries()) {
      const changed = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}

const DEFAULT_TIMEOUT_SECONDS = 120;
/** What is no name, but leads to a module. */
const MODULE = /[\\/]|\.[mc]?[jt]s$/;

/** Whether it is the user's own that is named: by the path of its module. */
export function isOwn(given: string): boolean {
  return MODULE.test(given);
}

/** The target of that name, or of the module there. Throws ERR_WAL_ARGUMENT where there is none, or it is of no use. */
export async function targetOf(
  given: string,
  timeout: number = DEFAULT_TIMEOUT_SECONDS,
  signal: AbortSignal,
): Promise<Target> {
  const target = TARGETS.find(({ name }) => name === given);
  if (target !== undefined) return target;
  if (isOwn(given)) return loadOwnTarget(given, { timeoutMs: timeout * 1000, signal });
  const names = TARGETS.map(({ name }) => name);
  const near = suggestion(given, names) || `; there are ${names.join(', ')}.`;
  throw usageError(
    `There is no target ${JSON.stringify(given)}${near} A module of your own is named by its path, such as ./my-store.js.`,
  );
}

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
      `There is no scenario ${JSON.stringify(name)}${suggestion(name, known) || '.'} --list lists them all.`,
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
  throw usageError(`Name one or more scenarios (--list lists them), or say --all for every one.${taken}`);
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
    const fix =
      flags.simulateFailure === undefined ? 'unset SIMULATE_FAILURE' : 'leave out --simulate-failure';
    throw usageError(`${why}: ${fix}.`);
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
