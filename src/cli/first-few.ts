import type { Row } from './output.ts';
import { figure } from './words.ts';

const MOST_SHOWN = 10;

/** A list as a person is shown it: the first of it, and how many there are more. --json tells all. */
export function firstFew<T>(items: readonly T[], rowsOf: (item: T, i: number) => readonly Row[]): Row[] {
  const more = items.length - MOST_SHOWN;
  return [
    ...items.slice(0, MOST_SHOWN).flatMap(rowsOf),
    ...(more > 0 ? [['', `and ${figure(more)} more (--json lists them)`] as const] : []),
  ];
}
