import { pathToFileURL } from 'node:url';
import { ERROR_CODES } from '../../errors/errors.ts';
import { PROGRAM, type Run, run } from '../command-line.ts';
import { type Dice, pick } from '../seeded.ts';
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
    check(name, ended, findings);
  }
}

function check(name: string, { code, stdout, stderr }: Run, findings: Findings): void {
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
  const told = /\[([^[\]]+)\]\n$/.exec(stderr)?.[1] ?? /"code":"([^"]+)"/.exec(stderr)?.[1];
  if (told === undefined || !Object.hasOwn(ERROR_CODES, told))
    findings.fault(`${name} ended with ${code}, and names no error of the log's: ${stderr.slice(0, 1000)}`);
}

let runs = 0;

/** Runs the program's main module once more in this process: what it writes is kept. */
async function runHere(directory: string, args: readonly string[]): Promise<Run> {
  const { argv, exitCode } = process;
  const at = process.cwd();
  const listeners = process.listeners('warning');
  const said = { stdout: '', stderr: '' };
  const streams = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const { write } = stream;
    stream.setMaxListeners(0);
    stream.write = ((text: string | Uint8Array, ...rest: unknown[]) => {
      said[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined;
      if (done !== undefined) setImmediate(done);
      return true;
    }) as typeof stream.write;
    return () => {
      stream.write = write;
    };
  });
  try {
    process.chdir(directory);
    process.argv = [process.execPath, PROGRAM, ...args];
    process.exitCode = undefined;
    await import(`${pathToFileURL(PROGRAM)}?run=${++runs}`);
    return { code: Number(process.exitCode ?? 0), ...said };
  } finally {
    for (const restore of streams) restore();
    process.removeAllListeners('warning');
    for (const listener of listeners) process.on('warning', listener);
    process.chdir(at);
    process.argv = argv;
    process.exitCode = exitCode;
  }
}
