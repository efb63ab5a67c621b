import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { usageError } from './failure.ts';
import { parseJson } from './json-input.ts';
import { MOST_LINE_BYTES } from './lines.ts';
import { stderr } from './stderr.ts';

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
