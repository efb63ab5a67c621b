import { isUtf8 } from 'node:buffer';
import { createReadStream, fstatSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { changedNumber } from '../format/changed-number.ts';
import { usageError } from './failure.ts';
import { stderr } from './stderr.ts';

/** Why a text from outside is not taken: the rest of a sentence about it. */
export class InputError extends Error {
  /** In its line, in UTF-16 code units, counted from 1; undefined where it is about all of it. */
  readonly column: number | undefined;

  constructor(problem: string, column?: number) {
    super(problem);
    this.column = column;
  }
}

const MOST_SHOWN = 60;

/**
 * The value of a JSON text from outside. Throws InputError where it is not JSON, or holds a number that the log would not keep.
 * `indent`: how many characters stand before the text, where it is one line of an input, which its caller names.
 */
function parseJson(text: string, indent?: number): unknown {
  const value = parseAsItIs(text);
  const changed = changedNumber(text);
  if (changed === undefined) return value;
  const lines = text.slice(0, changed.at).split('\n');
  const column = (lines.at(-1) as string).length + 1 + (indent ?? 0);
  const line = indent === undefined ? `line ${lines.length}, ` : '';
  const why =
    changed.becomes === undefined
      ? 'is past the range of numbers in JSON'
      : `would become ${shortened(changed.becomes)}`;
  throw new InputError(
    `has at ${line}column ${column} the number ${shortened(changed.text)}, which ${why}: write it as a text, in quotes`,
    column,
  );
}

/** The value of a JSON text, with its numbers as JavaScript rounds them. Throws InputError where it is not JSON. */
function parseAsItIs(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`is not JSON: ${(error as Error).message}`);
  }
}

function shortened(number: string): string {
  return number.length > MOST_SHOWN ? `${number.slice(0, MOST_SHOWN)}...` : number;
}

/** A line of input, counted from 1; `problem` says why it has no text. */
export interface InputLine {
  readonly number: number;
  readonly text: string;
  /** How many characters stood before the text. */
  readonly indent: number;
  readonly bytes: number;
  readonly problem: string | undefined;
}

/** Longer than any JSON of an entry, however it is escaped or spaced. Kept in memory until its newline comes. */
const MOST_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines; blank ones are counted and left out. */
export async function* linesOf(input: AsyncIterable<Buffer>): AsyncGenerator<InputLine, void, undefined> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  let number = 0;
  const take = (piece: Buffer) => {
    bytes += piece.length;
    if (bytes <= MOST_LINE_BYTES) pieces.push(piece);
    else pieces = [];
  };
  const finish = () => {
    const line = decode(pieces, bytes, ++number);
    pieces = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end));
      start = end + 1;
      const line = finish();
      if (line.problem !== undefined || line.text !== '') yield line;
    }
    take(chunk.subarray(start));
  }
  const last = finish();
  if (last.problem !== undefined || last.text !== '') yield last;
}

function decode(pieces: readonly Buffer[], bytes: number, number: number): InputLine {
  const line = { number, text: '', indent: 0, bytes };
  if (bytes > MOST_LINE_BYTES) return { ...line, problem: `is longer than ${MOST_LINE_BYTES} bytes` };
  const whole = Buffer.concat(pieces);
  if (!isUtf8(whole)) return { ...line, problem: 'is not UTF-8' };
  // What is trimmed includes the byte-order mark that some editors begin a file with, which is no column.
  const given = whole
    .toString()
    .replace(/^\ufeff/, '')
    .trimEnd();
  const text = given.trimStart();
  return { ...line, text, indent: given.length - text.length, problem: undefined };
}

/** Parses a line. Throws InputError where it is not JSON, or holds a number that the log would not keep. */
export function parseLine({ text, indent, problem }: InputLine): unknown {
  if (problem !== undefined) throw new InputError(problem);
  return parseJson(text, indent);
}

/** The same, with numbers as JavaScript rounds them: for what is compared, and goes into no log. */
export function parseLoosely({ text, problem }: InputLine): unknown {
  if (problem !== undefined) throw new InputError(problem);
  return parseAsItIs(text);
}

const STANDARD_INPUT = ['-', '@-', '@/dev/stdin', '@/dev/fd/0'];

/** Whether the value of --data is read from standard input. */
export function isFromInput(data: string | undefined): boolean {
  return data !== undefined && STANDARD_INPUT.includes(data);
}

/** The value of --data: JSON; `-` for standard input; or `@` and the name of a file. The latter two hold one JSON value. */
export async function dataOf(given: string): Promise<unknown> {
  if (isFromInput(given)) {
    if (process.stdin.isTTY) stderr().write('Reading JSON from the terminal; end with Ctrl-D.\n');
    return parsed('Standard input', await textOf('standard input', process.stdin));
  }
  if (!given.startsWith('@')) return parsed('--data', given);
  const file = given.slice(1);
  if (file === '') throw usageError('--data @ needs the name of a file: --data @issue.json.');
  return parsed(file, await textOf(file, createReadStream(file)));
}

async function textOf(name: string, input: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of input) {
      bytes += piece.length;
      if (bytes > MOST_LINE_BYTES) throw new Error(`it is longer than ${MOST_LINE_BYTES} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    throw usageError(`Cannot read data from ${name}: ${(error as Error).message}. Nothing was appended.`);
  }
  const whole = Buffer.concat(pieces);
  if (!isUtf8(whole))
    throw usageError(`Cannot read data from ${name}: it is not UTF-8. Nothing was appended.`);
  return whole.toString().replace(/^\ufeff/, '');
}

function parsed(name: string, text: string): unknown {
  if (text.trim() === '')
    throw usageError(`${name} is empty: --data is one JSON value. Nothing was appended.`);
  try {
    return parseJson(text);
  } catch (error) {
    const hint = /^is not/.test((error as Error).message) ? ' (a text needs its own quotes)' : '';
    throw usageError(`${name} ${(error as Error).message}${hint}. Nothing was appended.`);
  }
}

/**
 * Standard input of a command that does not read it. What is there by the time the command is about to write was meant for it.
 * Nothing is waited for: a pipe that a parent process leaves open, and never writes to, is as good as none.
 */
export class UnreadInput {
  readonly #stream: NodeJS.ReadStream | undefined;
  #hasData = false;

  /** Begins to look. */
  constructor() {
    const kind = kindOfInput();
    if (kind === 'file') this.#hasData = isUnread();
    if (kind !== 'stream') return;
    const { stdin } = process;
    this.#stream = stdin;
    // What cannot be read is not used either.
    stdin.on('error', () => {});
    stdin.on('readable', () => {
      const piece: unknown = stdin.read();
      if (piece !== null && /\S/.test(String(piece))) this.#hasData = true;
    });
  }

  /** Throws where there is data, other than white space. */
  async refuseData(): Promise<void> {
    if (this.#stream !== undefined) {
      // What lies in a pipe is told within a turn of the event loop that begins after the look did.
      await turn();
      await turn();
    }
    if (!this.#hasData) return;
    throw usageError(
      'Standard input has data that this append would not use: pass it on with --data -, leave out --op and --id if it is entries, one a line, or give the command no input (< /dev/null). Nothing was appended.',
    );
  }

  /** Lets go of it: otherwise the process would wait for its end. */
  close(): void {
    this.#stream?.destroy();
  }
}

/** A terminal, a device or a directory has nothing for the command. The stream is not opened to tell: that takes a process 2 ms. */
function kindOfInput(): 'stream' | 'file' | 'nothing' {
  // Not the process's own, as within a test.
  if (Object.getOwnPropertyDescriptor(process, 'stdin')?.get === undefined) return 'stream';
  // Windows tells no other way.
  if (process.platform === 'win32' && process.stdin.isTTY) return 'nothing';
  const stats = fstatSync(0);
  if (stats.isFIFO() || stats.isSocket()) return 'stream';
  return stats.isFile() && stats.size > 0 ? 'file' : 'nothing';
}

/**
 * Whether the file that is standard input was read by nobody yet. A shell's loop (`while read ...; done < FILE`) reads it, and its
 * commands have it too. Only Linux tells; elsewhere it counts as unread.
 */
function isUnread(): boolean {
  try {
    return /^pos:\s+0$/m.test(readFileSync('/proc/self/fdinfo/0', 'utf8'));
  } catch {
    return true;
  }
}
