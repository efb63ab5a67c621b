import { Console } from 'node:console';
import type { Command } from 'commander';
import { repeatCall } from '../../lab/repeat.ts';
import type { Result } from '../../lab/result.ts';
import { SCENARIOS } from '../../lab/scenarios/all.ts';
import { onInterrupt } from '../command.ts';
import { usageError } from '../failure.ts';
import { clearStatus, stderr } from '../stderr.ts';
import { Baseline, compare } from '../stress/baseline.ts';
import {
  chosenScenarios,
  type Flags,
  isOwn,
  makePlan,
  type Plan,
  scenariosOf,
  stressFlags,
  targetOf,
} from '../stress/plan.ts';
import { isFailed, Page, Report } from '../stress/report.ts';
import { makeRun, Places } from '../stress/run.ts';

/** What somebody's target leaves under way keeps this process no longer than that. */
const PARTING_MS = 1000;

const INTERRUPTED = 130;

/** `jsonl-wal stress`: runs scenarios of the lab. */
export default function stressCommand(): Command {
  return stressFlags().action((names: readonly string[], _flags: unknown, self: Command) => {
    const { simulateFailure, ...flags }: Flags = self.optsWithGlobals();
    // `--simulate-failure smoke`: a name, and no rate.
    if (typeof simulateFailure === 'string')
      return stress([simulateFailure, ...names], { ...flags, simulateFailure: true });
    return stress(names, { ...flags, ...(simulateFailure !== undefined && { simulateFailure }) });
  });
}

async function stress(names: readonly string[], flags: Flags): Promise<void> {
  const { list, dir, debug } = flags;
  const report = new Report(flags);
  if (dir !== undefined)
    throw usageError(
      'stress makes stores of its own, and takes no --dir: --debug DIR says where they are kept.',
    );
  if (list) return report.list(names.length === 0 ? SCENARIOS : scenariosOf(names));
  const scenarios = chosenScenarios(names, flags);
  const places = new Places(debug);
  const page = flags.report === undefined ? undefined : new Page(flags.report, places.root);
  const interruption = onInterrupt(() => places.abandon());
  const { signal } = interruption;
  const usual = globalThis.console;
  // What somebody's target prints is not the answer of this command.
  globalThis.console = new Console(stderr());
  try {
    const target = await targetOf(flags.target, flags.timeout, signal);
    const plan = makePlan(scenarios, flags, target);
    const ok = await runAll(plan, flags, { report, page, places, signal });
    if (!ok) process.exitCode = 1;
    else if (signal.aborted) process.exitCode = INTERRUPTED;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    report.note('Stopped before the clients began.');
    process.exitCode = INTERRUPTED;
  } finally {
    interruption.end();
    clearStatus();
    globalThis.console = usual;
    if (isOwn(flags.target)) setTimeout(() => process.exit(), PARTING_MS).unref();
  }
}

interface Means {
  readonly report: Report;
  readonly page: Page | undefined;
  readonly places: Places;
  readonly signal: AbortSignal;
}

/** Makes the runs of a plan. Answers whether all hold that were made. */
async function runAll(
  { runs, skipped }: Plan,
  flags: Flags,
  { report, page, places, signal }: Means,
): Promise<boolean> {
  const baseline = flags.compare === undefined ? undefined : new Baseline(flags.compare);
  const like = runs.map(({ scenario, settings }) => baseline?.runsLike(scenario.name, settings));
  for (const { scenario, why } of skipped) report.note(`${scenario} is left out: ${why}`);
  const { strictTimes = false } = flags;
  const results: Result[] = [];
  for (const [i, run] of runs.entries()) {
    const { scenario } = run;
    const recorded = page !== undefined;
    const { result, record } = await makeRun(run, places, { signal, recorded, strictTimes });
    results.push(result);
    if (record !== undefined) page?.add({ result, record, repeat: repeatCall(result, flags.target) });
    await report.run(scenario, result);
    if (signal.aborted || (isFailed(result, strictTimes) && flags.repeat !== undefined)) break;
    const earlier = like[i];
    if (earlier === undefined || runs[i + 1]?.scenario === scenario) continue;
    const now = results.filter((each) => each.scenario === scenario.name);
    await report.comparison(scenario.name, compare(earlier, now), {
      baseline: earlier.length,
      now: now.length,
    });
  }
  await report.summary(results, runs.length);
  const written = page?.write();
  if (written !== undefined) report.note(`The report is in ${written}`);
  return !results.some((result) => isFailed(result, strictTimes));
}
