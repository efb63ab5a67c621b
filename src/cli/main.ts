#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { adopt, commandName, namedLog } from './arguments.ts';
import { withCommon } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT, reportFailure, usageError } from './failure.ts';
import { sayNote } from './note.ts';
import { Output } from './output.ts';

const args = process.argv.slice(2);

process.removeAllListeners('warning');
process.on('warning', ({ message }) => sayNote(message));

/** What help is written to, once some is asked for. */
let help: Output | undefined;

try {
  const program = await makeProgram(commandName(args));
  if (args.length === 0) program.outputHelp();
  else await program.parseAsync(meant(args), { from: 'user' });
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
await help?.flush().catch((error) => {
  process.exitCode = exitCodeOf(error);
});

/** The program, with the one command that is wanted; of the others it knows what help says. */
async function makeProgram(wanted: string | undefined): Promise<Command> {
  const program = withCommon(new Command('jsonl-wal'))
    .description('One log, many writers: an append-only write-ahead log in plain JSON lines.')
    .version(await versionOf(args), '-V, --version')
    .addHelpText(
      'after',
      '\nExample:\n  $ jsonl-wal init && jsonl-wal append --op add --id bd-1 && jsonl-wal read',
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 error, 2 usage, 3 conflict, 4 corruption, 5 lock timeout, 6 the log was replaced meanwhile, 7 doctor could not try an append, for it may only read, 130 interrupted.',
    )
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: sayHelp, outputError: () => {} });
  // Other commands are listed in help, and in the error for an unknown command.
  const listed = wanted === undefined || !isCommand(wanted) || args.some(isHelp);
  for (const { name, summary, load } of COMMANDS) {
    if (name === wanted) program.addCommand(adopt(await load(), program).description(summary));
    else if (listed) program.command(name).description(summary);
  }
  return program;
}

/** What to parse: help of a command that there is none of is a call of it, which says so. */
function meant(args: readonly string[]): readonly string[] {
  const name = commandName(args);
  if (name === undefined || isCommand(name)) return args;
  return args.filter((arg) => !isHelp(arg));
}

function isHelp(arg: string): boolean {
  return ['help', '--help', '-h'].includes(arg);
}

function isCommand(name: string): boolean {
  return COMMANDS.some((command) => command.name === name);
}

function sayHelp(text: string): void {
  help ??= new Output();
  void help.text(text);
}

/** The package's version, where it is asked for. */
async function versionOf(args: readonly string[]): Promise<string> {
  if (!args.includes('-V') && !args.includes('--version')) return '';
  const { packageVersion } = await import('./version.ts');
  return packageVersion();
}

function exitCodeOf(error: unknown): number {
  const json = args.includes('--json');
  if (!(error instanceof CommanderError)) return reportFailure(error, json, namedLog(args));
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code === 'commander.help') return EXIT.usage;
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  const name = commandName(args);
  const known = name !== undefined && isCommand(name);
  return reportFailure(usageError(`${message} (see "jsonl-wal ${known ? `${name} ` : ''}--help")`), json);
}
