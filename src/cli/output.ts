import { fstatSync, writeSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { jsonText } from '../format/json-text.ts';
import { printable } from '../format/printable.ts';
import type { Item, LogRecord } from '../index.ts';
import { figure } from './words.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** The text in a style, where the stream is a terminal that shows any (NO_COLOR and TERM=dumb are heeded). */
export function colour(stream: NodeJS.WriteStream, style: Style, text: string): string {
  const terminal: Partial<WriteStream> = stream;
  if (!stream.isTTY || !terminal.hasColors?.()) return text;
  return styleText(style, text, { validateStream: false });
}

const MOST_SHOWN = 10;

/** A list as a person is shown it: the first of it, and how many there are more. --json tells all. */
export function firstFew<T>(items: readonly T[], rowsOf: (item: T, i: number) => readonly Row[]): Row[] {
  const more = items.length - MOST_SHOWN;
  return [
    ...items.slice(0, MOST_SHOWN).flatMap(rowsOf),
    ...(more > 0 ? [['', `and ${figure(more)} more (--json lists them)`] as const] : []),
  ];
}

/** Written in pieces of this size: one call of the operating system a record would be most of the work. */
const PIECE_CHARACTERS = 64 * 1024;

/** A fact for people; without a name, more of the one before. */
export type Row = readonly [name: string, value: string];

/**
 * Standard output: data, and nothing else. What is printed is escaped for people, and for terminals. Once nobody reads it any
 * more (`| head`), `gone` aborts, and further output is dropped.
 */
export class Output {
  /** Undefined while output is written without the stream: opening it takes a process up to 3 ms. */
  #stream: NodeJS.WriteStream | undefined;
  readonly #kind: OutputKind;
  readonly #gone = new AbortController();
  #piece = '';
  #failure: Error | undefined;
  /** What the command did, as a sentence, and its last entry: the error says so where nothing can be printed. */
  done: { readonly told: string; readonly seq?: number } | undefined;

  constructor() {
    this.#kind = kindOfOutput();
    if (this.#kind === 'other') this.#open();
  }

  #open(): NodeJS.WriteStream {
    const stream = process.stdout;
    stream.on('error', (error) => this.#failed(error));
    this.#stream = stream;
    return stream;
  }

  #failed(error: Error): void {
    if (!hasCode(error, 'EPIPE', 'EOF')) this.#failure = error;
    this.#gone.abort();
  }

  get terminal(): boolean {
    return this.#stream?.isTTY === true;
  }

  /** Columns of the terminal, 80 if it reports 0; Infinity if the output is no terminal. */
  get width(): number {
    return this.terminal ? this.#stream?.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Aborts once nobody reads the output any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  style(style: Style, text: string): string {
    return this.#stream === undefined ? text : colour(this.#stream, style, text);
  }

  /** A line for people, of text that is already printable. */
  async line(text: string): Promise<void> {
    await this.text(`${text}\n`);
  }

  /** Lines for people, of text that is already printable. */
  async text(lines: string): Promise<void> {
    this.#piece += lines;
    if (this.#piece.length >= PIECE_CHARACTERS) await this.flush();
  }

  /** A line of JSON for machines. */
  async json(value: unknown): Promise<void> {
    const text = jsonText(value);
    await this.line(printable(text));
  }

  /** Facts for people, one a line, their names aligned. */
  async facts(rows: readonly Row[]): Promise<void> {
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, value] of rows) {
      await this.line(`${this.style('dim', name.padEnd(width))}  ${printable(value)}`);
    }
  }

  /** Writes out what is held back. Throws ERR_WAL_IO where writing failed for another reason than that nobody reads. */
  async flush(): Promise<void> {
    const piece = this.#piece;
    this.#piece = '';
    if (piece !== '' && !this.gone.aborted) {
      const rest = this.#stream === undefined ? this.#writeNow(Buffer.from(piece)) : piece;
      const stream = this.#stream ?? (rest.length > 0 ? this.#open() : undefined);
      // Further output might find the pipe full, and a blocking write hears no signal.
      if (stream === undefined && this.#kind === 'pipe') this.#open();
      if (stream !== undefined) await new Promise<void>((resolve) => stream.write(rest, () => resolve()));
    }
    if (this.#failure !== undefined) throw this.#unwritten(this.#failure);
  }

  /** Returns what is left for the stream: a pipe that does not block takes no more than its reader has room for. */
  #writeNow(bytes: Buffer): Buffer {
    if (this.#kind === 'pipe' && bytes.length > PIPE_BYTES) return bytes;
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (hasCode(error, 'EAGAIN')) return rest;
      this.#failed(error as Error);
    }
    return rest.subarray(rest.length);
  }

  #unwritten(cause: Error): WalError {
    const { told = '', seq } = this.done ?? {};
    const message = `Cannot write to standard output: ${reasonOf(cause)}${told && ` ${told}`}`;
    return new WalError('ERR_WAL_IO', message, { cause, ...(seq !== undefined && { seq }) });
  }
}

/** Prints what a command found or did: an object with --json, else facts for people. `done`: see `Output`. */
export async function print(
  json: boolean,
  value: unknown,
  rows: () => readonly Row[],
  done?: Output['done'],
): Promise<void> {
  const output = new Output();
  output.done = done;
  if (json) await output.json(value);
  else await output.facts(rows());
  await output.flush();
}

/** A pipe has room for that when nothing was written to it: POSIX asks for 512, and Linux and macOS give more. */
const PIPE_BYTES = 4096;

/** other: a terminal, Windows, or what a test has put in the place of standard output. */
type OutputKind = 'file' | 'pipe' | 'other';

function kindOfOutput(): OutputKind {
  if (process.platform === 'win32' || Object.getOwnPropertyDescriptor(process, 'stdout')?.get === undefined)
    return 'other';
  const stats = fstatSync(1);
  return stats.isFile() ? 'file' : stats.isFIFO() || stats.isSocket() ? 'pipe' : 'other';
}

/** A record as a short line: number, time (UTC), op, id, data, cut to the width of a terminal. */
export async function showRecord(record: LogRecord, json: boolean, output: Output): Promise<void> {
  if (json) return output.json(record);
  const { seq, ts, op, id, data } = record;
  const place = `${String(seq).padStart(6)}  ${timeText(ts)}  `;
  const what = printable(`${op.padEnd(8)} ${id.padEnd(10)} `);
  const rest = data === undefined ? '' : printable(jsonText(data));
  await output.line(cutTo(output, place, what, rest));
}

/** An item of the state as a short line: rev, time (UTC), version, id, value, cut to the width of a terminal. */
export async function showItem(item: Item, json: boolean, output: Output): Promise<void> {
  if (json) return output.json(item);
  const { id, rev, ts, version, value } = item;
  const place = `${String(rev).padStart(6)}  ${timeText(ts)}  ${`v${version}`.padEnd(5)} `;
  await output.line(cutTo(output, place, printable(`${id.padEnd(10)} `), printable(jsonText(value))));
}

function cutTo(output: Output, place: string, what: string, rest: string): string {
  const room = output.width - place.length - what.length;
  const shown = rest.length > room ? `${rest.slice(0, Math.max(0, room - 1))}…` : rest;
  return `${output.style('dim', place)}${what}${shown}`.trimEnd();
}

/** A time in UTC, to the second. */
export function timeText(ts: number): string {
  const date = new Date(ts);
  if (Number.isNaN(date.getTime())) return String(ts).padEnd(20);
  return date.toISOString().replace(/\.\d+Z$/, 'Z');
}
