#!/usr/bin/env node
import { type Answer, type Given, readArguments, UsageError } from './arguments.ts';
import { COMMANDS, COMMON } from './commands.ts';
import { json, printable } from './output.ts';

/** Does what the command line says. */
async function run([name, ...args]: readonly string[]): Promise<Answer> {
  if (name === undefined) throw new UsageError('Say which command.');
  if (name === 'help' || name === '--help' || name === '-h') return help(args[0]);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined)
    throw new UsageError(`There is no command ${JSON.stringify(name)}; it comes first.`);
  const given: Given = readArguments(args, command.operands, { ...command.options, ...COMMON });
  return 'help' in given.options ? help(name) : command.run(given);
}

async function help(name?: string): Promise<Answer> {
  const text = (await import('./help.ts')).help(name);
  return { value: text, text };
}

const args = process.argv.slice(2);
const isJson = args.includes('--json');

/** Says what went wrong, and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${printable(error.message)} "help" tells how it is used.\n`);
    return 2;
  }
  const { code, message, claimedBy, outcome } = error as Partial<Record<string, unknown>>;
  // Its own refusals, and those of the log; all else is a bug.
  if (!(error instanceof Error) || typeof code !== 'string') throw error;
  const text = isJson ? json({ error: { code, message, claimedBy, outcome } }) : printable(error.message);
  process.stderr.write(`${text}\n`);
  return code === 'CLAIMED' ? 3 : 1;
}

// As in "list | head": nobody reads on, so there is nothing more to do.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const { value, text, note } = await run(args);
  const output = isJson ? json(value) : text;
  if (output !== '') process.stdout.write(`${output}\n`);
  if (note !== undefined) process.stderr.write(`${note}\n`);
} catch (error) {
  process.exitCode = report(error);
}
