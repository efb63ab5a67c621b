import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../errors/errors.ts';
import { badArgument } from '../../options/options.ts';
import { ALWAYS } from '../checks/always.ts';
import { type Check, type CheckResult, makeCheck } from '../checks/check.ts';
import { makeDirectory } from '../make-directory.ts';
import { Journal, readJournals } from '../operations/journal.ts';
import { type Head, isReading, isWriting, type Operation } from '../operations/operation.ts';
import { type Findings, RunEvidence } from '../operations/run-evidence.ts';
import { readTurns } from '../operations/turn-journal.ts';
import { latencyOf, type Result, type RunSettings } from '../result.ts';
import type { Scenario } from '../scenario.ts';
import { seeded } from '../seeded.ts';
import type { Found, Oddity, Target } from '../target.ts';
import jsonlWal from '../targets/jsonl-wal.ts';
import { Client, type Common } from './client.ts';
import { partsOf, runCrew } from './crew.ts';
import { gather } from './gather.ts';
import { inTime } from './in-time.ts';
import type { MemberReport, Part } from './member.ts';
import { openFilesIn } from './open-files.ts';
import { type RunOptions, type Settled, settle } from './options.ts';

/**
 * Runs a scenario, and checks what must hold: what the clients say they did against what the store has. Resolves with
 * what was found, faults or none; rejects where the options are wrong, or the scenario's own functions for before,
 * meanwhile and after throw. It leaves no process, thread or open file behind.
 */
export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<Result> {
  const settled = settle(scenario, options, jsonlWal);
  const parts = partsOf(scenario, settled.settings);
  const directory = ownDirectory(options.directory);
  const store = join(directory, 'store');
  mkdirSync(store);
  const clear = scenario.ground?.(store, settled.settings.params);
  let result: Omit<Result, 'directory'>;
  try {
    result = await runIn(directory, scenario, parts, options, settled);
  } finally {
    clear?.();
  }
  if (options.directory !== undefined || !result.ok) return { ...result, directory };
  rmSync(directory, { recursive: true, force: true });
  return { ...result, directory: undefined };
}

async function runIn(
  directory: string,
  scenario: Scenario,
  parts: readonly Part[],
  options: RunOptions,
  { target, settings, timeoutMs, turns }: Settled,
): Promise<Omit<Result, 'directory'>> {
  const { onEvent = () => {}, signal } = options;
  const places = {
    store: join(directory, 'store'),
    journals: join(directory, 'journals'),
    scene: join(directory, 'files'),
    ...(turns && { turns: join(directory, 'turns') }),
  };
  for (const place of Object.values(places)) makeDirectory(place);
  const { failRate = 0 } = settings;
  const common: Common = {
    directory: places.store,
    sceneDirectory: places.scene,
    lock: settings.lock,
    settings: scenario.settings?.[target.name] ?? {},
    params: settings.params,
    clients: settings.clients,
    seed: settings.seed,
    hashes: options.hashes ?? false,
    probed: false,
    failRate: 0,
  };
  const probed = {
    ...common,
    ...(turns && { turns: places.turns as string }),
    probed: turns || failRate > 0,
    failRate,
  };
  const own = (name: string, work: Scenario['prepare'], as = asClient) =>
    as({ name, work, common, target, journals: places.journals });

  onEvent({ kind: 'phase', phase: 'prepare' });
  const prepared = await inTime(own('prepare', scenario.prepare), {
    what: `What prepares ${scenario.name}`,
    timeoutMs,
    signal,
  });
  onEvent({ kind: 'phase', phase: 'run' });
  const shared = {
    common: probed,
    scenario: scenario.module,
    target: target.module,
    journals: places.journals,
  };
  const dice = seeded(settings.seed);
  const {
    members,
    start,
    marks: struck,
  } = await runCrew(parts, shared, {
    settings,
    timeoutMs,
    signal,
    tell: onEvent,
    meanwhile: async (beside) =>
      scenario.meanwhile?.({
        ...beside,
        directory: places.scene,
        storeDirectory: places.store,
        params: settings.params,
        steps: settings.seconds === undefined ? settings.iterations : Infinity,
        dice,
      }),
  });
  const concluded = await own('conclude', scenario.conclude, asLastClient(timeoutMs));

  onEvent({ kind: 'phase', phase: 'check' });
  const { operations, marks: told } = readJournals(places.journals);
  const marks = [...struck, ...told].sort((a, b) => a.at - b.at);
  const noted = places.turns === undefined ? [] : readTurns(places.turns);
  const run = operations.filter(({ client }) => client !== 'prepare' && client !== 'conclude');
  const roles = new Map(parts.map(({ client, roleName }) => [client, roleName]));
  options.onRecord?.({ start, roles, operations: run, turns: noted, marks });
  const seconds = Math.max(0, latest(run) - start) / 1e6;
  const leftovers = [
    ...openFilesIn(places.store).map((file) => `${file} is still open`),
    ...((await target.leftovers?.(places.store)) ?? []),
  ];
  const evidence = new RunEvidence({
    ...settings,
    ...(await finalLook(target, common, timeoutMs)),
    seconds,
    operations,
    turns: noted,
    marks,
    leftovers,
    can: target.can,
    refusals: scenario.refusals,
    unknowns: scenario.unknowns ?? [],
    keyWindow: target.keyWindow?.(common.settings) ?? Infinity,
    members: [prepared, ...members.map(({ report }) => report), concluded],
  });
  const interrupted = signal?.aborted ?? false;
  const fits = (check: Check) => check.fits?.(evidence) ?? true;
  const applies = (check: Check) => !interrupted && !(check.ofAllSteps && settings.seconds !== undefined);
  const checks = [
    ...[...ALWAYS.filter(fits), ...scenario.checks.filter(applies)].map((check) =>
      makeCheck(check, evidence),
    ),
    ...(scenario.timed ?? [])
      .filter(applies)
      .map((check) => makeCheck(check, evidence, !check.promised?.(evidence))),
  ];
  return finish({ scenario, settings, evidence, checks, run, interrupted });
}

function ownDirectory(given: string | undefined): string {
  if (given === undefined) return mkdtempSync(join(tmpdir(), 'jsonl-wal-lab-'));
  makeDirectory(given);
  if (readdirSync(given).length > 0) throw badArgument(`The directory ${given} is not empty: name a new one`);
  return given;
}

interface OwnPart {
  readonly name: string;
  readonly work: ((client: Client) => Promise<void>) | undefined;
  readonly common: Common;
  readonly target: Target;
  readonly journals: string;
}

/** What goes before and after the clients, as if one of them did it. */
async function asClient({ name, work, common, target, journals }: OwnPart): Promise<MemberReport> {
  const client = new Client(common, target, new Journal(journals, name, 0), 1);
  try {
    // Opened even where there is nothing to do: `prepare` makes the store, so that no client has to.
    await client.start();
    await work?.(client);
  } finally {
    await client.end();
  }
  return { client: name, role: name, measures: client.measures, problems: [], killed: [] };
}

/** The same, where a failure is a finding. */
function asLastClient(timeoutMs: number): typeof asClient {
  return async (part) => {
    try {
      return await inTime(asClient(part), { what: 'It', timeoutMs });
    } catch (error) {
      const { name } = part;
      return {
        client: name,
        role: name,
        measures: {},
        problems: [`failed: ${messageOf(error)}`],
        killed: [],
      };
    }
  };
}

/** What the store has in the end, as a reader sees it who was not there. */
async function finalLook(target: Target, common: Common, timeoutMs: number): Promise<FinalLook> {
  const look: FinalLook = { found: [], state: undefined, end: undefined, oddities: [] };
  try {
    await inTime(lookAt(target, common, look), { what: 'Reading the store', timeoutMs });
  } catch (error) {
    look.oddities.push({ kind: 'unreadable', message: messageOf(error) });
  }
  return look;
}

interface FinalLook {
  readonly found: Found[];
  state: Findings['state'];
  end: Head | undefined;
  readonly oddities: Oddity[];
}

async function lookAt(target: Target, { directory, lock, settings }: Common, look: FinalLook): Promise<void> {
  const store = await target.open(directory, { lock, settings, readOnly: true });
  try {
    await gather(store.read(), look.found);
    const now = await store.state?.();
    look.state = now && { seq: now.seq, items: [...now.items()] };
    look.end = await store.head?.();
    look.oddities.push(...((await store.verify?.()) ?? []));
  } finally {
    await store.close();
  }
}

function latest(operations: readonly Operation[]): number {
  return operations.reduce((last, { end }) => (end === Infinity ? last : Math.max(last, end)), 0);
}

interface Finish {
  readonly scenario: Scenario;
  readonly settings: RunSettings;
  readonly evidence: RunEvidence;
  readonly checks: readonly CheckResult[];
  /** The clients' operations. */
  readonly run: readonly Operation[];
  readonly interrupted: boolean;
}

function finish({
  scenario,
  settings,
  evidence,
  checks,
  run,
  interrupted,
}: Finish): Omit<Result, 'directory'> {
  const ok = checks.every((check) => check.ok || check.timed);
  const slow = checks.some((check) => !check.ok && check.timed);
  const count = (outcome: Operation['outcome']) => run.filter((each) => each.outcome === outcome).length;
  const times = (isMeant: (operation: Operation) => boolean) =>
    latencyOf(
      run
        .filter((each) => isMeant(each) && each.outcome === 'acknowledged')
        .map(({ start, end }) => (end - start) / 1000),
    );
  return {
    scenario: scenario.name,
    settings,
    ok,
    slow,
    checks,
    results: scenario.results?.(evidence) ?? [],
    operations: {
      acknowledged: count('acknowledged'),
      refused: count('refused'),
      unknown: count('unknown'),
    },
    writes: times(isWriting),
    reads: times(isReading),
    seconds: evidence.seconds,
    interrupted,
  };
}
