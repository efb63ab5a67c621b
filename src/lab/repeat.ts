import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Params } from './model.ts';
import type { Result, RunSettings } from './result.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { scriptUrl } from './script.ts';
import { shellWord } from './shell-word.ts';
import { TARGETS } from './targets/all.ts';

/** The rate of `--simulate-failure` without one. */
export const FAIL_RATE = 0.1;

/** The numbers of a scenario that `--sleep-range` sets, in milliseconds. */
export const SLEEPS: readonly string[] = ['sleepFromMs', 'sleepToMs'];

const PATH = /[\\/]/;

/**
 * What runs it again: the command, where the command line has words for it; otherwise the call, given `SCENARIOS` and
 * `runScenario`. `target`: the path of the target's module, where it is one of the user's own.
 */
export function repeatCall(
  { scenario, settings }: Pick<Result, 'scenario' | 'settings'>,
  target: string = settings.target,
): string {
  const flags = flagsOf(scenario, settings, target);
  return flags === undefined
    ? callOf(scenario, settings)
    : ['jsonl-wal stress', scenario, ...flags].join(' ');
}

/** A command that begins with `jsonl-wal`, as it runs when pasted: in a checkout no such command is installed. */
export function pasteable(command: string): string {
  const program = fileURLToPath(scriptUrl('cli/main'));
  const installed = program.split(sep).includes('node_modules');
  const start = installed ? 'npx jsonl-wal' : `node ${shellWord(relative('.', program))}`;
  return command.replace(/^jsonl-wal(?= )/, () => start);
}

/** Flags that make of the scenario's defaults these settings; undefined where none do. */
function flagsOf(name: string, settings: RunSettings, target: string): string[] | undefined {
  const scenario = SCENARIOS.find((each) => each.name === name);
  if (scenario === undefined) return undefined;
  const known = TARGETS.find((each) => each.name === target);
  const sleeps = sleepFlags(scenario.params, settings.params);
  const clients = clientFlags(scenario, settings);
  const steps = stepFlags(scenario, settings);
  if (!sleeps || !clients || !steps || (known === undefined && !PATH.test(target))) return undefined;
  const { seed, lock, failRate } = settings;
  return [
    `--seed ${seed}`,
    ...clients,
    ...steps,
    ...sleeps,
    ...failFlags(failRate, scenario.failRate),
    ...(lock === (scenario.lock ?? known?.locks[0]) ? [] : [`--lock ${lock}`]),
    ...(known === TARGETS[0] ? [] : [`--target ${shellWord(pathOf(target))}`]),
  ];
}

/** A path that no command takes for a flag. */
function pathOf(target: string): string {
  return target.startsWith('-') ? `./${target}` : target;
}

function clientFlags(scenario: Scenario, { as, clients }: RunSettings): string[] | undefined {
  const count = clients === scenario.clients ? [] : [`--processes ${clients}`];
  if (as === scenario.as && as !== 'threads') return count;
  if (as === 'threads') return [`--threads ${clients}`];
  return as === 'one-shot' ? ['--one-shot', ...count] : undefined;
}

function stepFlags(scenario: Scenario, { iterations, seconds }: RunSettings): string[] | undefined {
  if (seconds === undefined)
    return scenario.seconds === undefined && iterations === scenario.iterations
      ? []
      : [`--iterations ${iterations}`];
  if (iterations !== scenario.iterations) return undefined;
  return seconds === scenario.seconds ? [] : [`--duration ${seconds}`];
}

function failFlags(rate = 0, usual = 0): string[] {
  if (rate === usual) return [];
  return [`--simulate-failure${rate === FAIL_RATE ? '' : `=${rate}`}`];
}

function sleepFlags(defaults: Params, params: Params): string[] | undefined {
  const changed = Object.keys(params).filter((name) => params[name] !== defaults[name]);
  if (changed.length === 0) return [];
  if (changed.some((name) => !SLEEPS.includes(name))) return undefined;
  const [min, max] = SLEEPS.map((name) => Number(params[name]) / 1000);
  return [`--sleep-range ${min}-${max}`];
}

function callOf(scenario: string, settings: RunSettings): string {
  const { target, ...options } = settings;
  // The log is the default; another is an object of the caller's, which has no text.
  const given = target === TARGETS[0]?.name ? options : { ...options, target: '(that target)' };
  return `runScenario(SCENARIOS.find(({ name }) => name === '${scenario}'), ${JSON.stringify(given)})`;
}
