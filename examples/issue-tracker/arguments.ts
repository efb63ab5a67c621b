import { parseArgs } from 'node:util';

/** A command that is not put as it should be. */
export class UsageError extends Error {}

export interface OptionSpec {
  readonly about: string;
  readonly short?: string;
  /** What its value is called, where it takes one. */
  readonly value?: string;
}

/** What a command is given: `--json` and the like have the value ''. */
export interface Given {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, string | undefined>>;
}

/** What a command has to say. */
export interface Answer {
  /** For programs. */
  readonly value: unknown;
  /** For people, fit for a terminal. */
  readonly text: string;
  /** For people too, but beside the answer: it goes to stderr. */
  readonly note?: string | undefined;
}

/** Sorts a command's arguments. Throws a UsageError. */
export function readArguments(
  args: readonly string[],
  operands: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
): Given {
  const given: Record<string, string> = {};
  const { values, positionals } = parse(args, options);
  for (const [name, value] of Object.entries(values)) given[name] = typeof value === 'string' ? value : '';
  const missing = operands.slice(positionals.length).find((name) => !name.startsWith('['));
  if ('help' in given) return { operands: [], options: given };
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
  const surplus = positionals[operands.length];
  if (surplus !== undefined) throw new UsageError(`There is no place for ${JSON.stringify(surplus)}.`);
  return { operands: positionals, options: given };
}

function parse(args: readonly string[], options: Readonly<Record<string, OptionSpec>>) {
  const config = Object.entries(options).map(([name, { short, value }]) => {
    const type: 'string' | 'boolean' = value === undefined ? 'boolean' : 'string';
    return [name, { type, ...(short !== undefined && { short }) }] as const;
  });
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(config), allowPositionals: true });
  } catch (error) {
    // Its messages go on with how to put a positional that begins with a dash.
    throw new UsageError((error as Error).message);
  }
}

/** Text that says something. */
export function nonEmpty(name: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`${name} must not be empty.`);
  return text;
}

export function priorityOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-4]$/.test(text)) throw new UsageError('The priority must be 0, 1, 2, 3 or 4.');
  return Number(text);
}

export function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new UsageError('The number must be a whole one from 1.');
  return Number(text);
}
