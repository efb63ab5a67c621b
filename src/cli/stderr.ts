import { hostname } from 'node:os';
import type { Holder } from '../errors/errors.ts';
import { printable } from '../format/printable.ts';

/** The streams whose errors are handled. */
const heard = new WeakSet<NodeJS.WriteStream>();

/** Standard error. It is opened when something is first written to it: most commands write nothing, and opening takes a process 3 ms. */
export function stderr(): NodeJS.WriteStream {
  const stream = process.stderr;
  if (!heard.has(stream)) {
    heard.add(stream);
    // Nobody reads standard error: the failure cannot be reported.
    stream.on('error', () => {});
  }
  return stream;
}

/** How soon something that takes its time is worth a line. */
const SOON_MS = 1000;
const BAR_CELLS = 24;

let shown = false;

/** Shows what is going on in the last line of a terminal, over what was there. */
export function showStatus(text: string): void {
  const width = (stderr().columns || 80) - 1;
  stderr().write(`\r\x1b[K${printable(text).slice(0, width)}`);
  shown = true;
}

/** Takes the line away again. */
export function clearStatus(): void {
  if (shown) stderr().write('\r\x1b[K');
  shown = false;
}

/** Reports that the lock is not free: on a terminal in place, elsewhere at first and every ten seconds. */
export function showWaiting(waitedMs: number, holder: Holder | undefined): void {
  const seconds = Math.round(waitedMs / 1000);
  if (waitedMs < SOON_MS) return;
  const host = holder !== undefined && holder.host !== hostname() ? ` on ${holder.host}` : '';
  const who = holder === undefined ? '' : `pid ${holder.pid}${host}, `;
  const text = `waiting for the lock (${who}${seconds} s)`;
  if (stderr().isTTY) showStatus(text);
  else if (seconds === 1 || seconds % 10 === 0) sayPlainly(text);
}

function sayPlainly(text: string): void {
  const line = process.argv.includes('--json') ? JSON.stringify({ note: text }) : text;
  stderr().write(`${printable(line)}\n`);
}

/** A progress bar on a terminal, for what takes longer than a second. */
export class Progress {
  readonly #what: string;
  readonly #total: number | undefined;
  readonly #enabled: boolean;
  #next = performance.now() + SOON_MS;

  /** `total`: what `done` will be in the end, where that is known. */
  constructor(what: string, total: number | undefined, enabled = true) {
    this.#what = what;
    this.#total = total;
    this.#enabled = enabled && stderr().isTTY === true;
  }

  /** `note` makes the text beside the bar, when there is one. */
  update(done: number, note: () => string): void {
    if (!this.#enabled || performance.now() < this.#next) return;
    this.#next = performance.now() + SOON_MS / 10;
    showStatus(`${this.#what} ${this.#bar(done)}${note()}`);
  }

  #bar(done: number): string {
    if (!this.#total) return '';
    const part = Math.min(1, done / this.#total);
    const filled = Math.round(part * BAR_CELLS);
    const percent = `${Math.floor(part * 100)}`.padStart(3);
    return `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}] ${percent} %  `;
  }

  end(): void {
    clearStatus();
  }
}

/** Prints a note, which is no error, on standard error; with --json as JSON. */
export function sayNote(note: string): void {
  clearStatus();
  const text = process.argv.includes('--json') ? JSON.stringify({ note }) : `jsonl-wal: ${note}`;
  stderr().write(`${printable(text)}\n`);
}

/** So many are listed for people; --json lists all. */
const MOST_LISTED = 100;

/** Lists what is unexpected on stderr, one a line. */
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
