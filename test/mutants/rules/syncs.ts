import type { Mutant } from '../mutant.ts';

const DURABLE = {
  by: 'test',
  file: 'log/durable-follow',
  test: 'a durable follower syncs once where the last of the records that it read is not said to be synced',
  because: 'the crash explorer’s writers know either of all records that they are synced, or of none',
} as const;

/** Where durable followers sync, and what a failed sync leaves word of. */
export const SYNCS: readonly Mutant[] = [
  {
    name: 'durable-by-the-last-read-alone',
    rule: 'a durable follower syncs a segment at each read of it that brings records',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'file/log-reader',
        find: 'if (isOpen)\n                await this.#syncFile();',
        replace: 'if (reader.state !== undefined)\n                await this.#syncFile();',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/durable-follow',
      test: 'a durable follower syncs what it read of a segment that takes more than one read',
      because: 'no segment of a workload or a simulated world is longer than a read',
    },
  },
  {
    name: 'marker-unseen-past-the-segment',
    rule: 'a durable follower looks for the marker of a failed sync of what it read, also where the next segment is there',
    told: 'DURABILITY: The two durabilities',
    edits: [
      {
        file: 'file/log-reader',
        find: 'if (this.#safe !== firstSeq)',
        replace: 'if (isOpen && this.#safe !== firstSeq)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/durable-follow',
      test: 'a durable follower delivers nothing of a segment of which a sync failed, though the next is there',
      because: 'no workload follows a log whose sync failed',
    },
  },
  {
    name: 'durable-by-the-first-record',
    rule: 'a durable follower syncs where the last record that it read may be unsynced',
    told: 'DURABILITY: The two durabilities',
    edits: [{ file: 'log/reading', find: 'records.at(-1)', replace: 'records[0]' }],
    caughtBy: DURABLE,
  },
  {
    name: 'durable-one-past',
    rule: 'what lines say is synced goes up to the entry that they name, and no further',
    told: 'DURABILITY: The two durabilities',
    edits: [{ file: 'log/reading', find: '.seq > feed.synced', replace: '.seq > feed.synced + 1' }],
    caughtBy: DURABLE,
  },
  {
    name: 'marker-names-the-newer-segment',
    rule: 'wal.failed-sync names the segment whose sync failed, not the one that the Wal has gone on to',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'file/log-end',
        find: 'markFailedSync(storage, directory, firstSeq);',
        replace: 'markFailedSync(storage, directory, this.reader.firstSeq);',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/failed-sync',
      test: 'a segment of which a sync failed is left word of, also where the Wal has gone on to the next by then',
      because: 'no workload goes on to the next segment while a sync is under way that fails',
    },
  },
  {
    name: 'marker-read-by-its-last-line',
    rule: 'where syncs of several segments failed, all from the first of them on are written over',
    told: 'DURABILITY: When an append is rejected',
    edits: [{ file: 'layout/failed-sync', find: 'Math.min(least, seqOf(line))', replace: 'seqOf(line)' }],
    caughtBy: {
      by: 'test',
      file: 'file/failed-sync',
      test: 'where syncs of several segments failed, all from the first of them on are made safe',
      because: 'no workload has syncs of two segments fail',
    },
  },
  {
    name: 'healed-without-the-directory',
    rule: 'the marker of a failed sync goes only when the directory was synced, too',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'layout/failed-sync',
        find: 'segmentName(seq)));\n            storage.syncDirectory(directory);',
        replace: 'segmentName(seq)));',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/failed-sync',
      test: 'the marker of a failed sync goes only when the segments and the directory were synced',
      because: 'no failed sync of a simulated directory loses names for good',
    },
  },
];
