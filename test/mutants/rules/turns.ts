import type { Mutant } from '../mutant.ts';

/** Numbers, windows and expectations in the write turn. */
export const TURNS: readonly Mutant[] = [
  {
    name: 'any-head-meets',
    rule: 'an expectation names the number of the head',
    told: 'ARCHITECTURE: The way of an append',
    edits: [{ file: 'log/pending', find: 'head.seq === seq', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/append',
      test: 'of appends called at once with one expectation in one process, exactly one wins',
      because: 'what the workloads expect names the crc, too',
    },
  },
  {
    name: 'any-crc-meets',
    rule: 'an expectation may name the crc of the head',
    told: 'ARCHITECTURE: The way of an append',
    edits: [{ file: 'log/pending', find: 'crc === head.crc', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/append',
      test: 'an expectation of the head’s number with another crc is a conflict',
      because: 'heads of one number and of different crcs are rare in the workloads',
    },
  },
  {
    name: 'last-entry-unsynced',
    rule: 'an append is synced unless a sync of this Wal covered its entry',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'log/appender',
        find: 'this.#landedTo > tail.syncedHere',
        replace: 'this.#landedTo > tail.syncedHere + 1',
      },
    ],
    caughtBy: { by: 'crash', workload: 'append' },
  },
  {
    name: 'first-landed-alone-counts',
    rule: 'an append is synced whatever landed before it in the same turn, such as one that its key answers',
    told: 'DURABILITY: The two durabilities',
    edits: [{ file: 'log/appender', find: 'seq > this.#landedTo', replace: 'this.#landedTo === 0' }],
    caughtBy: {
      by: 'test',
      file: 'file/disk-trouble',
      test: 'an append that lands behind one that its key answers is synced before it is acknowledged',
      because: 'no workload calls the two at once',
    },
  },
  {
    name: 'forgotten-at-the-edge',
    rule: 'a key at the window’s edge is not forgotten while it may be asked for',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/keys', find: 'lastOf(each) >= first', replace: 'lastOf(each) > first' }],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'of the last entries of a window the first has its key found, and none before: nothing',
      because: 'it shows at the very edge of a window alone',
    },
  },
  {
    name: 'one-entry-not-read-back',
    rule: 'older keys are read wherever the window reaches past what was read',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'log/keys',
        find: 'return this.since > firstInScope(this.scope, head);',
        replace: 'return this.since > firstInScope(this.scope, head) + 1;',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'a raised window holds for every writer, and brings back no key that was out of it: open then',
      because: 'it shows at the very edge of a window alone',
    },
  },
  {
    name: 'lowest-place-forgotten',
    rule: 'where an append once was, under its lowest number, is remembered through replacements',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      { file: 'log/pending', find: 'Math.min(this.lowestSeq, this.seq)', replace: 'this.seq' },
      { file: 'log/appender', find: ' && seq < pending.lowestSeq', replace: '' },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/compact-replaced',
      test: 'an append whose log is replaced, and put back once it was appended again, is told as unknown where the first is not read',
      because: 'a log that the simulation replaces is one segment, all of which is read',
    },
  },
  {
    name: 'hidden-written-again',
    rule: 'an append that may be in a part that is not read is not written again',
    told: 'DURABILITY: When an append is rejected',
    edits: [{ file: 'log/appender', find: 'pending.lowestSeq >= firstSeq', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-replaced',
      test: 'an append whose log was replaced by one that may hold it in a segment that is not read is told as unknown',
      because: 'a log that the simulation replaces is one segment, all of which is read',
    },
  },
  {
    name: 'empty-segment-sealed',
    rule: 'a segment is sealed only if it has entries',
    told: 'FORMAT: What a writer must do',
    edits: [{ file: 'log/group', find: 'this.tip.seq < tail.firstSeq', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact-steps',
      test: 'where a segment has no entries there is nothing to seal, and it stays as it is',
      because: 'readers pass over such a seal: it is written in vain',
    },
  },
  {
    name: 'expectation-in-this-write-refused',
    rule: 'an expectation that this very write may meet is decided once it has landed',
    told: 'ARCHITECTURE: The way of an append',
    edits: [{ file: 'log/group', find: 'expect.seq > head.seq', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'log/append',
      test: 'a chain of expectations called at once goes through in order, up to the one that does not fit',
      because: 'no process of the simulation expects what it has not seen',
    },
  },
  {
    name: 'keys-kept-across-a-gap',
    rule: 'keys are not remembered from before what a compaction took away',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/tail', find: 'firstSeq !== this.head.seq + 1', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'a writer that slept through compactions finds the key that others gave again, not the one it remembers',
      because: 'the named test goes just there; a search seldom does',
    },
  },
];
