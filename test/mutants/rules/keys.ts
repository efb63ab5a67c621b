import type { Mutant } from '../mutant.ts';

/** Which idempotency keys are looked for, and what they are answered with. */
export const KEYS: readonly Mutant[] = [
  {
    name: 'window-one-short',
    rule: 'a key is found from the first of the last `window` entries on',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'log/keys',
        find: 'lastOf(line) >= firstInScope(this.scope, head)',
        replace: 'lastOf(line) > firstInScope(this.scope, head)',
      },
    ],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'window-one-long',
    rule: 'a key that is out of the window is not found',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'log/keys',
        find: 'lastOf(line) >= firstInScope(this.scope, head)',
        replace: 'lastOf(line) >= firstInScope(this.scope, head) - 1',
      },
    ],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'window-of-the-head',
    rule: 'what precedes an append in the same write has moved the window on',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'log/group',
        find: 'keys.get(key, this.tip.seq)',
        replace: 'keys.get(key, this.#parts.tail.head.seq)',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'what precedes an append in the same write has moved the window on',
      because:
        'nothing is doubled by it; only a reader of the whole log sees that the window was not kept to',
    },
  },
  {
    name: 'snapshot-edge-one-short',
    rule: 'a snapshot holds the keys in the window of the entry after it',
    told: 'FORMAT: Snapshots',
    edits: [
      {
        file: 'table/compact',
        find: 'firstInScope(keys, seq), seq + 1)',
        replace: 'firstInScope(keys, seq) + 1, seq + 1)',
      },
    ],
    caughtBy: { by: 'crash', workload: 'key window' },
  },
  {
    name: 'older-edge-one-short',
    rule: 'keys of a snapshot are found from the first entry of the window on',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/keys', find: 'lastOf(line) >= from', replace: 'lastOf(line) > from' }],
    caughtBy: { by: 'crash', workload: 'key window' },
  },
  {
    name: 'older-segment-edge-one-short',
    rule: 'keys of earlier segments are found from the first entry of the window on',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/keys', find: '>= this.#from', replace: '> this.#from' }],
    caughtBy: { by: 'crash', workload: 'key window' },
  },
  {
    name: 'older-keys-of-another-epoch',
    rule: 'keys that were read while the log was replaced are not those of what lies there now',
    told: 'ARCHITECTURE: Reading',
    edits: [{ file: 'log/keys', find: 'if (round !== this.#round)', replace: 'if (false)' }],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'keys that were read before the log was replaced do not count in what lies there now',
      because: 'a log that the simulation replaces is one segment, of which no older keys are read',
    },
  },
  {
    name: 'older-keys-of-an-earlier-gap',
    rule: 'keys that were read while the log was compacted further leave a gap before what was read since',
    told: 'ARCHITECTURE: Reading',
    edits: [
      {
        file: 'log/tail',
        find: '            this.keys.begin(firstSeq, before?.keys);',
        replace: '            if (replaced) this.keys.begin(firstSeq, before?.keys);',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'keys that were read before the log was compacted further do not count: what was compacted meanwhile is read, too',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'batch-out-with-its-first',
    rule: 'a batch’s key is found as long as its last entry is in the window',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'format/key-lines', find: 'return seq + count - 1;', replace: 'return seq;' }],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'batch-answered-with-its-last',
    rule: 'a key is answered with the first number of its line',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'log/group',
        find: 'land(pending, first.seq)',
        replace: 'land(pending, first.seq + first.count - 1)',
      },
    ],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'raise-unheard',
    rule: 'whoever reads that the window was raised looks for keys in the raised one',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/tail', find: 'if (line.keyWindow !== undefined)', replace: 'if (false)' }],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'raise-forgotten-by-the-seal',
    rule: 'a seal tells the window to whoever begins after it',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'layout/layout', find: 'crc: seal.prev, keys: seal.keys', replace: 'crc: seal.prev' }],
    caughtBy: { by: 'crash', workload: 'key window' },
  },
  {
    name: 'raise-forgotten-by-the-snapshot',
    rule: 'a snapshot tells the window to whoever begins after it',
    told: 'FORMAT: Idempotency keys',
    edits: [
      {
        file: 'layout/layout',
        find: 'crc: header.head.crc, keys: header.keys',
        replace: 'crc: header.head.crc',
      },
    ],
    caughtBy: { by: 'crash', workload: 'key window' },
  },
  {
    name: 'raise-brings-back',
    rule: 'what was out of the window when it was raised stays out',
    told: 'FORMAT: Idempotency keys',
    edits: [
      { file: 'format/key-scope', find: 'from: firstInScope(scope, seq - 1)', replace: 'from: scope.from' },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'a raised window holds for every writer, and brings back no key that was out of it: open then',
      because: 'nothing is doubled by it, until a compaction forgets the key again',
    },
  },
  {
    name: 'lowered-window',
    rule: 'a window is never lowered',
    told: 'FORMAT: Idempotency keys',
    edits: [
      { file: 'format/key-scope', find: 'window > scope.window ?', replace: 'true ?' },
      { file: 'wal/appends', find: 'if (scope.window > window)', replace: 'if (false)' },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-window',
      test: 'a window is not lowered, nor raised by who may not write, nor to what is no number of entries',
      because: 'no process of the simulation tries to lower it',
    },
  },
  {
    name: 'reused-key-answered',
    rule: 'a key is answered only to an append with the content of its line',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'log/group', find: 'if (first.sum !== pending.body.sum)', replace: 'if (false)' }],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'content-forgotten-by-the-snapshot',
    rule: 'a snapshot keeps the checksum of the content of each key’s line',
    told: 'FORMAT: Snapshots',
    edits: [{ file: 'format/key-lines', find: 'this.#sums.push(sum)', replace: 'this.#sums.push(0)' }],
    caughtBy: {
      by: 'test',
      file: 'table/compact',
      test: 'idempotency keys are still known after what they stood on was compacted away',
      because: 'few worlds of the simulation come to just that',
    },
  },
  {
    name: 'content-read-with-its-ts',
    rule: 'the ts of a batch’s entries is no content, to who reads the line',
    told: 'FORMAT: Idempotency keys',
    edits: [{ file: 'format/content', find: 'at - tsLengthBefore(bytes, at)', replace: 'at' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'keys are found where their vectors say so, and nowhere else',
      because: 'no entry of the simulation has a ts of its own',
    },
  },
  {
    name: 'content-written-with-its-ts',
    rule: 'the ts of a batch’s entries is no content, to who appends them again',
    told: 'FORMAT: Idempotency keys',
    edits: [
      { file: 'format/entry', find: 'items.map(({ content }) => content)', replace: 'items.map(textOf)' },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/key-reused',
      test: 'of a batch that is appended again the entries are compared, without their ts',
      because: 'no entry of the simulation has a ts of its own',
    },
  },
];
