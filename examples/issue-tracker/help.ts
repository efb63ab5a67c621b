import type { OptionSpec } from './arguments.ts';
import { COMMANDS, COMMON, type Command } from './commands.ts';

const EXIT_CODES = 'Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 another agent has the issue.';

/** How all is used, or one command. */
export function help(name?: string): string {
  const command = name === undefined ? undefined : COMMANDS[name];
  return name === undefined || command === undefined ? overview() : helpOf(name, command);
}

function overview(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { operands, about }]) => [usage(name, operands), about] as const,
  );
  return [
    'Issues for a team of agents: one append-only log, any number of processes, no server.',
    '',
    'Usage: issue-tracker COMMAND, and after it',
    ...columns(Object.entries(COMMON).map(([name, option]) => [flag(name, option), option.about])),
    '',
    'Commands:',
    ...columns(commands),
    '',
    'COMMAND --help says more of one.',
    EXIT_CODES,
  ].join('\n');
}

function helpOf(name: string, { about, operands, options = {} }: Command): string {
  const flags = Object.entries({ ...options, ...COMMON });
  return [
    `Usage: issue-tracker ${usage(name, operands)} [options]`,
    '',
    about,
    '',
    ...columns(flags.map(([option, spec]) => [flag(option, spec), spec.about])),
    '',
    EXIT_CODES,
  ].join('\n');
}

function usage(name: string, operands: readonly string[]): string {
  return [name, ...operands.map((operand) => (operand.startsWith('[') ? operand : `<${operand}>`))].join(' ');
}

function flag(name: string, { short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
