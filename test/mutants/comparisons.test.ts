import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparisonsIn } from './comparisons.ts';
import { complaints, cover, coverEngine } from './cover.ts';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { REASONS } from './reasons.ts';

test('each comparison of a number, checksum, epoch or window has a mutant or a reason', () => {
  assert.deepEqual(complaints(coverEngine(MUTANTS, REASONS), REASONS), []);
});

const TEXT = `
class Tail {
    #epoch = 0;
    hear(line, seq) {
        if (line.epoch === this.#epoch && lastOf(line) >= this.firstOf(seq))
            this.syncedHere = Math.max(this.syncedHere, seq - 1);
        return [isSameHead(a, b), line.key === undefined, line.seq === 0, size > count, "seq" < text];
    }
}
`;

test('comparisons are found by the names of what is compared, and told by function and text', () => {
  assert.deepEqual(
    comparisonsIn('log/tail', TEXT).map(({ within, text }) => `${within}: ${text}`),
    [
      'Tail.hear: line.epoch === this.#epoch',
      'Tail.hear: lastOf(line) >= this.firstOf(seq)',
      'Tail.hear: Math.max(this.syncedHere, seq - 1)',
      'Tail.hear: isSameHead(a, b)',
    ],
  );
});

test('a comparison without a mutant or a reason is told, and so is a reason that none needs', () => {
  const mutant = (find: string, replace: string) =>
    ({ name: 'm', edits: [{ file: 'log/tail', find, replace }] }) as unknown as Mutant;
  const within = 'Tail.hear';
  const told = (mutants: Mutant[], texts: string[]) => {
    const reasons = [{ within, texts, because: 'it is so' }];
    return complaints(cover('log/tail', TEXT, mutants, reasons), reasons);
  };
  const [epoch, window, most, head] = comparisonsIn('log/tail', TEXT).map(({ text }) => text) as [
    string,
    string,
    string,
    string,
  ];
  const bare = (text: string) => `log/tail, ${within}: ${text} has neither a mutant nor a reason`;
  assert.deepEqual(told([], [epoch, window, head]), [bare(most)]);
  // What an edit finds and leaves as it is does not count as changed.
  const edit = mutant('if (line.epoch === this.#epoch && lastOf(line)', 'if (lastOf(line)');
  assert.deepEqual(told([edit], [most, head]), [bare(window)]);
  assert.deepEqual(told([edit], [epoch, window, most, head]), [
    `no comparison needs the reason for ${within}: ${epoch}`,
  ]);
});
