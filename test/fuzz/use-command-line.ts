import { ERROR_CODES } from '../../src/errors/errors.ts';
import { type Run, run, runHere } from '../../src/lab/command-line.ts';
import { type Dice, pick } from '../../src/lab/seeded.ts';
import type { Findings } from './findings.ts';

/** Commands that read, and then those that write. */
const COMMANDS: readonly (readonly string[])[] = [
  ['verify'],
  ['verify', '--json'],
  ['read'],
  ['read', '--json', '--on-damage', 'skip'],
  ['tail', '-n', '3'],
  ['info'],
  ['info', '--json'],
  ['stats'],
  ['stats', '--json'],
  ['keys'],
  ['keys', '--window', '200000'],
  ['state'],
  ['state', '--at', '3'],
  ['export', '--to', 'beads', '-'],
  ['lock', 'status'],
  ['backup', 'list'],
  ['doctor'],
  ['doctor', '--json'],
  ['repair', '--mode', 'tail', '--dry-run'],
  ['repair', '--mode', 'salvage', '--dry-run'],
  ['restore', 'log', 'restored', '--on-damage', 'cut'],
  ['backup', 'copy'],
  ['repair', '--mode', 'tail'],
  ['append', '--op', 'set', '--id', 'fuzz'],
  ['snapshot', '--fold', 'last-data'],
  ['compact', '--fold', 'last-data'],
  ['repair', '--mode', 'salvage'],
  ['verify'],
];

/** What may not stand in what a person sees: all that steers a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
/** JSON lines need not be fit to be seen, but are lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it looks for
const CONTROL_IN_JSON = /[\u0000-\u0009\u000b-\u001f]/;
const EXIT_CODES = [0, 1, 2, 3, 4, 5];

/** Runs some commands on the log `log` in `directory`: `how` says whether in this process, or each in one of its own. */
export async function useCommandLine(
  directory: string,
  dice: Dice,
  how: 'here' | 'processes',
  findings: Findings,
): Promise<void> {
  const chosen = COMMANDS.filter(() => dice() < (how === 'here' ? 0.5 : 0.1));
  for (const command of chosen.length > 0 ? chosen : [pick(dice, COMMANDS) as readonly string[]]) {
    const args = ['-C', 'log', ...command];
    const name = `jsonl-wal ${args.join(' ')}`;
    const ended = how === 'here' ? await runHere(directory, args) : await run(directory, args);
    findings.count(`exit code ${ended.code}`);
    checkRun(name, ended, findings);
  }
}

/** Holds what a run of a command left against what any run may leave, whatever log it was given. */
export function checkRun(name: string, { code, stdout, stderr }: Run, findings: Findings): void {
  if (code === null || !EXIT_CODES.includes(code))
    findings.fault(`${name} ended with ${code}: ${stderr.slice(-2000)}`);
  const control = (name.includes('--json') || name.includes('export') ? CONTROL_IN_JSON : CONTROL).exec(
    stdout,
  );
  if (control !== null) findings.fault(`${name} writes ${JSON.stringify(control[0])} to stdout`);
  if (CONTROL.test(stderr))
    findings.fault(`${name} writes control characters to stderr: ${JSON.stringify(stderr.slice(0, 500))}`);
  if (/^ +at .*\(.*:\d+:\d+\)$/m.test(stderr))
    findings.fault(`${name} shows a stack: ${stderr.slice(0, 2000)}`);
  // The doctor's findings are its answer, on stdout.
  if (code === 0 || code === null || name.includes('doctor')) return;
  // A warning may stand before the error, or after it.
  const told = [...stderr.matchAll(/ \[(\w+)\]$|"code":"(\w+)"/gm)].map(
    ([, plain, json]) => plain ?? json ?? '',
  );
  if (!told.some((code) => Object.hasOwn(ERROR_CODES, code)))
    findings.fault(`${name} ended with ${code}, and names no error of the log's: ${stderr.slice(0, 1000)}`);
}
