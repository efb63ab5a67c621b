import type { Mutant } from '../mutant.ts';

/** Numbers and checksums of lines, and of what is read. */
export const NUMBERS: readonly Mutant[] = [
  {
    name: 'start-by-any-line',
    rule: 'a segment starts after what its first line with the segment’s number names',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'line.seq === this.firstSeq)', replace: 'true)' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "superseded" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'seal-of-nothing-counts',
    rule: 'a segment without entries is never sealed',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'line.seq === this.firstSeq;', replace: 'false;' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "superseded" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'next-number-stranded',
    rule: 'a line with the next number that follows another line is superseded',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'line.seq <= next', replace: 'line.seq < next' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "superseded" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'missing-range-lowered',
    rule: 'of what is missing a later line raises the end, and never lowers it',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'line.synced <= (this.missing?.to ?? 0)', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "missing" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'synced-of-itself',
    rule: 'no line says of itself that it is synced',
    told: 'FORMAT: Lines',
    edits: [
      { file: 'format/read-line', find: 'synced >= seq', replace: 'synced > seq' },
      {
        file: 'format/read-line',
        find: 'if (seq <= synced)\n        return',
        replace: 'if (seq < synced)\n        return',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "damaged" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'plain-crc-unchecked',
    rule: 'a line whose checksum is not right does not count, also where it is read the quick way',
    told: 'FORMAT: Lines',
    edits: [
      {
        file: 'format/read-line',
        find: 'crc32(bytes.subarray(start + COVERED_OFFSET, end)) !== Number.parseInt(crc, 16)',
        replace: 'false',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "damaged" get the verdicts they name, however they are cut into reads',
      because: 'a torn or lost write mostly breaks the line’s form, too',
    },
  },
  {
    name: 'crc-unchecked',
    rule: 'a line whose checksum is not right does not count',
    told: 'FORMAT: Lines',
    edits: [
      {
        file: 'format/line',
        find: 'claimed === crc32(bytes.subarray(start + COVERED_OFFSET, end))',
        replace: 'true',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "damaged" get the verdicts they name, however they are cut into reads',
      because: 'a torn or lost write mostly breaks the line’s form, too',
    },
  },
  {
    name: 'list-of-anything',
    rule: 'a batch is its list alone, or is parsed whole',
    told: 'FORMAT: Lines',
    edits: [{ file: 'format/line-body', find: 'bytes[end - 1] !== CLOSING_BRACKET', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'format/format-properties',
      test: 'a batch that is parsed in pieces has the entries that its whole text has, and otherwise is none',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'all-ascii',
    rule: 'a line’s text is its bytes only where they are ASCII',
    told: 'FORMAT: Lines',
    edits: [{ file: 'format/scan', find: 'const ascii = isAscii(bytes)', replace: 'const ascii = true' }],
    caughtBy: {
      by: 'test',
      file: 'format/format-properties',
      test: 'data that is not ASCII is read as it was written, also where its line is cut into pieces',
      because: 'the simulation’s entries are ASCII',
    },
  },
  {
    name: 'any-rest-of-a-cut',
    rule: 'what follows a cut line is its rest only where both have the right crc together',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/line-beginnings',
        find: 'crc32(rest.subarray(missing), crc) === claimed',
        replace: 'true',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "damaged" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'keys-out-of-order',
    rule: 'the keys in a snapshot are in the order of their lines',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'format/key-lines', find: 'seq > lastOf(before)', replace: 'seq >= lastOf(before)' }],
    caughtBy: {
      by: 'test',
      file: 'log/key-lines',
      test: 'a line of keys that is not as any is written is none',
      because: 'no engine writes them otherwise',
    },
  },
  {
    name: 'window-back-past-its-from',
    rule: 'no key is looked for before `from`',
    told: 'FORMAT: Idempotency keys',
    edits: [
      { file: 'format/key-scope', find: 'Math.max(from, head - window + 1)', replace: '(head - window + 1)' },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'a raised window holds for every writer, and brings back no key that was out of it: open then',
      because: 'nothing is doubled by it, until a compaction forgets the key again',
    },
  },
  {
    name: 'batch-from-its-beginning',
    rule: 'of a batch that begins before what is wanted, the records from there on are delivered',
    told: 'FORMAT: Lines',
    edits: [{ file: 'log/record-feed', find: 'record.seq >= first', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'a cursor whose crc is not the log’s at that seq is refused before a record is delivered, wherever it points',
      because: 'followers in the simulation begin after whole lines',
    },
  },
  {
    name: 'batch-taken-whole',
    rule: 'of a batch that begins before what is wanted, the records from there on are delivered',
    told: 'FORMAT: Lines',
    edits: [{ file: 'log/record-feed', find: 'line.seq >= first', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'a cursor whose crc is not the log’s at that seq is refused before a record is delivered, wherever it points',
      because: 'followers in the simulation begin after whole lines',
    },
  },
  {
    name: 'settled-for-no-reader',
    rule: 'what a repair settles stops no reader',
    told: 'FORMAT: The chain',
    edits: [{ file: 'log/record-feed', find: 'line.seq >= this.#settledBy', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/tails',
      test: 'a repair settles what is missing before it: reading and appending go on, and verify keeps reporting',
      because: 'what proves a loss can mostly be read itself, and is salvaged',
    },
  },
  {
    name: 'cursor-unmet',
    rule: 'the line after a cursor’s entry tells that the cursor is not the log’s',
    told: 'DURABILITY: When the log goes back',
    edits: [
      {
        file: 'log/record-feed',
        find: 'cursor.seq >= line.seq + line.count',
        replace: 'cursor.seq > line.seq + line.count',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'a cursor whose crc is not the log’s at that seq is refused before a record is delivered, wherever it points',
      because: 'followers in the simulation are told by the replaced file',
    },
  },
  {
    name: 'any-cursor-met',
    rule: 'a cursor is the log’s only where the line of its entry has its crc',
    told: 'DURABILITY: When the log goes back',
    edits: [{ file: 'log/record-feed', find: 'cursor.crc === line.crc', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'a cursor whose crc is not the log’s at that seq is refused before a record is delivered, wherever it points',
      because: 'followers in the simulation are told by the replaced file',
    },
  },
  {
    name: 'any-segment-follows',
    rule: 'a segment whose first line does not follow the seal before it is another log’s',
    told: 'FORMAT: The chain',
    edits: [{ file: 'log/chain-feed', find: 'start !== link', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'segments that follow one another, and segments that do not, are told apart',
      because: 'nothing puts another log’s segment there in the simulation',
    },
  },
  {
    name: 'any-beginning',
    rule: 'the head of an empty log bears the crc 00000000, and no other',
    told: 'FORMAT: The chain',
    edits: [{ file: 'log/record-feed', find: 'crc === GENESIS_CRC', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'no log has a head without entries that bears another crc',
      because: 'no process of the simulation makes up a cursor',
    },
  },
  {
    name: 'numbers-past-all',
    rule: 'a line whose entries go past number 2^53 - 1 does not count',
    told: 'FORMAT: Lines',
    edits: [
      { file: 'format/read-line', find: 'seq + body.count > Number.MAX_SAFE_INTEGER', replace: 'false' },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "damaged" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'any-write-the-same',
    rule: 'opening reads only the end of the segment before the last',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'format/line', find: 'a.synced === b.synced', replace: 'true' }],
    caughtBy: {
      by: 'test',
      file: 'file/segments',
      test: 'opening reads only the end of the segment before the last',
      because: 'what is read beyond that comes to the same',
    },
  },
  {
    name: 'batch-to-its-end',
    rule: 'reading ends with the last entry that is wanted, in the middle of a batch, too',
    told: 'ARCHITECTURE: The way of an append',
    edits: [
      {
        file: 'log/reader',
        find: 'seq > last ? records.filter((record) => record.seq <= last) : records',
        replace: 'records',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'of a batch that begins before a range, or ends after it, only what lies in the range is read',
      because: 'readers in the simulation read to the end',
    },
  },
  {
    name: 'any-glued-line',
    rule: 'a line that ran into a fragment is one only if its crc is right',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/crc',
        find: 'product(this.#prefix, this.#all) === product((this.#whole ^ crc) >>> 0, this.#moved)',
        replace: 'true',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "torn" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'head-of-a-snapshot-refused',
    rule: 'who has read to the seal that a snapshot names goes on after it',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'log/reader', find: 'head.crc === crc', replace: 'false' }],
    caughtBy: {
      by: 'test',
      file: 'log/cursors',
      test: 'the head at which a snapshot was made leads on, though its entry is gone; with another crc it does not',
      because: 'followers in the simulation that find their place compacted away begin anew',
    },
  },
  {
    name: 'any-number-counts',
    rule: 'a line counts only with the next number',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'line.seq === next', replace: 'line.seq <= next' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "superseded" get the verdicts they name, however they are cut into reads',
      because: 'this engine writes no such lines; one in another language may',
    },
  },
  {
    name: 'lineage-of-one-write',
    rule: 'lines of one write are no sign that others built on the first',
    told: 'DURABILITY: When a log is damaged',
    edits: [
      {
        file: 'format/lineage',
        find: 'isSameWrite(lineAt(lines, parent), lineAt(lines, i))',
        replace: 'false',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/lineage',
      test: 'a line that was overtaken by one that is lost is known by what follows that one',
      because: 'what the salvages of the workloads find is seldom overtaken',
    },
  },
];
