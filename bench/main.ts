// Measures appending, replaying and state, and compares: npm run bench -- --help
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { keepBusy } from './busy.ts';
import { installPeers } from './compare/install.ts';
import { benchOf } from './machine.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { makeWorkplace } from './place.ts';
import { FULL, onlyOf, planOf, QUICK } from './plan.ts';
import { type Ratio, ratiosOf } from './ratio.ts';
import { legendText, machineText, ratioText, sectionText, targetText } from './report.ts';
import { type Result, runSection } from './run.ts';
import type { Section } from './section.ts';
import { speedPlan, speedTable } from './speed.ts';
import { outcomesOf } from './target.ts';
import type { Figures } from './work.ts';
import { WORKS } from './works.ts';

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
try {
  const options = readOptions(process.argv.slice(2));
  const plan = selected(options);
  if (options.help) console.log(USAGE);
  else if (options.list) list(plan);
  else if (plan.length === 0) throw new Error(`Nothing matches ${options.only}: see --list`);
  else {
    if (options.installPeers) installPeers();
    process.exitCode = await measure(plan, options);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}

function selected({ quick, speed, only, rounds, size }: Options): readonly Section[] {
  const scale = quick ? QUICK : FULL;
  const asked = {
    rounds: rounds ?? scale.rounds,
    stateRounds: rounds ?? scale.stateRounds,
    largeBytes: size ?? scale.largeBytes,
  };
  const plan = onlyOf(planOf({ ...scale, ...asked }), only);
  return speed ? speedPlan(plan) : plan;
}

function list(plan: readonly Section[]): void {
  for (const { name, subjects } of plan) for (const subject of subjects) console.log(`${name} / ${subject}`);
}

async function measure(plan: readonly Section[], options: Options): Promise<number> {
  const { directory, busy, speed, json } = options;
  const workplace = makeWorkplace(resolve(directory));
  const machine = benchOf(workplace);
  const disk = await diskFigures(workplace);
  print(machineText(machine, disk, busy));
  if (busy) keepBusy();
  const { results, ratios } = await runAll(plan, workplace);
  if (speed) {
    keepBusy();
    const whileBusy = await runAll(plan, join(workplace, 'busy'));
    print(speedTable(ratios, whileBusy.ratios));
    return [...results, ...whileBusy.results].some(hasFailed) ? 1 : 0;
  }
  const targets = outcomesOf({ results, ratios, busy });
  print(targetText(targets));
  print(legendText([...new Set(plan.flatMap(({ subjects }) => subjects))]));
  if (json !== undefined) {
    const sections = results.map(({ section, rows, idle }) => ({ ...section, rows, idle }));
    writeFileSync(
      json,
      `${JSON.stringify({ machine, busy, disk, sections, ratios, targets }, undefined, 2)}\n`,
    );
  }
  return results.some(hasFailed) ? 1 : 0;
}

async function runAll(plan: readonly Section[], directory: string) {
  mkdirSync(directory, { recursive: true });
  const results: Result[] = [];
  const ratios: Ratio[] = [];
  for (const section of plan) {
    const result = await runSection(section, directory, progress);
    results.push(result);
    print(sectionText(result));
    const found = ratiosOf(result);
    if (found.length > 0) print(ratioText(found));
    ratios.push(...found);
  }
  return { results, ratios };
}

function hasFailed({ rows }: Result): boolean {
  return rows.some(({ failed }) => failed !== undefined);
}

/** What the disk takes for one line, just before all else. */
async function diskFigures(workplace: string): Promise<Figures> {
  const directory = join(workplace, 'disk');
  mkdirSync(directory);
  return WORKS.crowd.trial({
    subject: 'raw disk',
    directory,
    settings: { kind: 'crowd', processes: 1, appends: 1000, inFlight: 1 },
  });
}

function print(text: string): void {
  progress('');
  console.log(`${text}\n`);
}

/** On a terminal: says what is being measured, on a line that the next overwrites. */
function progress(message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${message}`);
}
