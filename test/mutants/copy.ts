import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../support/scratch.ts';
import type { Edit } from './mutant.ts';

/** What the engine's copy needs, to be tried in every way. */
const PARTS = ['package.json', 'dist/src', 'dist/tests', 'test/vectors'];
const NOT_RUN = /\.(d\.ts|tsbuildinfo)$/;

/** Makes a package in a directory, of what was built here. */
export function copyEngine(directory: string): void {
  const filter = (path: string) => !NOT_RUN.test(path);
  for (const part of PARTS)
    cpSync(join(packageRoot(), part), join(directory, part), { recursive: true, filter });
}

/** Before a statement that is all of an `if`'s body: without it, the next statement would be that. */
const CONDITION = /(\)|\belse)\s*$/;

/** Text of a compiled file with one place changed. Throws where the text to find is not there exactly once. */
export function edited(text: string, { file, find, replace }: Edit): string {
  const times = text.split(find).length - 1;
  if (times !== 1)
    throw new Error(`it no longer applies: ${JSON.stringify(find)} is ${times} times in ${file}.js`);
  if (find.endsWith(';') && replace === '' && CONDITION.test(text.slice(0, text.indexOf(find))))
    throw new Error(`it makes the next statement depend on a condition: put ";" in the place of ${find}`);
  return text.replace(find, () => replace);
}

/** Path of a compiled file of the engine in a package. */
export function compiled(directory: string, { file }: Pick<Edit, 'file'>): string {
  return join(directory, 'dist/src', `${file}.js`);
}

/** Changes a copy. */
export function mutate(directory: string, edits: readonly Edit[]): void {
  for (const edit of edits) {
    const path = compiled(directory, edit);
    writeFileSync(path, edited(readFileSync(path, 'utf8'), edit));
  }
}
