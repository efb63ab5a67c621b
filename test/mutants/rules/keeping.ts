import type { Mutant } from '../mutant.ts';

/** What is on the disk before it is acknowledged. */
export const KEEPING: readonly Mutant[] = [
  {
    name: 'heal-writes-what-it-reads',
    rule: 'after a failed sync whole lines only are written over: zeros may be a line on its way',
    told: 'FORMAT: Files',
    edits: [
      {
        file: 'layout/failed-sync',
        find: 'of wholeLines(bytes, end)',
        replace: 'of [{ from: 0, to: bytes.length }]',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/failed-sync',
      test: 'healing writes whole lines only, and their newlines: not what it read as zeros, torn or unended',
      because: 'few worlds heal while a line is on its way: it shows in one of forty',
    },
  },
  {
    name: 'no-sync',
    rule: 'an append is synced before it is acknowledged',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'log/appender',
        find: "durability === 'sync' && this.#landedTo",
        replace: 'false && this.#landedTo',
      },
    ],
    caughtBy: { by: 'crash', workload: 'append' },
  },
  {
    name: 'sync-before-write',
    rule: 'the sync that an append waits for begins after its write',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'log/appender',
        find: "durability === 'sync' && this.#landedTo",
        replace: 'false && this.#landedTo',
      },
      {
        file: 'file/write-turn',
        find: 'written = file.append(torn',
        replace: 'file.syncNow();\n            written = file.append(torn',
      },
    ],
    caughtBy: { by: 'crash', workload: 'append' },
  },
  {
    name: 'synced-at-the-end',
    rule: 'a line claims as synced what was read when the sync began, not when it ended',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'log/appender',
        find: 'tail.raiseSynced(head.seq);\n            }',
        replace: '{ await store.catchUp(tail); tail.raiseSynced(tail.head.seq); }\n            }',
      },
    ],
    caughtBy: { by: 'crash', workload: 'unequal' },
  },
  {
    name: 'synced-without-sync',
    rule: 'opening syncs the last segment before a line claims that it is synced',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'log/appender',
        find: 'await store.sync(false);',
        replace: '',
      },
    ],
    caughtBy: { by: 'crash', workload: 'opened again' },
  },
  {
    name: 'sync-tried-again',
    rule: 'a failed sync is never tried again',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'file/log-end',
        find: 'await file.sync();',
        replace: 'await file.sync().catch(() => file.sync());',
      },
      {
        file: 'file/log-end',
        find: 'this.#toSyncNow(reader.opened()).syncNow();',
        replace: 'try { reader.opened().syncNow(); } catch { reader.opened().syncNow(); }',
      },
    ],
    caughtBy: { by: 'crash', workload: 'failed sync' },
  },
  {
    name: 'no-latch',
    rule: 'after a failed sync the Wal appends nothing more',
    told: 'DURABILITY: When an append is rejected',
    edits: [{ file: 'log/appender', find: '        this.failure = error;\n', replace: '' }],
    caughtBy: { by: 'crash', workload: 'failed sync' },
  },
  {
    name: 'no-word-of-failed-sync',
    rule: 'a Wal whose sync failed leaves wal.failed-sync',
    told: 'DURABILITY: When an append is rejected',
    edits: [{ file: 'file/log-end', find: 'markFailedSync(storage, directory, firstSeq);', replace: ';' }],
    caughtBy: { by: 'crash', workload: 'failed sync' },
  },
  {
    name: 'word-of-failed-sync-unheard',
    rule: 'who finds wal.failed-sync writes the segment over before building on it',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'layout/failed-sync',
        find: 'let before = storage.look(marker); before !== undefined;',
        replace: 'let before; before !== undefined;',
      },
    ],
    caughtBy: { by: 'crash', workload: 'failed sync' },
  },
  {
    name: 'synced-once-more',
    rule: 'after a failed sync the bytes are written over before they are synced: a sync alone does nothing',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'layout/failed-sync',
        find: 'file.writeAt(Buffer.concat([before, bytes.subarray(from, to)]), offset + from - before.length);',
        replace: '',
      },
    ],
    caughtBy: { by: 'crash', workload: 'failed sync' },
  },
  {
    name: 'durable-follower-unsynced',
    rule: 'who follows what is durable syncs it first',
    told: 'DURABILITY: The two durabilities',
    edits: [{ file: 'log/reading', find: 'await this.#reader.sync();', replace: ';' }],
    caughtBy: { by: 'crash', workload: 'durable follower' },
  },
  {
    name: 'durable-follower-name-unsynced',
    rule: 'who follows what is durable syncs the name of the segment, too',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'file/log-reader',
        find: 'syncNames(storage, directory, this.#safe === undefined);',
        replace: '',
      },
    ],
    caughtBy: { by: 'crash', workload: 'durable follower' },
  },
  {
    name: 'meta-unsynced',
    rule: 'wal.json is synced before it gets its name',
    told: 'FORMAT: Files',
    edits: [{ file: 'storage/files', find: 'file.syncNow();', replace: '' }],
    caughtBy: { by: 'crash', workload: 'first open' },
  },
  {
    name: 'meta-made-anew',
    rule: 'wal.json missing beside segments is never made anew',
    told: 'FORMAT: Files',
    edits: [
      {
        file: 'layout/log-directory',
        find: "throw new WalError('ERR_WAL_FORMAT', ",
        replace: "return undefined;\n    throw new WalError('ERR_WAL_FORMAT', ",
      },
    ],
    caughtBy: { by: 'crash', workload: 'losses' },
  },
  {
    name: 'misdated-lost',
    rule: 'a salvage keeps entries whose line lacks nothing but a whole date',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'format/verdict', find: 'readable && { readable }', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'log/outside-values',
      test: 'a salvage keeps lines whose clock told no whole number, each with a whole date',
      because: 'no engine writes such lines',
    },
  },
  {
    name: 'head-line-by-its-crc',
    rule: 'a change in place of the last line is noticed, also where its checksum stays',
    told: 'DURABILITY: What this rests on',
    edits: [
      {
        file: 'format/line',
        find: 'crc32(bytes.subarray(COVERED_OFFSET, end)) === Number.parseInt(crc, 16));',
        replace: 'true);',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/git',
      test: 'the last line changed in place, its checksum kept, is noticed: nothing is built on it',
      because: 'the simulation replaces lines by whole ones',
    },
  },
  {
    name: 'snapshot-ends-cursors',
    rule: 'who has read the last entry before a snapshot goes on after it',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'log/reader', find: 'head.seq === seq && head.crc === crc', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'the cursor of the last entry before a snapshot leads on, though its entry is gone; one before that does not',
      because: 'followers in the simulation that find their place compacted away begin anew',
    },
  },
  {
    name: 'live-temporary-deleted',
    rule: 'a compaction deletes no temporary file whose maker may live',
    told: 'DURABILITY: What a crash leaves, and what becomes of it',
    edits: [
      {
        file: 'file/trim',
        find: 'mayBeInTheMaking(name, storage.maker.host, (pid) => storage.isGone(pid))',
        replace: 'false',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'table/compact-meanwhile',
      test: 'a compactor whose clock is ahead leaves another’s temporary file alone, and takes away one whose maker is gone',
      because: 'a snapshot that is taken away before it has its name is only made again',
    },
  },
];
