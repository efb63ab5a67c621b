import { printable } from '../format/printable.ts';
import { clearStatus } from './status.ts';

/** How many are reported one by one. */
const MOST_REPORTED = 100;

/** Tells, on stderr, of what cannot be taken over from one tool to another. */
export class BadItems {
  readonly #what: string;
  readonly #json: boolean;
  count = 0;

  /** `what`: what they are, in the plural. */
  constructor(what: string, json: boolean) {
    this.#what = what;
    this.#json = json;
  }

  add(name: string, problem: string, facts: Readonly<Record<string, unknown>>): void {
    this.count++;
    if (this.count > MOST_REPORTED + 1) return;
    const message = this.count > MOST_REPORTED ? `More bad ${this.#what} follow.` : `${name} ${problem}.`;
    clearStatus();
    const text = this.#json
      ? JSON.stringify({ code: 'ERR_WAL_ENTRY', message, ...facts })
      : `jsonl-wal: ${printable(message)}`;
    process.stderr.write(`${text}\n`);
  }
}
