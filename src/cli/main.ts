#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { withCommon } from './command.ts';
import { EXIT, reportFailure, usageError } from './failure.ts';
import { Output } from './output.ts';
import { sayNote } from './stderr.ts';

/** The name of the command that the arguments call, so that it alone need be loaded. */
export function commandName(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '-C' || arg === '--dir') i++;
    else if (arg !== 'help' && !arg.startsWith('-')) return arg;
  }
  return undefined;
}

/** Gives a command, and those under it, what it would have inherited had the parent made it. */
export function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) adopt(child, command);
  return command;
}

/** The log that a command line names; undefined if it names none. */
export function namedLog(args: readonly string[]): string | undefined {
  for (const [i, arg] of args.entries()) {
    if (arg === '--') return undefined;
    if (arg === '-C' || arg === '--dir') return args[i + 1];
    if (arg.startsWith('--dir=')) return arg.slice('--dir='.length);
    if (/^-C./.test(arg)) return arg.slice('-C'.length);
  }
  return undefined;
}

/** A command by name: what help says of it, and how to load it when it is called. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** All commands. Each is loaded only when it is called: an agent's append pays for nothing else. */
export const COMMANDS: readonly Entry[] = [
  {
    name: 'init',
    summary: 'make a log, or see that there is one',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'append',
    summary: 'append an entry, or the JSON lines of standard input',
    load: async () => (await import('./commands/append.ts')).appendCommand(),
  },
  {
    name: 'read',
    summary: 'print the entries of the log, or of a range',
    load: async () => (await import('./commands/read.ts')).readCommand(),
  },
  {
    name: 'tail',
    summary: 'print the last entries, and with -f those to come',
    load: async () => (await import('./commands/tail.ts')).tailCommand(),
  },
  {
    name: 'state',
    summary: 'print the current state, by id',
    load: async () => (await import('./commands/state.ts')).stateCommand(),
  },
  {
    name: 'snapshot',
    summary: 'make a snapshot of the state, and delete nothing',
    load: async () => (await import('./commands/snapshot.ts')).snapshotCommand(),
  },
  {
    name: 'compact',
    summary: 'fold the log into a snapshot, and delete what that makes needless',
    load: async () => (await import('./commands/compact.ts')).compactCommand(),
  },
  {
    name: 'verify',
    summary: 'read the whole log, and say whether anything acknowledged is missing',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'doctor',
    summary: 'look for all that can be wrong with a log and its place, and say how to mend it',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  {
    name: 'repair',
    summary: 'mend a damaged log, and keep the original',
    load: async () => (await import('./commands/repair.ts')).repairCommand(),
  },
  {
    name: 'info',
    summary: 'what log this is, how far it is, and how it is locked',
    load: async () => (await import('./commands/info.ts')).infoCommand(),
  },
  {
    name: 'keys',
    summary: 'how far back idempotency keys are looked for, what that costs, and to raise it',
    load: async () => (await import('./commands/keys.ts')).keysCommand(),
  },
  {
    name: 'stats',
    summary: 'entries, ids, sizes, and how much of the log compaction would free',
    load: async () => (await import('./commands/stats.ts')).statsCommand(),
  },
  {
    name: 'backup',
    summary: 'copy the log while others write it; list and prune such copies',
    load: async () => (await import('./commands/backup.ts')).backupCommand(),
  },
  {
    name: 'restore',
    summary: 'make a new log of a backup, or of any log, up to an entry',
    load: async () => (await import('./commands/restore.ts')).restoreCommand(),
  },
  {
    name: 'lock',
    summary: 'look at the lock, change its kind on this machine, or break it',
    load: async () => (await import('./commands/lock.ts')).lockCommand(),
  },
  {
    name: 'import',
    summary: 'bring the state to what the file of another tool says',
    load: async () => (await import('./commands/import.ts')).importCommand(),
  },
  {
    name: 'export',
    summary: 'write the current state as the file of another tool',
    load: async () => (await import('./commands/export.ts')).exportCommand(),
  },
  {
    name: 'demo',
    summary: 'see several processes append to one log at once',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'stress',
    summary: 'have many clients write to one store at once, and check what must hold',
    load: async () => (await import('./commands/stress.ts')).stressCommand(),
  },
];

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
  const { packageVersion } = await import('./command.ts');
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
