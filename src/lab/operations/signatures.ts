import type { Writes } from './writes.ts';

/** Finds who wrote an entry by its tag (see `tagOf`). */
export class Signatures {
  /** By client and run; then by the operation's number. */
  readonly #runs = new Map<string, number[]>();
  /** What was found last: which of the writes, and which of its entries. */
  write = -1;
  entry = 0;

  constructor({ count, runs, runOf, numbers }: Writes) {
    const byRun = runs.map((): number[] => []);
    for (let write = 0; write < count; write++)
      (byRun[runOf[write] as number] as number[])[numbers[write] as number] = write;
    for (const [i, { client, run }] of runs.entries())
      this.#runs.set(`${client}.${run}`, byRun[i] as number[]);
  }

  /** Whether somebody who wrote has that tag. */
  find(tag: string): boolean {
    const number = tag.indexOf('.', tag.indexOf('.') + 1) + 1;
    const entry = tag.indexOf('.', number) + 1;
    const run = this.#runs.get(tag.slice(0, Math.max(0, number - 1)));
    this.write = run?.[wholeAt(tag, number, entry === 0 ? tag.length : entry - 1)] ?? -1;
    this.entry = entry === 0 ? 0 : wholeAt(tag, entry, tag.length);
    return this.write !== -1;
  }
}

/** The whole number in a part of a text, without making a text of it; NaN where there is none. */
function wholeAt(text: string, from: number, to: number): number {
  let value = from < to ? 0 : Number.NaN;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  return value;
}
