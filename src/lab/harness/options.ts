import { crc32 } from 'node:zlib';
import { badArgument, boolean, integer, number, oneOf, readOptions } from '../../options/options.ts';
import type { ClientKind, Params } from '../model.ts';
import type { RunRecord } from '../operations/run-record.ts';
import type { RunSettings } from '../result.ts';
import type { Scenario } from '../scenario.ts';
import type { Target } from '../target.ts';
import type { Tally } from './recorded-store.ts';

/** What `runScenario` tells while it runs. */
export type LabEvent =
  | { readonly kind: 'phase'; readonly phase: 'prepare' | 'run' | 'check' }
  | { readonly kind: 'started'; readonly clients: number }
  /** Now and then. `left`: seconds until it ends, where that is known. */
  | {
      readonly kind: 'progress';
      readonly tally: Tally;
      readonly active: number;
      readonly seconds: number;
      readonly left: number | undefined;
    }
  | { readonly kind: 'ended'; readonly client: string; readonly problems: readonly string[] };

/** How to run a scenario. What is left out is as the scenario says. */
export interface RunOptions {
  /** What it runs on. Default: this package's log. */
  readonly target?: Target | undefined;
  /** One of the target's locks. */
  readonly lock?: string | undefined;
  readonly as?: ClientKind | undefined;
  /** How many clients, in all roles. 1 to 10,000. */
  readonly clients?: number | undefined;
  /** Steps of each client. 1 to 1,000,000,000. */
  readonly iterations?: number | undefined;
  /** Ends it after so many seconds, whatever `iterations` says. 0.001 to 1,000,000. */
  readonly seconds?: number | undefined;
  /** Some of the scenario's own numbers. 0 to 1,000,000,000. */
  readonly params?: Params | undefined;
  /**
   * The chance that a write fails on purpose while its client holds the lock ("Simulated failure"): half of them throw, half
   * kill their process, which is started again; of threads, all throw. 0 to 1; default 0. For scenarios that have one of their own.
   */
  readonly failRate?: number | undefined;
  /**
   * Whether the write turns are noted, for `onRecord`: that costs time. Default: where the scenario needs it, or `onRecord` is given,
   * and the target can.
   */
  readonly turns?: boolean | undefined;
  /** From which all randomness of the clients comes. 0 to 4,294,967,295. Default: a new one every time; it is in the result. */
  readonly seed?: number | undefined;
  /**
   * An empty or missing directory for store, journals and files. Default: one in the system's temporary directory, which
   * is removed, unless the run failed.
   */
  readonly directory?: string | undefined;
  /** Whether the journals tell the SHA-256 and the size of what each entry says. Default false. */
  readonly hashes?: boolean | undefined;
  /**
   * After so many milliseconds whoever still runs is ended, which is a fault. 1 to 2,147,483,647; default 120,000, and
   * `seconds` besides.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the run early: the clients are told to stop, and what they did is checked. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: LabEvent) => void) | undefined;
  /** Told once, before the run's directory is removed: what happened, moment by moment. */
  readonly onRecord?: ((record: RunRecord) => void) | undefined;
}

const OPTIONS = [
  'target',
  'lock',
  'as',
  'clients',
  'iterations',
  'seconds',
  'params',
  'failRate',
  'turns',
  'seed',
  'directory',
  'hashes',
  'timeoutMs',
  'signal',
  'onEvent',
  'onRecord',
] as const satisfies readonly (keyof RunOptions)[];

const KINDS: readonly ClientKind[] = ['processes', 'threads', 'one-shot'];

const TIMEOUT_MS = 120_000;
/** A timer of Node's that is to take longer fires at once. */
const MOST_TIMEOUT_MS = 2 ** 31 - 1;

export interface Settled {
  readonly target: Target;
  readonly settings: RunSettings;
  readonly timeoutMs: number;
  readonly turns: boolean;
}

/** Checks the options, and fills them in. Throws ERR_WAL_ARGUMENT, which says what would do. */
export function settle(scenario: Scenario, given: RunOptions, defaultTarget: Target): Settled {
  const options = readOptions(given, OPTIONS);
  const { target = defaultTarget } = options;
  checkTarget(target);
  const lock = oneOf('lock', options.lock ?? scenario.lock ?? target.locks[0], target.locks);
  const unable = scenario.needs.filter((ability) => !target.can.includes(ability));
  if (unable.length > 0)
    throw badArgument(
      `The target ${target.name} cannot run ${scenario.name}: it has no ${unable.join(', no ')}`,
    );
  const as = oneOf('as', options.as ?? scenario.as, KINDS);
  const { only } = scenario;
  if (only !== undefined && !only.kinds.includes(as))
    throw badArgument(`${scenario.name} is for ${only.kinds.join(' or ')}, not ${as}: ${only.because}`);
  const failRate = number('failRate', options.failRate ?? scenario.failRate ?? 0, 0, 1);
  if (failRate > 0) checkFailing(scenario, target);
  const turns = boolean(
    'turns',
    options.turns ?? (scenario.needs.includes('turns') || given.onRecord !== undefined),
  );
  // Whoever asks for a number of steps does not want them cut short.
  const seconds = options.seconds ?? (options.iterations === undefined ? scenario.seconds : undefined);
  const settings: RunSettings = {
    target: target.name,
    lock,
    as,
    clients: integer('clients', options.clients ?? scenario.clients, 1, 10_000),
    iterations: integer('iterations', options.iterations ?? scenario.iterations, 1, 1e9),
    ...(seconds !== undefined && { seconds: number('seconds', seconds, 0.001, 1e6) }),
    params: { ...scenario.params, ...ownParams(scenario, options.params ?? {}) },
    ...(failRate > 0 && { failRate }),
    seed: integer('seed', options.seed ?? newSeed(), 0, 2 ** 32 - 1),
  };
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS + (seconds ?? 0) * 1000;
  return {
    target,
    settings,
    timeoutMs: number('timeoutMs', timeoutMs, 1, MOST_TIMEOUT_MS),
    turns: turns && target.can.includes('turns'),
  };
}

function checkTarget(target: unknown): void {
  if (typeof (target as Partial<Target> | null)?.open === 'function') return;
  const given = typeof target === 'string' ? `, not the text ${JSON.stringify(target)}` : '';
  throw badArgument(`target must be a Target: an object with a method open, such as jsonFile${given}`);
}

function checkFailing(scenario: Scenario, target: Target): void {
  const why = whyNotFailing(scenario, target);
  if (why !== undefined) throw badArgument(`${why}: it cannot be run with a failRate`);
}

/** Why writes cannot be made to fail there; undefined where they can. */
export function whyNotFailing(scenario: Scenario, target: Target): string | undefined {
  if (scenario.failRate === undefined) return `${scenario.name} counts what succeeds`;
  return target.can.includes('turns') ? undefined : `The target ${target.name} has no turns in which to fail`;
}

/** Those of the scenario's numbers that were given. */
function ownParams({ name: scenario, params: known }: Scenario, given: Params): Params {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(known, name)) {
      const names = Object.keys(known).join(', ') || 'none';
      throw badArgument(`${scenario} has no number ${JSON.stringify(name)}; there are: ${names}`);
    }
    number(`params.${name}`, value, 0, 1e9);
  }
  return given;
}

function newSeed(): number {
  return crc32(`${process.hrtime.bigint()} ${Math.random()}`);
}
