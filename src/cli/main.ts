#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { withCommon } from './command.ts';
import { EXIT, reportFailure, usageError } from './failure.ts';
import { Output } from './output.ts';
import { sayNote } from './stderr.ts';

/** The name of the command that the arguments call, so that it alone need be loaded. */
function commandName(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '-C' || arg === '--dir') i++;
    else if (arg !== 'help' && !arg.startsWith('-')) return arg;
  }
  return undefined;
}

/** Gives a command, and those under it, what it would have inherited had the parent made it. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) adopt(child, command);
  return command;
}

/** The log that a command line names; undefined if it names none. */
function namedLog(args: readonly string[]): string | undefined {
  for (const [i, arg] of args.entries()) {
    if (arg === '--') return undefined;
    if (arg === '-C' || arg === '--dir') return args[i + 1];
    if (arg.startsWith('--dir=')) return arg.slice('--dir='.length);
    if (/^-C./.test(arg)) return arg.slice('-C'.length);
  }
  return undefined;
}

type Load = () => Promise<{ default: () => Command }>;

/** Each command with its line in help. Only the module of the one that is called is loaded: an append pays for no other. */
const COMMANDS: Readonly<Record<string, [summary: string, load: Load]>> = {
  init: ['make a log, or check that there is one', () => import('./commands/init.ts')],
  append: ['append an entry, or the JSON lines of standard input', () => import('./commands/append.ts')],
  read: ['print the entries of the log, or of a range', () => import('./commands/read.ts')],
  tail: ['print the last entries, and with -f those to come', () => import('./commands/tail.ts')],
  state: ['print the current state, by id', () => import('./commands/state.ts')],
  snapshot: ['make a snapshot of the state; delete nothing', () => import('./commands/snapshot.ts')],
  compact: ['make a snapshot, and delete what it makes needless', () => import('./commands/compact.ts')],
  verify: [
    'read the whole log, and report missing acknowledged entries',
    () => import('./commands/verify.ts'),
  ],
  doctor: ['check the log and its environment, and print fixes', () => import('./commands/doctor.ts')],
  repair: ['repair a damaged log, and keep the original', () => import('./commands/repair.ts')],
  info: ['print the id, the head and the lock of the log', () => import('./commands/info.ts')],
  keys: ['print or raise the window of idempotency keys', () => import('./commands/keys.ts')],
  stats: ['print entries, ids, sizes, and what compaction would free', () => import('./commands/stats.ts')],
  backup: ['copy the log while others write; list or prune copies', () => import('./commands/backup.ts')],
  restore: ['make a new log of a backup, or of any log', () => import('./commands/restore.ts')],
  lock: ['print, change or break the lock of the log', () => import('./commands/lock.ts')],
  import: ['bring the state to what the file of another tool says', () => import('./commands/import.ts')],
  export: ['write the current state as the file of another tool', () => import('./commands/export.ts')],
  demo: ['show several processes appending to one log at once', () => import('./commands/demo.ts')],
  stress: [
    'have many clients write to one store, and check the result',
    () => import('./commands/stress.ts'),
  ],
};

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
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    if (name === wanted) program.addCommand(adopt((await load()).default(), program).description(summary));
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
  return Object.hasOwn(COMMANDS, name);
}

function sayHelp(text: string): void {
  help ??= new Output();
  void help.text(text);
}

/** The package's version, where it is asked for. */
async function versionOf(args: readonly string[]): Promise<string> {
  if (!args.includes('-V') && !args.includes('--version')) return '';
  const { packageVersion } = await import('./commands/stats.ts');
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
