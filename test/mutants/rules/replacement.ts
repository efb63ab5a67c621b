import type { ByTest, Mutant } from '../mutant.ts';

/** A test of `git` in which a copy takes the log's place during a sync. */
function copied(seen: string): ByTest {
  return {
    by: 'test',
    file: 'repair/git',
    test: `an append whose log gives way to a copy of it is synced there, too: ${seen}`,
    because: 'what replaces a log in a workload, or in a simulated world, is synced',
  };
}

/** A test of what other code of the same process does while a Wal waits. */
function byMeanwhile(test: string): ByTest {
  const because = 'no world of the simulation has come to just that';
  return { by: 'test', file: 'log/replaced-meanwhile', test, because };
}

/** A checkout, merge or restore under an open Wal. */
export const REPLACEMENT: readonly Mutant[] = [
  {
    name: 'no-look-after-sync',
    rule: 'after the sync the path is looked at once more, before the acknowledgement',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'log/appender',
        find: 'blocks ? store.files?.blocking.confirm(tail) : store.confirm(tail)',
        replace: 'undefined',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'inode-not-compared',
    rule: 'a file that another took the place of is noticed',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/segments',
        find: 'now !== undefined && was !== undefined && now.inode === was.inode && now.device === was.device',
        replace: 'now !== undefined && was !== undefined',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'confirmed-by-its-path',
    rule: 'before an acknowledgement the last line is read again, to the byte',
    told: 'DURABILITY: What this rests on',
    edits: [
      {
        file: 'file/segments',
        find: 'known > 0 && this.#readAgain(state, known) > 0',
        replace: "this.whereabouts() === 'here'",
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/last-newline',
      test: 'a newline that is taken while an append is synced is there again when it is acknowledged',
      because: 'the simulation rewrites a log between its calls, and not while one is synced',
    },
  },
  {
    name: 'confirmed-by-its-descriptor',
    rule: 'before an acknowledgement the path is looked at',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/segments',
        find: "this.file === undefined || this.whereabouts() !== 'here'",
        replace: 'this.file === undefined',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'rewrite-in-place-unseen',
    rule: 'a file that was rewritten in place is noticed by the crc of its last line',
    told: 'DURABILITY: What this rests on',
    edits: [
      {
        file: 'file/segments',
        find: "count >= CRC_END && bytes.toString('latin1', CRC_OFFSET, CRC_END) === anchor?.crc",
        replace: 'true',
      },
      {
        file: 'file/segments',
        find: 'if (!isLineOf(this.#chunk, known + count, anchor?.crc))',
        replace: 'if (false)',
      },
      {
        file: 'file/segments',
        find: 'count >= known && isLineOf(this.#chunk, known, anchor?.crc)',
        replace: 'true',
      },
    ],
    caughtBy: { by: 'crash', workload: 'rewritten' },
  },
  {
    name: 'synced-of-another-file',
    rule: 'what was synced in a file that was replaced is not claimed of the next',
    told: 'FORMAT: Lines',
    edits: [
      {
        file: 'log/tail',
        find: 'this.synced = 0;\n        this.syncedHere = 0;\n        this.#observer',
        replace: 'this.#observer',
      },
    ],
    caughtBy: { by: 'crash', workload: 'replaced' },
  },
  {
    name: 'long-last-line-not-compared',
    rule: 'a rewrite in place is noticed by the last line, also where that is longer than a read',
    told: 'DURABILITY: What this rests on',
    edits: [
      {
        file: 'file/segments',
        find: 'return this.#beginsAsRead(this.#crc, readFully(this.opened(), this.#crc, state.anchor.offset))',
        replace: 'return true',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/git',
      test: 'a long last line rewritten in place, in equal length, is noticed: nothing is built on it',
      because: 'no line of a workload or a simulated world is longer than half a read',
    },
  },
  {
    name: 'confirmed-of-another-epoch',
    rule: 'what was found again in the file that took the log’s place is synced there before it is acknowledged',
    told: 'FORMAT: What a writer must do',
    edits: [
      { file: 'log/appender', find: 'pending.epoch !== epoch', replace: 'pending.epoch === undefined' },
    ],
    caughtBy: copied('by the look after the sync'),
  },
  {
    name: 'sync-ends-in-another-epoch',
    rule: 'a sync that began before the log was replaced says nothing of the file that lies there when it ends',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'log/appender',
        find: 'if (epoch === tail.epoch)',
        replace: '',
      },
    ],
    caughtBy: copied('before the sync ends'),
  },
  {
    name: 'reads-on-in-the-old-file',
    rule: 'who waited while a log was replaced reads what lies there now',
    told: 'ARCHITECTURE: The way of an append',
    edits: [
      {
        file: 'file/log-end',
        find: 'if (reader !== this.reader)\n                        continue again;',
        replace: '',
      },
    ],
    caughtBy: byMeanwhile('who reads on after other code found the log replaced reads what lies there now'),
  },
  {
    name: 'replaced-twice',
    rule: 'two that find a log replaced at the same time take it for one replacement',
    told: 'ARCHITECTURE: The way of an append',
    edits: [{ file: 'file/log-end', find: 'if (reader !== this.reader)\n            return;', replace: '' }],
    caughtBy: byMeanwhile('two that find a log replaced at the same time take it for one replacement'),
  },
  {
    name: 'state-of-an-older-file',
    rule: 'a table is loaded up to the head of its log',
    told: 'ARCHITECTURE: State',
    edits: [{ file: 'table/replica', find: ' || state.seq !== head.seq', replace: '' }],
    caughtBy: byMeanwhile(
      'a table that was loaded from an older file, which was there for a moment, is loaded again',
    ),
  },
  {
    name: 'old-end-kept',
    rule: 'where a log ended that was replaced says nothing of the one that lies there now',
    told: 'FORMAT: Lines',
    edits: [{ file: 'log/tail', find: 'this.at = undefined;', replace: '' }],
    caughtBy: byMeanwhile(
      'a log replaced by a shorter one that is still being read: what the old one ended with is not said to be synced',
    ),
  },
  {
    name: 'set-aside-unrefused',
    rule: 'what may be in the part of a log that is not read is not appended again, whatever it waits for',
    told: 'ARCHITECTURE: The way of an append',
    edits: [{ file: 'log/appender', find: ', ...this.queue.aside', replace: '' }],
    caughtBy: byMeanwhile(
      'a transaction that waits for its table while the log is replaced by one that may hold it: unknown, and not doubled',
    ),
  },
  {
    name: 'swapped-over-wal-json',
    rule: 'a salvage that is gone on with changes nothing where wal.json was put back',
    told: 'FORMAT: Files',
    edits: [
      {
        file: 'repair/replacement',
        find: "throw new WalError('ERR_WAL_CONFLICT', message);",
        replace: '',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair-crash',
      test: 'wal.json put back, and appended to, while a salvage that was cut short is gone on with: nothing is lost',
      because: 'in the simulation a checkout before such a salvage is undone',
    },
  },
];
