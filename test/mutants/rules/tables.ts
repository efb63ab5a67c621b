import type { ByTest, Mutant } from '../mutant.ts';

/** A test of `snapshot`. */
function byTest(test: string): ByTest {
  const because =
    'the simulation and the crash explorer list all items, and never by a field, in order or one by one';
  return { by: 'test', file: 'table/snapshot', test, because };
}

const throughOnce = (where: string): ByTest =>
  byTest(`items ${where} that a change follows each are gone through once, by id and in order`);
const orderOf = (test: string): ByTest => ({
  by: 'test',
  file: 'table/order-properties',
  test,
  because: 'the simulation and the crash explorer ask for no order',
});
const LAYERS = orderOf(
  'layers over each other give their items in order, from any place on, as plain sorting does',
);
const SHARED_WRITES = orderOf(
  'transactions that share a write see the order that those before them leave, and so does the table',
);
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
        file: 'table/sorted-list',
        find: 'first.slice(this.#lastUpTo(element, first) + 1)',
        replace: 'first.slice(this.#lastUpTo(element, first))',
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
        find: 'comparePlaced(placed, after) <= 0',
        replace: 'comparePlaced(placed, after) < 0',
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
  {
    name: 'order-as-it-was',
    rule: 'an item that changed is sorted in again before the order is asked for',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/layer', find: 'this.#places?.touch(id);', replace: '' }],
    caughtBy: LAYERS,
  },
  {
    name: 'order-passes-unchanged',
    rule: 'only places of ids that were changed since are passed over below',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/layer', find: 'else if (isPassing)', replace: 'else' }],
    caughtBy: LAYERS,
  },
  {
    name: 'order-of-another-block',
    rule: 'the places that were read last are those of their block alone',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/run', find: 'this.#places?.at === where.at', replace: 'this.#places' }],
    caughtBy: SHARED_WRITES,
  },
  {
    name: 'kept-unchecked',
    rule: 'what a fold did not take over from the value before is checked, and frozen',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/freeze', find: ' && item === known?.[name]', replace: '' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-fold',
      test: 'what a fold adds to the value before is checked and frozen; what it takes over stays as it was',
      because: 'the folds of the simulation answer nothing that JSON cannot keep',
    },
  },
];
