import { readFileSync } from 'node:fs';
import { packageRoot } from '../support/scratch.ts';
import { type Comparison, comparisonsIn, engineFiles } from './comparisons.ts';
import { compiled } from './copy.ts';
import type { Edit, Mutant } from './mutant.ts';
import type { Reason } from './reasons.ts';

/** A comparison, and what shows that it matters, or says why no mutant changes it. */
export interface Covered extends Comparison {
  /** Names of the mutants that change it. */
  readonly mutants: readonly string[];
  /** Of those without a mutant. */
  readonly because: string | undefined;
}

/** The comparisons in the engine as it was built here. */
export function coverEngine(mutants: readonly Mutant[], reasons: readonly Reason[]): Covered[] {
  return engineFiles().flatMap((file) =>
    cover(file, readFileSync(compiled(packageRoot(), { file }), 'utf8'), mutants, reasons),
  );
}

/** The comparisons in a text of the engine. */
export function cover(
  file: string,
  text: string,
  mutants: readonly Mutant[],
  reasons: readonly Reason[],
): Covered[] {
  return comparisonsIn(file, text).map((comparison) => {
    const touching = mutants.filter(({ edits }) => edits.some((edit) => touches(edit, text, comparison)));
    const reason = reasons.find((each) => isAbout(each, comparison));
    return {
      ...comparison,
      mutants: touching.map(({ name }) => name),
      because: touching.length === 0 ? reason?.because : undefined,
    };
  });
}

/** What is left to do: comparisons with neither a mutant nor a reason, and reasons that no comparison without a mutant needs. */
export function complaints(covered: readonly Covered[], reasons: readonly Reason[]): string[] {
  const bare = covered
    .filter(({ mutants, because }) => mutants.length === 0 && because === undefined)
    .map((each) => `${placeOf(each)} has neither a mutant nor a reason`);
  const idle = reasons.flatMap(({ within, texts }) =>
    texts
      .filter(
        (text) =>
          !covered.some((each) => each.within === within && each.text === text && each.mutants.length === 0),
      )
      .map((text) => `no comparison needs the reason for ${within}: ${text}`),
  );
  return [...bare, ...idle];
}

/** A line for each, after the file. */
export function coverText(covered: readonly Covered[]): string {
  const files = [...new Set(covered.map(({ file }) => file))];
  return files
    .flatMap((name) => [
      `${name}:`,
      ...covered.filter(({ file }) => file === name).map((each) => `  ${lineOf(each)}`),
    ])
    .join('\n');
}

function lineOf({ within, text, mutants, because }: Covered): string {
  const shown = mutants.length > 0 ? mutants.join(', ') : because;
  return `${within}: ${text} (${shown ?? 'neither a mutant nor a reason'})`;
}

function placeOf({ file, within, text }: Comparison): string {
  return `${file}, ${within}: ${text}`;
}

function isAbout({ within, texts }: Reason, comparison: Comparison): boolean {
  return within === comparison.within && texts.includes(comparison.text);
}

/** Whether an edit changes a comparison, or puts something right before or after it. */
function touches(
  { file, find, replace }: Edit,
  text: string,
  { file: inFile, start, end }: Comparison,
): boolean {
  const at = text.indexOf(find);
  if (file !== inFile || at < 0) return false;
  // What it finds and leaves as it is does not count.
  const least = Math.min(find.length, replace.length);
  let after = 0;
  while (after < least && find.at(-1 - after) === replace.at(-1 - after)) after++;
  let before = 0;
  while (before < least - after && find[before] === replace[before]) before++;
  const from = at + before;
  const to = at + find.length - after;
  return from === to ? start <= from && from <= end : from < end && start < to;
}
