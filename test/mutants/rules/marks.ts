import type { Mutant } from '../mutant.ts';

/** What this machine saw acknowledged. */
export const MARKS: readonly Mutant[] = [
  {
    name: 'mark-lowered',
    rule: 'the mark is raised only, but for one whose entry the log does not hold',
    told: 'FORMAT: The mark',
    edits: [
      {
        file: 'layout/mark-file',
        find: 'there.seq >= mark.seq ? undefined :',
        replace: 'false ? undefined :',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/marks',
      test: 'a mark is only raised, but for one that the log was found not to hold',
      because: 'a lower mark is true, too: it only tells of less',
    },
  },
  {
    name: 'mark-kept-for-ever',
    rule: 'the next append here replaces a mark whose entry the log does not hold',
    told: 'FORMAT: The mark',
    edits: [
      {
        file: 'layout/mark-file',
        find: 'const isStale = stale !== undefined && isSameHead(there, stale);',
        replace: 'const isStale = false;',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/marks',
      test: 'a wal.rewound with lines that cannot be read tells the others',
      because: 'where the simulation replaces the log, it expects that it is told',
    },
  },
  {
    name: 'rewound-in-silence',
    rule: 'a Wal under which the log goes back tells which of its entries are gone',
    told: 'DURABILITY: When the log goes back',
    edits: [{ file: 'log/witness', find: 'if (to === 0)', replace: 'if (to >= 0)' }],
    caughtBy: {
      by: 'test',
      file: 'file/marks',
      test: 'a Wal that does nothing more after its log was cut is told when it is closed',
      because: 'the simulation looks only that nothing is said to be gone that is there',
    },
  },
  {
    name: 'mark-unseen',
    rule: 'nothing is said to be gone that the log holds',
    told: 'DURABILITY: When the log goes back',
    edits: [{ file: 'log/witness', find: 'search.hasMark = true;', replace: 'search.hasMark = false;' }],
    caughtBy: { by: 'sim', seeds: 20 },
  },
  {
    name: 'evicted-taken-for-none',
    rule: 'a log of which a sync service keeps a file elsewhere is not used',
    told: 'DURABILITY: When the log goes back',
    edits: [{ file: 'layout/layout', find: 'if (evicted !== undefined)', replace: 'if (false)' }],
    caughtBy: {
      by: 'test',
      file: 'format/strays',
      test: 'under an open Wal the only segment is evicted: appends are rejected as not written until it is back',
      because: 'no sync service is simulated',
    },
  },
  {
    name: 'emptied-begun-anew',
    rule: 'a log without a segment or a snapshot is not begun anew where the mark tells of a synced entry',
    told: 'DURABILITY: When the log goes back',
    edits: [{ file: 'file/open', find: 'if (mark?.kept &&', replace: 'if (false &&' }],
    caughtBy: {
      by: 'test',
      file: 'file/marks',
      test: 'backup and export take no mark along; restore, salvage and a mended tail set it anew',
      because: 'no crash takes a file whose name was synced',
    },
  },
];
