import { fstatSync, writeSync } from 'node:fs';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { jsonText } from '../format/json-text.ts';
import { printable } from '../format/printable.ts';
import { colour, type Style } from './style.ts';

/** Written in pieces of this size: one call of the operating system a record would be most of the work. */
const PIECE_CHARACTERS = 64 * 1024;

/** A fact for people; without a name, more of the one before. */
export type Row = readonly [name: string, value: string];

/**
 * Standard output: data, and nothing else. What is said is escaped for people, and for terminals. Once nobody reads it
 * any more (`| head`) it is `gone`, and takes what comes without a word.
 */
export class Output {
  /** Undefined while what is printed is written without it: to open it takes a process up to 3 ms. */
  #stream: NodeJS.WriteStream | undefined;
  readonly #kind: OutputKind;
  readonly #gone = new AbortController();
  #piece = '';
  #failure: Error | undefined;
  /** What the command did, as a sentence, with the entry it came to: so that it is known where nothing can be printed. */
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

  /** Columns of the terminal, 80 where it does not tell (0); Infinity where it is none. */
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
      // What else comes might find a pipe full, and wait there where no signal is heard.
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
