import '../support/program-guard.ts';
// Breaks the engine in one rule after another, and shows what catches each: npm run mutants -- --help
import { InvalidArgumentError } from 'commander';
import { makeProgram } from '../support/program.ts';
import { type Attempt, attempt } from './attempt.ts';
import { controls } from './control.ts';
import { complaints, coverEngine, coverText } from './cover.ts';
import { MUTANTS } from './mutants.ts';
import { REASONS } from './reasons.ts';
import { lineOf, listText, tableText } from './table.ts';

/** So many are tried at once. */
const AT_ONCE = 2;

interface Flags {
  readonly only?: string[];
  readonly list?: true;
  readonly comparisons?: true;
  readonly json?: true;
}

const names = MUTANTS.map(({ name }) => name);
const only = (name: string, before: string[] = []): string[] => {
  if (names.includes(name)) return [...before, name];
  throw new InvalidArgumentError(`No mutant is called ${name}: see --list.`);
};
const flags = makeProgram(
  'mutants',
  'Breaks the engine in one rule after another: each breakage must be caught.',
)
  .option('--only <name>', 'this mutant; may be given again', only)
  .option('--list', 'tells the mutants, and tries none')
  .option('--comparisons', 'tells what shows that each comparison of the engine matters, and tries none')
  .option('--json', 'prints JSON')
  .parse()
  .opts<Flags>();
const chosen = MUTANTS.filter(({ name }) => flags.only?.includes(name) ?? true);
if (flags.list) console.log(flags.json ? JSON.stringify(chosen, undefined, 2) : listText(chosen));
else process.exitCode = flags.comparisons ? tellComparisons() : await main();

/** 1 where one has neither a mutant nor a reason, or a reason is for none. */
function tellComparisons(): number {
  const covered = coverEngine(MUTANTS, REASONS);
  const wrong = complaints(covered, REASONS);
  if (flags.json) console.log(JSON.stringify({ covered, wrong }, undefined, 2));
  else {
    const mutated = covered.filter(({ mutants }) => mutants.length > 0).length;
    console.log(coverText(covered));
    for (const each of wrong) console.log(each);
    console.log(
      `${covered.length} comparisons: ${mutated} with a mutant, ${covered.length - mutated} without; ${wrong.length} wrong`,
    );
  }
  return wrong.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const start = performance.now();
  const tasks = [
    ...controls(chosen).map((caughtBy) => ({ name: 'the engine as it is', edits: [], caughtBy })),
    ...chosen,
  ];
  const attempts: Attempt[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < tasks.length; i = next++) {
      const task = tasks[i] as (typeof tasks)[number];
      const tried = await attempt(task.edits, task.caughtBy);
      attempts[i] = tried;
      console.error(lineOf(task, tried));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const results = chosen.map((mutant) => ({ mutant, ...(attempts[tasks.indexOf(mutant)] as Attempt) }));
  const control = attempts.slice(0, tasks.length - chosen.length);
  const caught = results.filter(({ verdict }) => verdict === 'caught').length;
  const clean = control.filter(({ verdict }) => verdict === 'clean').length;
  const seconds = Math.round((performance.now() - start) / 1000);
  if (flags.json) console.log(JSON.stringify({ results, control, seconds }, undefined, 2));
  else {
    console.log(tableText(results));
    console.log(
      `${caught} of ${chosen.length} mutants caught; the engine as it is: ${clean} of ${control.length} runs clean; ${seconds} s`,
    );
  }
  return caught === chosen.length && clean === control.length ? 0 : 1;
}
