import type { Mutant } from '../mutant.ts';

/** Segments, snapshots, compaction, copies. */
export const FILES: readonly Mutant[] = [
  {
    name: 'log-name-unsynced',
    rule: 'all directories made for a log are kept before its first segment is made',
    told: 'DURABILITY: The two durabilities',
    edits: [
      { file: 'layout/log-directory', find: 'syncUpwards(storage, directory, making.made);', replace: '' },
    ],
    caughtBy: { by: 'crash', workload: 'first open' },
  },
  {
    name: 'segment-name-unsynced',
    rule: 'the directory is synced before the first acknowledgement in a segment',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/log-end',
        find: 'syncNames(storage, directory, this.#kept === undefined);',
        replace: '',
      },
    ],
    caughtBy: { by: 'crash', workload: 'rotation' },
  },
  {
    name: 'next-segment-before-sync',
    rule: 'a segment is synced through its seal before the next gets its name',
    told: 'FORMAT: What a writer must do',
    edits: [{ file: 'file/write-turn', find: 'end.syncNow();', replace: '' }],
    caughtBy: { by: 'crash', workload: 'unsynced' },
  },
  {
    name: 'sleeper-revives-segment',
    rule: 'who makes a segment looks whether a snapshot stands for it already',
    told: 'ARCHITECTURE: Compaction and copies',
    edits: [
      {
        file: 'file/segments',
        find: 'if (stray === undefined && snapshots.length === 0)',
        replace: 'if (true)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/compact-steps',
      test: 'a writer that sleeps before it makes the next segment, until that was made, filled and compacted away, writes behind the snapshot',
      because: 'a process would have to be stopped inside a synchronous stretch',
    },
  },
  {
    name: 'snapshot-unsynced',
    rule: 'a snapshot is synced before it gets its name',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'layout/snapshots',
        find: '            }\n            await file.sync();\n',
        replace: '            }\n',
      },
    ],
    caughtBy: { by: 'crash', workload: 'compaction' },
  },
  {
    name: 'snapshot-name-unsynced',
    rule: 'the name of a snapshot is kept before anything is deleted for it',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'layout/snapshots',
        find: 'throw error;\n        }\n        storage.syncDirectory(directory);',
        replace: 'throw error;\n        }',
      },
      {
        file: 'file/trim',
        find: 'if (needless.length > 0)\n            storage.syncDirectory(directory);\n        for',
        replace: 'for',
      },
    ],
    caughtBy: { by: 'crash', workload: 'compaction' },
  },
  {
    name: 'others-snapshot-name-unsynced',
    rule: 'the name of a snapshot that another process made is kept before anything is deleted for it',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'file/trim',
        find: 'if (needless.length > 0)\n            storage.syncDirectory(directory);\n        for',
        replace: 'for',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/compact-steps',
      test: "another's snapshot is found: its name is synced before anything is deleted for it",
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'snapshot-unread',
    rule: 'a snapshot is read back before it gets its name',
    told: 'FORMAT: Snapshots',
    edits: [
      { file: 'layout/snapshots', find: 'for (const _ of bodyIn(storage, temporary, header))', replace: '' },
    ],
    caughtBy: { by: 'crash', workload: 'spoilt snapshot' },
  },
  {
    name: 'too-much-deleted',
    rule: 'only what a snapshot stands for is deleted',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'file/trim', find: 'first <= seq)', replace: 'first <= seq + 1)' }],
    caughtBy: { by: 'crash', workload: 'compaction' },
  },
  {
    name: 'keys-not-compacted',
    rule: 'a snapshot holds the keys that may still be asked for',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'table/compact',
        find: 'return waiting(olderKeys(store, firstInScope(keys, seq), seq + 1), () => clock.yield());',
        replace: 'return [];',
      },
    ],
    caughtBy: { by: 'crash', workload: 'keys' },
  },
  {
    name: 'any-fold-compacts',
    rule: 'a log that one fold compacted is refused to another',
    told: 'ARCHITECTURE: Compaction and copies',
    edits: [
      {
        file: 'table/compact',
        find: 'if (recorded === undefined || (recorded.name === fold.name && recorded.version <= fold.version))',
        replace: 'if (true)',
      },
    ],
    caughtBy: { by: 'crash', workload: 'folds' },
  },
  {
    name: 'any-fold-goes-on',
    rule: 'a state is gone on from only by the fold that made it',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'table/load',
        find: 'return fold.name === name && fold.version === version && ',
        replace: 'return ',
      },
    ],
    caughtBy: { by: 'crash', workload: 'folds' },
  },
  {
    name: 'copy-unsynced',
    rule: 'a backup is synced before it gets its name',
    told: 'DURABILITY: What a backup promises',
    edits: [{ file: 'layout/staging', find: 'storage.syncDirectory(this.path);', replace: '' }],
    caughtBy: { by: 'crash', workload: 'backup' },
  },
  {
    name: 'copy-unverified',
    rule: 'a backup is verified before it gets its name',
    told: 'DURABILITY: What a backup promises',
    edits: [
      {
        file: 'copy/backup',
        find: 'if (!keeps)',
        replace: 'if (false)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/backup',
      test: "a log is not backed up where a segment in the middle is missing; onDamage: 'keep' keeps the copy, and says so",
      because: 'nothing takes a segment away in the simulation',
    },
  },
  {
    name: 'network-allowed',
    rule: 'a network file system is refused unless allowNetwork is given',
    told: 'DURABILITY: What this rests on',
    edits: [{ file: 'file/open', find: "if (kind === 'network' && !allowNetwork)", replace: 'if (false)' }],
    caughtBy: {
      by: 'test',
      file: 'log/open',
      test: 'a network file system is refused without allowNetwork, and nothing is made there',
      because: 'it is about the real file system',
    },
  },
];
