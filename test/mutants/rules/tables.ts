import type { ByTest, Mutant } from '../mutant.ts';

/** A test of `snapshot`. */
function byTest(test: string): ByTest {
  const because =
    'the simulation and the crash explorer list all items, and never by a field, in order or one by one';
  return { by: 'test', file: 'snapshot', test, because };
}

const throughOnce = (where: string): ByTest =>
  byTest(`items ${where} that a change follows each are gone through once, by id and in order`);
const LISTED_ONCE = byTest(
  'an item in a snapshot whose value holds a wanted field at two depths is listed once',
);

/** What a table gives out: each item once. */
export const TABLES: readonly Mutant[] = [
  {
    name: 'listed-for-each-match',
    rule: 'an item that passes is listed once, however often its line holds what is looked for',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'table/block',
        find: 'bytes.indexOf(needle, this.#lines.endOf(at))',
        replace: 'bytes.indexOf(needle, at + 1)',
      },
    ],
    caughtBy: LISTED_ONCE,
  },
  {
    name: 'listed-as-it-was',
    rule: 'what changed since a snapshot stands in place of what the snapshot holds',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/layer', find: 'if (!this.#items.has(element.id))', replace: 'if (true)' }],
    caughtBy: LISTED_ONCE,
  },
  {
    name: 'order-repeats-in-lines',
    rule: 'who goes through items in order goes on after the last one: among what changed',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'table/layer',
        find: 'comparePlaced(placed, after) > 0',
        replace: 'comparePlaced(placed, after) >= 0',
      },
    ],
    caughtBy: throughOnce('in lines'),
  },
  {
    name: 'order-repeats-in-snapshot',
    rule: 'who goes through items in order goes on after the last one: in the snapshot',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'table/run',
        find: 'comparePlaced(placed, after) > 0',
        replace: 'comparePlaced(placed, after) >= 0',
      },
    ],
    caughtBy: throughOnce('in a snapshot'),
  },
  {
    name: 'ids-repeat-in-lines',
    rule: 'who goes through items by id goes on after the last one: among what changed',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/layer', find: 'id > after', replace: 'id >= after' }],
    caughtBy: throughOnce('in lines'),
  },
  {
    name: 'ids-repeat-in-snapshot',
    rule: 'who goes through items by id goes on after the last one: in the snapshot',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/run', find: 'line.id > after', replace: 'line.id >= after' }],
    caughtBy: throughOnce('in a snapshot'),
  },
];
