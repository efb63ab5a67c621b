import type { Mutant } from '../mutant.ts';

/** Which lines count. */
export const CHAIN: readonly Mutant[] = [
  {
    name: 'any-prev',
    rule: 'a line counts only after the line it names',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/chain',
        find: 'line.seq === next && line.prev === this.link',
        replace: 'line.seq === next',
      },
    ],
    caughtBy: { by: 'crash', workload: 'overtaken' },
  },
  {
    name: 'seal-is-the-head',
    rule: 'a seal leaves the head as it is',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'if (line.count > 0)', replace: 'if (true)' }],
    caughtBy: {
      by: 'test',
      file: 'log/head',
      test: 'of a log that ends in a batch, the head stays when another Wal compacts it at its head',
      because: 'a condition on the head that fails without need loses nothing, and is tried again',
    },
  },
  {
    name: 'seal-before-is-the-head',
    rule: 'whoever begins after a seal has the head from the line that the seal follows',
    told: 'FORMAT: The chain',
    edits: [{ file: 'layout/layout', find: 'crc: seal.prev', replace: 'crc: seal.crc' }],
    caughtBy: {
      by: 'test',
      file: 'log/head',
      test: 'of a log that ends in a batch, the head stays when it is sealed, and opened again',
      because: 'a condition on the head that fails without need loses nothing, and is tried again',
    },
  },
  {
    name: 'lines-after-seal',
    rule: 'nothing counts after a seal in its segment',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: '&& !this.sealed && !empty', replace: '&& !empty' }],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "superseded" get the verdicts they name, however they are cut into reads',
      because: 'this engine never writes behind a seal; one in another language may',
    },
  },
  {
    name: 'rest-of-group-stranded',
    rule: 'the rest of an overtaken group is superseded with its first line',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: ' || line.prev === this.#overtaken', replace: '' }],
    caughtBy: { by: 'crash', workload: 'overtaken' },
  },
  {
    name: 'nul-is-damage',
    rule: 'a line that holds NUL is what a crash left: torn',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/verdict', find: 'if (line.includes(0))', replace: 'if (false)' }],
    caughtBy: { by: 'crash', workload: 'batch' },
  },
  {
    name: 'tilde-is-damage',
    rule: 'a cut line that a writer ended with ~ is torn',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/verdict', find: 'bytes[end - 1] === TILDE', replace: 'false' }],
    caughtBy: { by: 'crash', workload: 'torn' },
  },
  {
    name: 'glued-is-damage',
    rule: 'a fragment that a whole line ran into is torn',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/verdict',
        find: 'const glued = lineAtEndOf(line);',
        replace: 'const glued = undefined;',
      },
    ],
    caughtBy: { by: 'crash', workload: 'torn' },
  },
  {
    name: 'glued-line-counts',
    rule: 'the line that ran into a fragment does not count: its writer writes it again',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/read-line',
        find: 'return crc < 0 ? undefined : parseEnvelope(bytes, start, end, crc);',
        replace:
          'return crc < 0 ? lineAtEndOf(bytes.subarray(start, end)) : parseEnvelope(bytes, start, end, crc);',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'format/vectors',
      test: 'the vectors of "torn" get the verdicts they name, however they are cut into reads',
      because: 'readers that all take that line agree with one another; those in another language would not',
    },
  },
  {
    name: 'bare-newline',
    rule: 'a torn tail is ended with ~, so that it can never become a line',
    told: 'FORMAT: What a writer must do',
    edits: [{ file: 'file/write-turn', find: "Buffer.from('~\\n')", replace: "Buffer.from('\\n')" }],
    caughtBy: { by: 'crash', workload: 'torn' },
  },
  {
    name: 'rest-damaged',
    rule: 'the rest of a line that was cut is torn, as its beginning is',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/scan',
        find: 'this.#beginnings.hasRest(',
        replace: 'false && this.#beginnings.hasRest(',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'file/split-write',
      test: 'a write taken in two parts, cut anywhere, another line between them: all is there once',
      because: 'few worlds take a write in two parts: it shows in one of sixty',
    },
  },
  {
    name: 'last-newline-buried',
    rule: 'a last line that lacks only its newline is ended with one, and the log goes on after it',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/segments',
        find: 'state.unended !== undefined || state.wrapped',
        replace: 'state.wrapped',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/last-newline',
      test: 'a last line that lost its newline is taken in by the next append',
      because: 'a crash takes no newline that was synced; an editor does',
    },
  },
  {
    name: 'empty-line-damaged',
    rule: 'an empty line changes nothing',
    told: 'FORMAT: Lines',
    edits: [{ file: 'format/scan', find: 'if (start === end) {', replace: 'if (false) {' }],
    caughtBy: {
      by: 'test',
      file: 'log/last-newline',
      test: 'two writers without a lock that both end the line leave an empty one: both append once',
      because: 'it takes a last line without its newline, and two writers who both end it',
    },
  },
  {
    name: 'loss-not-proven',
    rule: 'a line that says more is synced than is there proves that entries are missing',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/chain',
        find: 'if (line.synced <= this.seq || ',
        replace: 'if (true || line.synced <= this.seq || ',
      },
    ],
    caughtBy: { by: 'crash', workload: 'losses' },
  },
  {
    name: 'doubt-ignored',
    rule: 'where the last word is a damaged line, nobody can say, and nobody appends',
    told: 'DURABILITY: What a crash leaves, and what becomes of it',
    edits: [{ file: 'format/chain', find: 'this.doubt ??= {', replace: 'this.doubt = undefined && {' }],
    caughtBy: { by: 'crash', workload: 'losses' },
  },
  {
    name: 'repair-settles-nothing',
    rule: 'a repair settles what was proven missing before it',
    told: 'FORMAT: The chain',
    edits: [{ file: 'format/chain', find: 'if (line.repair)', replace: 'if (false)' }],
    caughtBy: {
      by: 'test',
      file: 'log/tails',
      test: 'a repair settles what is missing before it: reading and appending go on, and verify keeps reporting',
      because: 'what proves a loss can mostly be read itself, and is salvaged',
    },
  },
  {
    name: 'tail-believed',
    rule: 'what comes after the last crc-valid line is read again before it is believed',
    told: 'FORMAT: The chain',
    edits: [
      {
        file: 'format/scan',
        find: '        this.#offset += length + 1;\n',
        replace: '        this.#offset += length + 1;\n        this.resume = this.#offset;\n',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/tails',
      test: 'what a pause forgets does not come back: a tail that looks otherwise when it is read again is judged anew',
      because: 'pages arrive late on a real file system only',
    },
  },
];
