import type { Command } from 'commander';

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
