import { changedNumber } from '../format/changed-number.ts';

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
export function parseJson(text: string, indent?: number): unknown {
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
export function parseAsItIs(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`is not JSON: ${(error as Error).message}`);
  }
}

function shortened(number: string): string {
  return number.length > MOST_SHOWN ? `${number.slice(0, MOST_SHOWN)}...` : number;
}
