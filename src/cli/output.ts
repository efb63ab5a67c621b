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
  readonly #stream = process.stdout;
  readonly #gone = new AbortController();
  #piece = '';
  #failure: Error | undefined;
  /** What the command did, as a sentence, with the entry it came to: so that it is known where nothing can be printed. */
  done: { readonly told: string; readonly seq?: number } | undefined;

  constructor() {
    this.#stream.on('error', (error) => {
      if (!hasCode(error, 'EPIPE', 'EOF')) this.#failure = error;
      this.#gone.abort();
    });
  }

  get terminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Columns of the terminal, 80 where it does not tell (0); Infinity where it is none. */
  get width(): number {
    return this.terminal ? this.#stream.columns || 80 : Number.POSITIVE_INFINITY;
  }

  /** Aborts once nobody reads the output any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  style(style: Style, text: string): string {
    return colour(this.#stream, style, text);
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
      await new Promise<void>((resolve) => this.#stream.write(piece, () => resolve()));
    }
    if (this.#failure !== undefined) throw this.#unwritten(this.#failure);
  }

  #unwritten(cause: Error): WalError {
    const { told = '', seq } = this.done ?? {};
    const message = `Cannot write to standard output: ${reasonOf(cause)}${told && ` ${told}`}`;
    return new WalError('ERR_WAL_IO', message, { cause, ...(seq !== undefined && { seq }) });
  }
}
