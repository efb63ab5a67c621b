import type { Mutant } from '../mutant.ts';

/** What mends a damaged log. */
export const MENDING: readonly Mutant[] = [
  {
    name: 'salvage-reads-once',
    rule: 'a salvage reads a line to its end, however short the reads are',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'recovery/rebuild',
        find: 'readFully(this.#file.file, bytes, offset)',
        replace: 'this.#file.file.read(bytes, offset)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/short-reads',
      test: 'a salvage on a disk that gives half of what is asked for keeps every whole line',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'salvage-drops-beyond',
    rule: 'a salvage keeps entries beyond the damage',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'format/lineage',
        find: 'grown[i] === true || (first.has(i) && !overtaken)',
        replace: 'false',
      },
    ],
    caughtBy: { by: 'crash', workload: 'salvage' },
  },
  {
    name: 'salvage-fills-nothing',
    rule: 'a salvage keeps the numbers of what comes after lost entries',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      { file: 'recovery/rebuild', find: 'this.#fillBefore(line, -early);', replace: 'this.#shift += early;' },
    ],
    caughtBy: { by: 'crash', workload: 'salvage' },
  },
  {
    name: 'salvage-forgets-latecomers',
    rule: 'what was acknowledged while a salvage went on is looked for in the original',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'repair/salvage',
        find: '!== source.survey.bytes)',
        replace: '!== source.survey.bytes && false)',
      },
    ],
    caughtBy: { by: 'crash', workload: 'salvage while others write' },
  },
  {
    name: 'tail-buries',
    rule: 'a record at the end that would bury entries is refused',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'repair/tail-repair', find: 'if (count === 0)', replace: 'if (true)' }],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'the tail: entries that are proven to be missing are settled; what could still be read beyond is not buried',
      because: 'a tail repair that verifies the log once more is refused, too, but the record is there',
    },
  },
  {
    name: 'tail-mends-in-vain',
    rule: 'a record at the end is refused where a segment does not lead on to the next',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'repair/tail-repair', find: '!isOpen || !isWhole', replace: '!isOpen' }],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'the tail: refused where the seal of an earlier segment is damaged, and no byte changes',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'tail-overtaken-says-mended',
    rule: 'a record at the end that others came before is no repair: it is a conflict',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'repair/tail-repair', find: 'tail.tip.link !== group.tip.link', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'repair/tail-overtaken',
      test: 'a tail repair that another repair comes before is a conflict, and the log is whole',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'salvage-brings-leftovers-back',
    rule: 'what a crash left, and the log went on without, takes no number from an entry that counts',
    told: 'DURABILITY: When a log is damaged',
    edits: [{ file: 'recovery/survey', find: 'leftBehind(items)', replace: '[]' }],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'lines that a crash left, and that the log went on without, take no number from an entry that counts',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'salvage-keeps-the-overtaken-copy',
    rule: 'of a line that was overtaken and written again, the copy that was written last counts',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'format/lineage',
        find: 'after.seq > before.seq',
        replace: 'after.seq < before.seq',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/lineage',
      test: 'an overtaken line, by the line before it, is kept where it was written again, though what overtook it is lost',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'compacted-taken-for-lost',
    rule: 'a line that a crash left in the first segment proves nothing of what was compacted away before it',
    told: 'DURABILITY: After a merge conflict',
    edits: [
      {
        file: 'format/passed-over',
        find: 'head = Math.max(head, (segmentSeq(segment) ?? 1) - 1);',
        replace: '',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/lineage',
      test: 'a line that a crash left in the first segment proves nothing of what was compacted away',
      because: 'only a crash in the recovery from another leaves it',
    },
  },
  {
    name: 'branch-unseen',
    rule: 'verify tells of whole lines that do not count and that a salvage would bring back',
    told: 'DURABILITY: After a merge conflict',
    edits: [{ file: 'log/verify', find: '|| !mayPassOver)', replace: '|| true)' }],
    caughtBy: {
      by: 'test',
      file: 'log/verify',
      test: 'a line deleted from a group: nothing tells whether it had been acknowledged, and the rest can be brought back',
      because: 'no crash takes a line out of the middle of a file',
    },
  },
  {
    name: 'lone-line-unseen',
    rule: 'verify looks for entries in a line that follows none of those that count',
    told: 'DURABILITY: After a merge conflict',
    edits: [
      {
        file: 'log/verify',
        find: '(line.seq === seq && line.prev === prev) || (line.next === seq && line.crc === prev)',
        replace: 'true',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/brought-back',
      test: 'a last line that follows none that is here, with the next number: verify says so, and it comes back',
      because: 'no crash takes a line out of the middle of a file',
    },
  },
  {
    name: 'salvage-ends-unsaid',
    rule: 'a salvage that is over is not gone on with, though its marker stays and wal.json is lost: what came since is kept',
    told: 'FORMAT: Files',
    edits: [
      {
        file: 'repair/replacement',
        find: "phase === 'replacing' ? 'within' : 'ending'",
        replace: "'within'",
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'a salvage is cut short once the log is open again, which loses wal.json later: entries since are kept',
      because: 'a simulated world seldom loses wal.json just then',
    },
  },
  {
    name: 'first-line-not-corrected',
    rule: 'a salvage puts one wrong byte of the first line of a snapshot right',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'recovery/salvage-snapshots',
        find: 'header ?? headerIn(storage, directory, seq, log)',
        replace: 'header',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'a snapshot with a flipped bit in its first line, and nothing before it: a salvage loses nothing',
      because: 'no crash flips a bit',
    },
  },
  {
    name: 'renamed-snapshot-salvaged',
    rule: 'a salvage takes no snapshot for that of another number',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'recovery/repair-snapshot', find: 'header?.head.seq === seq', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'a snapshot under the name of another, and nothing before it: a salvage tells what is lost',
      because: 'no crash and no writer renames a snapshot',
    },
  },
  {
    name: 'failed-sync-unheard',
    rule: 'a sync that blocks hears of the failure of one in the background',
    told: 'DURABILITY: What this rests on',
    edits: [{ file: 'file/log-end', find: 'if (this.#syncing !== file)', replace: 'if (true)' }],
    caughtBy: {
      by: 'test',
      file: 'file/failed-sync',
      test: 'appendSync while a failed sync has not been heard of yet: unknown, as what that was for',
      because: 'in a simulated world nothing runs between the failure of a sync and its being heard of',
    },
  },
  {
    name: 'salvage-end-unmarked',
    rule: 'the marker says that a salvage ends before wal.json is back',
    told: 'FORMAT: Files',
    edits: [
      { file: 'repair/replacement', find: "mark(storage, directory, swap, 'ending', token);", replace: '' },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair',
      test: 'a salvage is cut short once the log is open again, which loses wal.json later: entries since are kept',
      because: 'a simulated world seldom loses wal.json just then',
    },
  },
  {
    name: 'salvage-goes-on-though-open',
    rule: 'a salvage replaces no more files of a log whose wal.json somebody put back',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'repair/replacement',
        find: 'path) === undefined)\n        return;\n    const message',
        replace: 'path) !== null)\n        return;\n    const message',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair-crash',
      test: 'wal.json put back, and appended to, while a salvage that was cut short is gone on with: nothing is lost',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'salvage-end-not-finished',
    rule: 'a salvage that was cut short as it ended is ended by the next, with its own wal.json',
    told: 'FORMAT: Files',
    edits: [
      {
        file: 'repair/replacement',
        find: 'if (storage.look(join(from, META_FILE)) !== undefined)',
        replace: 'if (false)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'repair/repair-crash',
      test: 'a salvage that goes on with one that was cut short, and crashes at any moment, too: the next ends it, and the id stays',
      because: 'few worlds of the simulation come to just that',
    },
  },
];
