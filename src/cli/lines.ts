import { isUtf8 } from 'node:buffer';
import { InputError, parseAsItIs, parseJson } from './json-input.ts';

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
export const MOST_LINE_BYTES = 32 * 1024 * 1024;
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
