import { printable } from '../../format/printable.ts';
import { repeatCall } from '../../lab/repeat.ts';
import { checkLines, type Result } from '../../lab/result.ts';
import type { Scenario } from '../../lab/scenario.ts';
import { Output } from '../output.ts';
import { clearStatus } from '../status.ts';
import { colour, type Style } from '../style.ts';
import { type Compared, comparisonLines } from './baseline.ts';
import { listLines, resultsBlock, settingsText } from './text.ts';

/** Says what came of the runs: for people on stdout; with `json` objects on stdout, and the rest on stderr. */
export class Report {
  readonly #json: boolean;
  readonly #target: string;
  readonly #output = new Output();

  /** `target`: as it was given. */
  constructor(json: boolean, target: string) {
    this.#json = json;
    this.#target = target;
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
    process.stderr.write(`${printable(text)}\n`);
  }

  async run(scenario: Scenario, result: Result): Promise<void> {
    clearStatus();
    const repeat = repeatCall(result, this.#target);
    const { ok, directory, interrupted } = result;
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
      ...(ok ? [] : [`Repeat it: ${repeat}`]),
    ]);
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
    const failed = results.filter(({ ok }) => !ok);
    const names = [...new Set(failed.map(({ scenario }) => scenario))].join(', ');
    const sound = results.length - failed.length;
    const left = planned - results.length;
    await this.#say([
      '',
      `${sound} of ${planned} runs hold${failed.length > 0 ? `; ${failed.length} not: ${names}` : ''}${left > 0 ? `; ${left} not made` : ''}.`,
    ]);
  }

  async #say(lines: readonly string[], style?: Style): Promise<void> {
    const text = lines.map((line) => `${style ? this.#style(style, line) : this.#painted(line)}\n`).join('');
    if (this.#json) process.stderr.write(text);
    else await this.#output.text(text);
    await this.#output.flush();
  }

  #painted(line: string): string {
    const [, word, rest] = /^(\[(?:PASS|FAIL|SLOW)\])(.*)$/.exec(line) ?? [];
    if (word === undefined) return printable(line);
    return `${this.#style(word === '[PASS]' ? 'green' : 'red', word)}${printable(rest as string)}`;
  }

  #style(style: Style, text: string): string {
    return colour(this.#json ? process.stderr : process.stdout, style, printable(text));
  }
}
