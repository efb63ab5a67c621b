import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { reasonOf } from '../../errors/errors.ts';
import { printable } from '../../format/printable.ts';
import { type Machine, machineOf } from '../../lab/machine.ts';
import type { ResultLine } from '../../lab/model.ts';
import { pasteable, repeatCall } from '../../lab/repeat.ts';
import { isReport, makeReport } from '../../lab/report/report.ts';
import type { ReportRun } from '../../lab/report/run-section.ts';
import { checkLines, type Latency, type Result, type RunSettings, resultLines } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { usageError } from '../failure.ts';
import { colour, Output, type Style } from '../output.ts';
import { clearStatus, stderr } from '../stderr.ts';
import { count, duration, figure } from '../words.ts';
import { writeWhole } from '../write-file.ts';
import { type Compared, comparisonLines } from './baseline.ts';
import type { Flags } from './plan.ts';

/** '5 processes x 20 steps, kernel lock, seed 7'. */
export function settingsText(settings: RunSettings): string {
  const { target, lock, seed, failRate, params } = settings;
  return [
    workText(settings),
    ...Object.entries(params).map(([name, value]) => `${name} ${value}`),
    ...(failRate === undefined ? [] : [`${failRate * 100} % simulated failures`]),
    lockText(lock),
    `target ${target}`,
    `seed ${seed}`,
  ].join(', ');
}

function lockText(lock: string): string {
  return lock === 'none' ? 'no lock' : `${lock} lock`;
}

/** '5 processes x 20 steps'. */
function workText({
  as,
  clients,
  iterations,
  seconds,
}: Pick<RunSettings, 'as' | 'clients' | 'iterations' | 'seconds'>): string {
  const [one, many] = as === 'threads' ? ['thread', 'threads'] : ['process', 'processes'];
  const who = as === 'one-shot' ? count(clients, 'client') : count(clients, one, many);
  const each = as === 'one-shot' ? ', a new process for each step' : '';
  return `${who} ${seconds === undefined ? `x ${count(iterations, 'step')}` : `for ${seconds} s`}${each}`;
}

/** The `Results:` block: the scenario's own, and what can be told of any. */
function resultsBlock(result: Result): string[] {
  const { results, operations, writes, reads, seconds } = result;
  const { acknowledged, refused, unknown } = operations;
  const general: ResultLine[] = [
    [
      'Operations',
      `${figure(acknowledged)} acknowledged, ${figure(refused)} refused, ${figure(unknown)} unknown`,
    ],
    ['Duration', duration(seconds * 1000)],
    ...(writes.count === 0 ? [] : [['Writes', latencyText(writes, seconds)] as const]),
    ...(reads.count === 0 ? [] : [['Reads', latencyText(reads, seconds)] as const]),
  ];
  return resultLines({ results: [...results, ...general] });
}

function latencyText({ count, p50, p99, max }: Latency, seconds: number): string {
  const rate = seconds === 0 ? '' : `${figure(count / seconds)}/s, `;
  const tail = p99 === undefined ? '' : `p99 ${duration(p99)}, `;
  return `${rate}p50 ${duration(p50)}, ${tail}max ${duration(max)}`;
}

/** The scenario's place in the list. */
function listLines(scenario: Scenario): string[] {
  const { about, source, withoutLock, lock, params, needs } = scenario;
  const numbers = Object.entries(params).map(([name, value]) => `${name} ${value}`);
  return [
    `  ${about}`,
    `  source: ${source}; default: ${[workText(scenario), ...numbers, ...(lock === undefined ? [] : [lockText(lock)])].join(', ')}`,
    ...(withoutLock ? ['  holds without a lock, too'] : []),
    ...(needs.length === 0 ? [] : [`  needs of a target: ${needs.join(', ')}`]),
  ];
}

/** The page about the runs that `--report` asks for. */
export class Page {
  readonly #path: string;
  readonly #machine: Machine;
  readonly #runs: ReportRun[] = [];

  /** `place`: what the runs are in. Throws where nothing can be written at that path. */
  constructor(path: string, place: string) {
    this.#path = resolve(path);
    this.#machine = machineOf(place);
    try {
      accessSync(dirname(this.#path), constants.W_OK);
    } catch (error) {
      throw usageError(`--report ${path}: nothing can be written there: ${reasonOf(error)}`);
    }
    const there = statSync(this.#path, { throwIfNoEntry: false });
    if (there?.isDirectory()) throw usageError(`--report ${path}: it is a directory. Name a file.`);
    if (there?.isFile() && there.size > 0 && !isReport(readFileSync(this.#path)))
      throw usageError(
        `--report ${path}: the file there is not a report. Name another, or move that one away.`,
      );
  }

  add(run: ReportRun): void {
    this.#runs.push(run);
  }

  /** Writes it, where there is anything to show. Answers where it is. */
  write(): string | undefined {
    if (this.#runs.length === 0) return undefined;
    writeWhole(this.#path, [makeReport(this.#runs, this.#machine)]);
    return this.#path;
  }
}

/** Whether a run ends the command with 1. */
export function isFailed({ ok, slow }: Result, strictTimes: boolean): boolean {
  return !ok || (strictTimes && slow);
}

/** Says what came of the runs: for people on stdout; with `json` objects on stdout, and the rest on stderr. */
export class Report {
  readonly #json: boolean;
  readonly #target: string;
  readonly #strictTimes: boolean;
  readonly #output = new Output();

  /** `target`: as it was given. */
  constructor({ json, target, strictTimes }: Flags) {
    this.#json = json === true;
    this.#target = target;
    this.#strictTimes = strictTimes === true;
  }

  async list(scenarios: readonly Scenario[]): Promise<void> {
    for (const scenario of scenarios) {
      const { name, about, source, clients, iterations, as, seconds, params, withoutLock, needs } = scenario;
      if (this.#json)
        await this.#output.json({
          name,
          about,
          source,
          clients,
          iterations,
          as,
          seconds,
          params,
          withoutLock,
          needs,
        });
      else
        await this.#output.text(`${this.#output.style('bold', name)}\n${listLines(scenario).join('\n')}\n`);
    }
    await this.#output.flush();
  }

  /** What is worth knowing beside the results: goes to stderr. */
  note(text: string): void {
    clearStatus();
    stderr().write(`${text.split('\n').map(printable).join('\n')}\n`);
  }

  async run(scenario: Scenario, result: Result): Promise<void> {
    clearStatus();
    const repeat = this.#repeatOf(result);
    const { directory, interrupted } = result;
    if (this.#json) await this.#output.json({ ...result, repeat });
    await this.say(['', `${scenario.name}: ${scenario.about}`], 'bold');
    await this.say([
      `  ${settingsText(result.settings)}`,
      // A fault may bring the lines of a stack.
      ...checkLines(result).flatMap((line) => line.split('\n')),
      ...resultsBlock(result),
      ...(interrupted ? ['Stopped early: only what must hold after every scenario was checked.'] : []),
      ...(interrupted ? [] : (scenario.closing?.(result) ?? [])),
      ...(directory === undefined ? [] : [`Kept in ${directory}`]),
      ...(isFailed(result, this.#strictTimes) ? [`Repeat it: ${pasteable(repeat)}`] : []),
    ]);
  }

  #repeatOf(result: Result): string {
    const call = repeatCall(result, this.#target);
    // What the command line has no words for is a call of `runScenario`.
    return this.#strictTimes && call.startsWith('jsonl-wal ') ? `${call} --strict-times` : call;
  }

  async comparison(
    scenario: string,
    rows: readonly Compared[],
    runs: { baseline: number; now: number },
  ): Promise<void> {
    if (this.#json) await this.#output.json({ compared: scenario, runs, figures: rows });
    await this.say(comparisonLines(rows, runs));
  }

  /** What became of all, where they were several. */
  async summary(results: readonly Result[], planned: number): Promise<void> {
    if (planned < 2) return;
    const holding = results.filter(({ ok }) => ok);
    const left = planned - results.length;
    const parts = [
      `${holding.length} of ${planned} runs hold`,
      ...named(
        'not',
        results.filter(({ ok }) => !ok),
      ),
      ...named(
        'slow',
        holding.filter(({ slow }) => slow),
      ),
      ...(left > 0 ? [`${left} not made`] : []),
    ];
    await this.say(['', `${parts.join('; ')}.`]);
  }

  /** For people: on stdout, or on stderr with `--json`. */
  async say(lines: readonly string[], style?: Style): Promise<void> {
    const text = lines.map((line) => `${style ? this.#style(style, line) : this.#painted(line)}\n`).join('');
    if (this.#json) stderr().write(text);
    else await this.#output.text(text);
    await this.#output.flush();
  }

  #painted(line: string): string {
    const [, word, rest] = /^(\[(?:PASS|FAIL|SLOW)\])(.*)$/.exec(line) ?? [];
    if (word === undefined) return printable(line);
    const style = word === '[PASS]' ? 'green' : word === '[SLOW]' ? 'yellow' : 'red';
    return `${this.#style(style, word)}${printable(rest as string)}`;
  }

  #style(style: Style, text: string): string {
    return colour(this.#json ? stderr() : process.stdout, style, printable(text));
  }
}

/** '2 slow: kill-storm, query-speed'; nothing where there are none. */
function named(what: string, results: readonly Result[]): string[] {
  const names = [...new Set(results.map(({ scenario }) => scenario))].join(', ');
  return results.length === 0 ? [] : [`${results.length} ${what}: ${names}`];
}
