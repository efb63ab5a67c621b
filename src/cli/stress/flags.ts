import { Command, InvalidArgumentError, Option } from 'commander';
import { FAIL_RATE } from '../../lab/repeat.ts';
import { decimalNumber, wholeNumber } from '../command.ts';

/** What `jsonl-wal stress` is given. */
export interface Flags {
  readonly list?: true;
  readonly all?: true;
  readonly processes?: number;
  readonly threads?: number;
  readonly oneShot?: true;
  readonly iterations?: number;
  readonly duration?: number;
  readonly sleepRange?: SleepRange;
  readonly simulateFailure?: number | string | true;
  readonly repeat?: number;
  readonly compare?: string;
  readonly lock?: string;
  readonly target: string;
  readonly seed?: number;
  readonly timeout?: number;
  readonly strictTimes?: true;
  readonly debug?: string | true;
  readonly report?: string;
  readonly json?: true;
  /** Of the program: names a log. */
  readonly dir?: string;
}

/** In milliseconds. */
export interface SleepRange {
  readonly min: number;
  readonly max: number;
}

const MOST_SECONDS = 1_000_000;

const NOTES = `
A scenario is judged by what its clients say they did, held against what the store
has. Each check is a [PASS] or [FAIL] line. A limit of time that was missed is a
[SLOW] line, which says as much of the machine: it ends with 1 only by --strict-times,
or where 5 clients x 20 appends (append-speed) take 2 s. What fails is kept, and the
command that repeats it is printed.

--processes keeps a scenario whose operations are processes of their own one: see
--one-shot, and --list for what each is. With --repeat, the seeds are --seed and the
numbers after it. SIMULATE_FAILURE=append in the environment is --simulate-failure.

Exit codes: 0 all hold; 1 something does not, or could not be run; 2 usage; 130
stopped by Ctrl-C (a second one ends all at once).

Examples:
  $ jsonl-wal stress no-data-loss --processes 20 --lock none
  $ jsonl-wal stress --all --json > baseline.jsonl
  $ jsonl-wal stress concurrent-writers --compare baseline.jsonl
  $ jsonl-wal stress kill-storm --duration 10 --report storm.html
  $ jsonl-wal stress no-data-loss --target ./my-store.js --debug`;

/** The command, without its action. */
export function stressFlags(): Command {
  return new Command('stress')
    .description('Has many clients write to one store at once, and checks what must hold then.')
    .argument('[scenario...]', 'which (see --list)')
    .option('--list', 'tell what there is: name, what happens, source, defaults')
    .option('--all', 'run every scenario')
    .addOption(
      new Option('--processes <n>', 'so many clients, each a process')
        .argParser(wholeNumber(1, 10_000))
        .conflicts('threads'),
    )
    .option('--threads <n>', 'so many clients, all threads of one process', wholeNumber(1, 10_000))
    .addOption(
      new Option('--one-shot', 'a new process for each step, as a command line works').conflicts('threads'),
    )
    .option('--iterations <n>', 'steps of each client', wholeNumber(1, 1e9))
    .addOption(
      new Option('--duration <seconds>', 'go on for so long, in place of --iterations')
        .argParser(decimalNumber(0.001, MOST_SECONDS))
        .conflicts('iterations'),
    )
    .option(
      '--sleep-range <min-max>',
      'seconds that clients sleep between two steps, such as 0.1-2',
      sleepRange,
    )
    .option(
      '--simulate-failure [rate]',
      `let so many appends fail: =0 to =1 (default: ${FAIL_RATE})`,
      failRate,
    )
    .option(
      '--repeat <n>',
      'run so often, each time with another seed; stop where it fails',
      wholeNumber(1, 1e9),
    )
    .option('--compare <file>', 'show rate and latency beside those of a file saved from --json')
    .option(
      '--lock <kind>',
      "what orders the writers: kernel, lockfile, none (default: the scenario's, or the target's first)",
    )
    .option('--target <target>', 'what to run on: a name, or ./module.js (.ts) of your own', 'jsonl-wal')
    .option(
      '--seed <n>',
      'what chance is made from (default: another every time)',
      wholeNumber(0, 2 ** 32 - 1),
    )
    .option(
      '--timeout <seconds>',
      'end clients that take so much longer (default: 120)',
      decimalNumber(0.001, MOST_SECONDS),
    )
    .option('--strict-times', 'end with 1 where a limit of time was missed, too; that run is kept')
    .option(
      '--debug [dir]',
      'keep everything there: store, journals, a log a client (default: a temporary one)',
    )
    .option(
      '--report <file>',
      'write a page to look at: who had the write turn when, latencies, checks (HTML)',
    )
    .option('--json', 'print results as JSON, one object a run; all else goes to stderr')
    .addHelpText('after', NOTES);
}

function sleepRange(text: string): SleepRange {
  const [, min, max] = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(text) ?? [];
  const range = { min: Math.round(Number(min) * 1000), max: Math.round(Number(max) * 1000) };
  if (range.min <= range.max && range.max <= MOST_SECONDS * 1000) return range;
  throw new InvalidArgumentError('It must be MIN-MAX in seconds, such as 0.1-2.');
}

/** A text that is no number is taken for what comes next: a rate goes after `=`. */
function failRate(text: string): number | string {
  return /^[\d.]/.test(text) ? decimalNumber(0, 1)(text) : text;
}
