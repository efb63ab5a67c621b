import type { Mutant } from '../mutant.ts';

/** What a writer decides, writes and looks for. */
export const APPENDING: readonly Mutant[] = [
  {
    name: 'one-writer',
    rule: 'a line bears its writer, by which an append finds its own',
    told: 'FORMAT: What a writer must do',
    edits: [{ file: 'setup/environment', find: 'Number.parseInt(digits, 16)', replace: '(0)' }],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'date-as-told',
    rule: 'no line is written that the grammar refuses: a date is made whole first',
    told: 'FORMAT: What a writer must do',
    edits: [
      { file: 'clock/clock', find: ': wholeDate(() => told);', replace: ': told;' },
      { file: 'format/write-line', find: ' && Number.isSafeInteger(ts);', replace: ';' },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/outside-values',
      test: 'whatever clock, pid and ts a process has, each line that it writes is one that readers accept',
      because: 'the simulated clock tells whole numbers',
    },
  },
  {
    name: 'numbers-without-end',
    rule: 'an entry past number 2^53 - 2 is refused',
    told: 'FORMAT: What a writer must do',
    edits: [
      { file: 'format/write-line', find: 'Number.isSafeInteger(seq + count) && ', replace: '' },
      {
        file: 'log/group',
        find: '!Number.isSafeInteger(this.tip.seq + 1 + pending.body.count)',
        replace: 'false',
      },
    ],
    caughtBy: {
      by: 'test',
      file: 'log/outside-values',
      test: 'an entry for which no number is left is refused as not written, and the log stays whole',
      because: 'a log gets there only by hand',
    },
  },
  {
    name: 'own-lines-unseen',
    rule: 'what landed of an overtaken group is not written again',
    told: 'ARCHITECTURE: The way of an append',
    edits: [
      {
        file: 'log/appender',
        find: 'const pending = this.queue.ofLine(line.writer);',
        replace: 'const pending = undefined;',
      },
    ],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'no-look-after-write',
    rule: 'after the write a writer looks whether the file grew by just that',
    told: 'FORMAT: What a writer must do',
    edits: [
      {
        file: 'file/write-turn',
        find: '!isSure || !file.endsAt(end)',
        replace: '!isSure',
      },
    ],
    caughtBy: { by: 'crash', workload: 'overtaken' },
  },
  {
    name: 'landed-is-not-written',
    rule: 'what is in the log when its sync fails is told as unknown',
    told: 'DURABILITY: When an append is rejected',
    edits: [
      {
        file: 'log/appender',
        find: "withOutcome(failure, 'unknown')",
        replace: "withOutcome(failure, 'not-written')",
      },
      {
        file: 'log/pending',
        find: "known ? withOutcome(error, 'unknown') : error",
        replace: 'error',
      },
    ],
    caughtBy: { by: 'sim', seeds: 40 },
  },
  {
    name: 'transaction-decided-once',
    rule: 'a transaction is decided again at each try, on the head that it meets',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'log/group',
        find: "decide === undefined ? 'write'",
        replace: "decide === undefined || body.bytes > 0 ? 'write'",
      },
    ],
    caughtBy: { by: 'crash', workload: 'overtaken' },
  },
  {
    name: 'expectation-decided-once',
    rule: 'an expectation is held against the head at each try',
    told: 'ARCHITECTURE: The way of an append',
    edits: [
      {
        file: 'log/group',
        find: 'if (expect !== undefined) {',
        replace: 'if (expect !== undefined && pending.seq === 0) {',
      },
    ],
    caughtBy: { by: 'crash', workload: 'expectations' },
  },
  {
    name: 'key-looked-up-once',
    rule: 'a key is looked up again at each try',
    told: 'ARCHITECTURE: The way of an append',
    edits: [
      {
        file: 'log/group',
        find: 'if (body.key !== undefined && this.#isAnsweredByKey',
        replace: 'if (body.key !== undefined && pending.seq === 0 && this.#isAnsweredByKey',
      },
    ],
    caughtBy: { by: 'crash', workload: 'keys' },
  },
  {
    name: 'older-keys-unread',
    rule: 'keys of earlier segments are read before one is taken for new',
    told: 'ARCHITECTURE: Reading',
    edits: [
      {
        file: 'log/keys',
        find: 'return this.since > firstInScope(',
        replace: 'return false && this.since > firstInScope(',
      },
    ],
    caughtBy: { by: 'crash', workload: 'keys' },
  },
  {
    name: 'told-before-it-landed',
    rule: 'that nothing is appended is not told before what it was decided on has landed',
    told: 'ARCHITECTURE: State',
    edits: [
      {
        file: 'log/group',
        find: "else if (!isFirst)\n                return 'later';\n            else",
        replace: 'else',
      },
      {
        file: 'log/group',
        find: "if (!isFirst)\n                return 'later';\n            queue.forget",
        replace: 'queue.forget',
      },
    ],
    caughtBy: { by: 'crash', workload: 'no room' },
  },
  {
    name: 'taken-back-while-written',
    rule: 'an append that is being written is not told as taken back when its signal aborts',
    told: 'DURABILITY: When an append is rejected',
    edits: [{ file: 'log/queue', find: ' && !writing', replace: '' }],
    caughtBy: {
      by: 'test',
      file: 'log/aborted',
      test: 'an abort in a transaction’s function: what is told of each append is so',
      because: 'no process of the simulation aborts within its own function',
    },
  },
];
