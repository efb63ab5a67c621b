import type { Mutant } from '../mutant.ts';

/** What others did to the log's files meanwhile. */
export const SLEPT: readonly Mutant[] = [
  {
    name: 'later-snapshot-stands-for-less',
    rule: 'the file that was read to its seal may go only where a snapshot ends just there',
    told: 'ARCHITECTURE: Compaction and copies',
    edits: [
      {
        file: 'file/segments',
        find: 'some((seq) => seq === tip?.seq)',
        replace: 'some((seq) => seq >= (tip?.seq ?? 0))',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/compact-meanwhile',
      test: 'who slept until only a later, damaged snapshot stands for what came gives no number again',
      because: 'no crash and no writer damages a snapshot',
    },
  },
  {
    name: 'zeros-read-once',
    rule: 'zeros in the middle of what is read are read again: they may be a line on its way',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'file/segments',
        find: 'this.#hasMore(known, count) && this.#chunk',
        replace: 'false && this.#chunk',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/disk-trouble',
      test: 'a part of a read that ends in zeros for a line on its way is read again before reading goes on',
      because: 'the simulation did not show it',
    },
  },
  {
    name: 'seal-by-its-seq',
    rule: 'a snapshot gets its name only where the log has the seal that it was made up to: seq and crc',
    told: 'ARCHITECTURE: Compaction and copies',
    edits: [{ file: 'layout/layout', find: 'seq + 1)?.crc === seal', replace: 'seq + 1) !== undefined' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-steps',
      test: 'a snapshot gets no name where the log gave way to one that is sealed at the same number',
      because: 'a log that the simulation replaces is one segment, which is never sealed',
    },
  },
  {
    name: 'name-kept-once',
    rule: 'the name of each segment is kept before the first acknowledgement in it',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/log-end',
        find: 'if (this.#syncing === file)\n                this.#syncing = undefined;\n            if (this.#kept !== this.reader.firstSeq)',
        replace:
          'if (this.#syncing === file)\n                this.#syncing = undefined;\n            if (this.#kept === undefined)',
      },
      {
        file: 'file/log-end',
        find: 'this.#toSyncNow(reader.opened()).syncNow();\n            if (this.#kept !== this.reader.firstSeq)',
        replace: 'this.#toSyncNow(reader.opened()).syncNow();\n            if (this.#kept === undefined)',
      },
    ],
    caughtBy: { by: 'crash', workload: 'rotation' },
  },
  {
    name: 'durable-segment-once',
    rule: 'a durable follower makes each segment safe that it goes on to',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'file/log-reader',
        find: 'if (this.#safe !== firstSeq)',
        replace: 'if (this.#safe === undefined)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/durable-follow',
      test: 'a durable follower that goes on to a segment of which a sync failed delivers nothing of it',
      because: 'no workload follows a log whose sync failed',
    },
  },
  {
    name: 'interruption-untold',
    rule: 'who hears a tail is told where the next line does not follow the one before',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'log/tail', find: 'listener.interrupted();', replace: ';' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-meanwhile',
      test: 'a writer and a table that slept through compactions go on; the table loads the snapshot silently',
      because: 'the simulation did not show it',
    },
  },
  {
    name: 'interruption-unheard',
    rule: 'lines that were heard before an interruption are not those that lead to the head',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'table/catch-up-buffer',
        find: 'interrupted() {\n        this.#lines = [];\n        this.#bytes = 0;',
        replace: 'interrupted() {',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/table',
      test: 'of the lines that a tail tells, those before an interruption are not kept',
      because: 'a replacement would have to come while a table catches up',
    },
  },
  {
    name: 'empty-segment-counts',
    rule: 'a segment without a byte is no part of what leads to the end',
    told: 'ARCHITECTURE: Compaction and copies',
    edits: [{ file: 'layout/layout', find: 'seq <= base && !isEmpty(seq)', replace: 'seq <= base' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'an empty segment that is named in the middle of another hides nothing of that one',
      because: 'only a replaced log leaves such a name',
    },
  },
  {
    name: 'speculation-of-another-round',
    rule: 'a write that is made anew is decided on what precedes it now, not on what did before',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/speculation', find: ' || this.#round !== preceding.round', replace: '' }],
    caughtBy: {
      by: 'test',
      file: 'table/transaction-overtaken',
      test: 'transactions of one write that somebody comes before are decided again, each on those before it',
      because: 'in the workload that is overtaken each increment has a table of its own',
    },
  },
];
