import type { Attempt } from './attempt.ts';
import type { Catcher, Mutant } from './mutant.ts';

const MOST_CHARACTERS = 120;
const COLUMNS = ['mutant', 'rule', 'caught by', 'after', 'fault'];

export interface Result extends Attempt {
  readonly mutant: Mutant;
}

/** Where a mutant must show, in words. */
function catcherText(catcher: Catcher): string {
  if (catcher.by === 'sim') return 'sim';
  return catcher.by === 'crash' ? `crash, ${catcher.workload}` : `test, ${catcher.file}: ${catcher.because}`;
}

function short(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}

/** As Markdown. */
export function tableText(results: readonly Result[]): string {
  const rows = results.map(({ mutant: { name, rule, told, caughtBy }, verdict, after, seconds, fault }) => [
    name,
    `${rule} (${told})`,
    verdict === 'caught' ? catcherText(caughtBy) : `NOT by ${catcherText(caughtBy)}`,
    `${after}, ${seconds} s`,
    short(fault ?? ''),
  ]);
  return [COLUMNS, COLUMNS.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`)
    .join('\n');
}

export function listText(mutants: readonly Mutant[]): string {
  return mutants.map(({ name, rule, told }) => `${name}: ${rule} (${told})`).join('\n');
}

/** A line for each as soon as it was tried. */
export function lineOf(
  { name, caughtBy }: Pick<Mutant, 'name' | 'caughtBy'>,
  { verdict, after, seconds, fault }: Attempt,
): string {
  return `${verdict}: ${name} (${catcherText(caughtBy)}; ${after}, ${seconds} s)${fault === undefined ? '' : `: ${fault}`}`;
}
