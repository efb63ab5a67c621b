import { printable } from '../../format/printable.ts';
import { repeatCall } from '../../lab/repeat.ts';
import { checkLines, type Result } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { Output } from '../output.ts';
import { clearStatus } from '../status.ts';
import { stderr } from '../stderr.ts';
import { colour, type Style } from '../style.ts';
import { type Compared, comparisonLines } from './baseline.ts';
import type { Flags } from './flags.ts';
import { isFailed } from './run.ts';
import { listLines, resultsBlock, settingsText } from './text.ts';

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
    stderr().write(`${printable(text)}\n`);
  }

  async run(scenario: Scenario, result: Result): Promise<void> {
    clearStatus();
    const repeat = this.#repeatOf(result);
    const { directory, interrupted } = result;
    if (this.#json) await this.#output.json({ ...result, repeat });
    await this.#say(['', `${scenario.name}: ${scenario.about}`], 'bold');
    await this.#say([
      `  ${settingsText(result.settings)}`,
      // A fault may bring the lines of a stack.
      ...checkLines(result).flatMap((line) => line.split('\n')),
      ...resultsBlock(result),
      ...(interrupted ? ['Stopped early: only what must hold after every scenario was checked.'] : []),
      ...(interrupted ? [] : (scenario.closing?.(result) ?? [])),
      ...(directory === undefined ? [] : [`Kept in ${directory}`]),
      ...(isFailed(result, this.#strictTimes) ? [`Repeat it: ${repeat}`] : []),
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
    await this.#say(comparisonLines(rows, runs));
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
    await this.#say(['', `${parts.join('; ')}.`]);
  }

  async #say(lines: readonly string[], style?: Style): Promise<void> {
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
