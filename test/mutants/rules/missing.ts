import type { ByTest, Mutant } from '../mutant.ts';

/** A test of `missing-files`, by what is damaged. */
function byTable(what: string): ByTest {
  return {
    by: 'test',
    file: 'file/missing-files',
    test: `${what}: what each use of the log makes of its segments`,
    because: 'no crash and no writer removes a segment or damages a snapshot',
  };
}

/** What is said of snapshots that are damaged, and of segments that are not there. */
export const MISSING: readonly Mutant[] = [
  {
    name: 'first-segment-missing-unseen',
    rule: 'without a snapshot, what lies before the first segment is missing',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'layout/layout', find: 'if (first > base + 1 &&', replace: 'if (false &&' }],
    caughtBy: byTable('no snapshot'),
  },
  {
    name: 'numbers-of-a-damaged-snapshot-given-again',
    rule: 'a writer refuses where a snapshot is damaged that alone tells how the log goes on',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'layout/layout',
        find: 'const layout = writable ? all : readable(place, all);',
        replace: 'const layout = readable(place, all);',
      },
    ],
    caughtBy: byTable('a damaged snapshot past the segments'),
  },
  {
    name: 'snapshot-of-another-log',
    rule: 'a snapshot that names another log is passed over',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'layout/snapshots', find: 'header.log === (log ?? header.log)', replace: 'true' }],
    caughtBy: byTable('the only snapshot damaged in another way'),
  },
  {
    name: 'numbers-of-a-damaged-snapshot-left-out',
    rule: 'a salvage gives no number again that the name of a damaged snapshot tells of',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'recovery/rebuild', find: 'this.#fillCompacted(Infinity);', replace: '' }],
    caughtBy: byTable('an empty snapshot'),
  },
  {
    name: 'numbers-before-an-unread-segment-left-out',
    rule: 'a salvage gives no number again that the name of a segment tells of',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      { file: 'recovery/rebuild', find: 'Math.max(claimed, last - this.#tip.seq)', replace: 'claimed' },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'segments that are empty: the loss is told, and no number is given again',
      because: 'no crash and no writer empties a segment',
    },
  },
  {
    name: 'keys-of-a-damaged-snapshot-forgotten',
    rule: 'a key that only a damaged snapshot may know is not taken for new',
    told: 'DURABILITY: What a crash leaves, and what becomes of it',
    edits: [{ file: 'log/keys', find: 'throw damage ?? compacted;', replace: 'return [];' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-damaged',
      test: 'a key that only a damaged snapshot may know is refused: an append of it could double one',
      because: 'no crash and no writer damages a snapshot',
    },
  },
];
