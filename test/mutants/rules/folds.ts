import type { ByTest, Mutant } from '../mutant.ts';

function byTest(test: string, file = 'table/fold-record'): ByTest {
  const because = 'the processes of the simulation and of the crash explorer agree on one fold';
  return { by: 'test', file, test, because };
}

const RECORDED_ONCE = byTest('a log without a fold records the first one a writer names, once');

/** Which fold is the log's. */
export const FOLDS: readonly Mutant[] = [
  {
    name: 'another-fold-takes-over',
    rule: 'the first fold that is named is the log’s: another name changes nothing',
    told: 'FORMAT: The fold',
    edits: [{ file: 'format/fold-identity', find: 'named.name === recorded.name && ', replace: '' }],
    caughtBy: byTest('the log’s fold is the one that its vectors say', 'format/vectors'),
  },
  {
    name: 'fold-of-an-earlier-version',
    rule: 'a later version of the log’s fold is recorded, an earlier one is not',
    told: 'FORMAT: The fold',
    edits: [
      {
        file: 'format/fold-identity',
        find: 'named.version > recorded.version',
        replace: 'named.version < recorded.version',
      },
    ],
    caughtBy: RECORDED_ONCE,
  },
  {
    name: 'seal-forgets-the-fold',
    rule: 'a seal carries the fold that was named before it',
    told: 'FORMAT: The fold',
    edits: [
      {
        file: 'log/group',
        find: 'sealBody(ts, this.#scope, this.fold)',
        replace: 'sealBody(ts, this.#scope, undefined)',
      },
    ],
    caughtBy: RECORDED_ONCE,
  },
  {
    name: 'snapshot-fold-unheard',
    rule: 'the newest snapshot’s fold is the log’s where no line names one',
    told: 'FORMAT: The fold',
    edits: [
      {
        file: 'log/tail',
        find: 'this.fold = this.fold === undefined ? fold : recordedFold(fold, this.fold);',
        replace: ';',
      },
    ],
    caughtBy: byTest('a snapshot names the fold of a log in which no line does'),
  },
];
