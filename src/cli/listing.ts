import { printable } from '../format/printable.ts';
import { clearStatus } from './status.ts';
import { stderr } from './stderr.ts';

/** So many are listed for people; --json lists all. */
const MOST_LISTED = 100;

/** Lists on stderr what is not as one would expect, one a line. */
export class Listing {
  readonly #code: string;
  readonly #json: boolean;
  count = 0;

  /** `code`: what a line's JSON names it by. */
  constructor(code: string, json: boolean) {
    this.#code = code;
    this.#json = json;
  }

  /** `message`: a sentence, without its full stop. */
  add(message: string, facts: Readonly<Record<string, unknown>>): void {
    this.count++;
    if (this.#json) this.#say(JSON.stringify({ code: this.#code, message: `${message}.`, ...facts }));
    else if (this.count <= MOST_LISTED) this.#say(`jsonl-wal: ${message}.`);
    else if (this.count === MOST_LISTED + 1) this.#say('jsonl-wal: More of these follow (--json lists all).');
  }

  #say(text: string): void {
    clearStatus();
    stderr().write(`${printable(text)}\n`);
  }
}
