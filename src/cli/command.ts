import { Command, InvalidArgumentError } from 'commander';

/** Options that every command takes. */
export interface Common {
  /** The log's directory. */
  readonly dir: string;
  readonly json: boolean;
}

/** Makes a command with the options that all have, and examples under its help. */
export function makeCommand(name: string, examples: readonly string[]): Command {
  const command = withCommon(new Command(name));
  const lines = examples.map((example) => `  $ jsonl-wal ${example}`);
  return command.addHelpText('after', `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.join('\n')}`);
}

export function withCommon(command: Command): Command {
  return command
    .option('-C, --dir <dir>', 'the log (default: $JSONL_WAL_DIR, or .beads)')
    .option('--json', 'speak JSON, one object a line, errors too');
}

/** The options of a command, with those given before its name. */
export function settingsOf<T>(command: Command): T & Common {
  const chain: object[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) chain.unshift(at.opts());
  const directory = process.env.JSONL_WAL_DIR || '.beads';
  return Object.assign({ dir: directory, json: false }, ...chain);
}

/** Parses a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
  };
}

/** Parses a time: milliseconds since the epoch, or any form of ISO 8601. */
export function time(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be milliseconds since the epoch, or an ISO 8601 time.');
}

export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(
      `It must be JSON (a text needs its own quotes): ${(error as Error).message}`,
    );
  }
}

/** Collects an option that may be given several times. */
export function several(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}
