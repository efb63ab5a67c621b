import { Command, Option } from 'commander';
import { type DemoPlan, type DemoProgress, runDemo } from '../../lab/demo.ts';
import type { DemoResult } from '../../lab/demo-result.ts';
import { SAMPLE_ENTRIES, SAMPLE_SEED } from '../../lab/sample.ts';
import { onInterrupt, wholeNumber } from '../command.ts';
import { paintFor } from '../demo/paint.ts';
import { showProgress } from '../demo/progress.ts';
import { intro, report } from '../demo/report.ts';
import { Output } from '../output.ts';
import { stderr } from '../stderr.ts';

interface Flags {
  readonly input?: string;
  readonly entries: number;
  readonly seed: number;
  readonly processes: number;
  readonly inFlight: number;
  readonly lock: DemoPlan['lock'];
  readonly durability: DemoPlan['durability'];
  readonly dir?: string;
  readonly json?: true;
}

const NOTES = `
The input is JSON Lines, plain or gzip, one entry a line:
  {"op":"add","id":"bd-1","data":{"title":"..."},"ts":1760293529}
  op, id  what happened, and to what: strings that are not empty
  data    any JSON; may be missing
  ts      milliseconds since 1970, or seconds: a number below 100,000,000,000 is
          taken for seconds; made whole milliseconds; if missing, now
A line with other fields, or that is no such entry, is skipped, counted and
reported by its number. Entries are dealt out in turn: entry i to process i mod N.

Exit codes: 0 nothing lost or doubled and the log verifies; 1 a process failed, or
the demo could not run; 2 usage, or an input or directory that is of no use; 4 the
log is not what the processes were told; 130 stopped by Ctrl-C.`;

/** `jsonl-wal demo`: processes append a history to one new log at once, and the log is held against what each was told. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('see several processes append to one log at once')
    .description(
      "Has several processes append an issue tracker's history to one new log at once,\nthen verifies the log against what each process was told.",
    )
    .option('--input <file>', 'history to append, JSONL or .jsonl.gz (default: a made-up one)')
    .addOption(
      new Option('--entries <n>', 'entries of the made-up history')
        .argParser(wholeNumber(1, 10_000_000))
        .default(SAMPLE_ENTRIES)
        .conflicts('input'),
    )
    .addOption(
      new Option('--seed <n>', 'what the made-up history is made from')
        .argParser(wholeNumber(0, 2 ** 32 - 1))
        .default(SAMPLE_SEED)
        .conflicts('input'),
    )
    .option('--processes <n>', 'processes, 1 to 64', wholeNumber(1, 64), 5)
    .option('--in-flight <n>', 'appends each awaits at once, 1 to 1024', wholeNumber(1, 1024), 1)
    .addOption(
      new Option('--lock <kind>', 'what orders the writers')
        .choices(['auto', 'kernel', 'lockfile', 'none'])
        .default('auto'),
    )
    .addOption(
      new Option('--durability <when>', 'acknowledge when synced to disk, or when written')
        .choices(['sync', 'os'])
        .default('sync'),
    )
    .option('-C, --dir <dir>', 'new or empty directory for the log (default: a temporary one, kept)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', NOTES)
    .action((_flags: unknown, command: Command) => demo(command.optsWithGlobals()));
}

async function demo(flags: Flags): Promise<void> {
  const { input, entries, seed, dir: directory, json, ...rest } = flags;
  const plan: DemoPlan = {
    ...rest,
    directory,
    source:
      input === undefined
        ? { kind: 'sample', entries, seed }
        : { kind: 'file', path: input, defaultTs: Date.now() },
  };
  const interruption = onInterrupt();
  const paint = paintFor(stderr());
  const progress: DemoProgress = { phase: 'reading', entries: 0, members: [], startedAt: undefined };
  stderr().write(intro(plan, paint));
  const hide = showProgress(stderr(), paint, progress);
  let result: DemoResult;
  try {
    result = await runDemo(plan, interruption.signal, progress);
  } catch (error) {
    if (!interruption.signal.aborted || error !== interruption.signal.reason) throw error;
    stderr().write('Stopped before anything was appended.\n');
    process.exitCode = 130;
    return;
  } finally {
    hide();
    interruption.end();
  }
  process.exitCode = exitCode(result);
  const output = new Output();
  if (json) await output.json(forMachines(plan, result));
  else await output.text(report(plan, result, paintFor(process.stdout)));
  await output.flush();
}

function exitCode({ sound, interrupted, members }: DemoResult): number {
  if (!sound) return 4;
  if (interrupted) return 130;
  return members.some(({ problem }) => problem !== undefined) ? 1 : 0;
}

function forMachines({ source, inFlight, durability }: DemoPlan, result: DemoResult): object {
  const { sound, interrupted, directory, lock, entries, problems, members, seconds, latencyMs, work } =
    result;
  const { acknowledged, faults, ...findings } = result.findings;
  const { ok, bytes, lines, error } = result.verify;
  return {
    ok: sound && !interrupted && members.every(({ problem }) => problem === undefined),
    interrupted,
    directory,
    ...(source.kind === 'sample' ? { seed: source.seed } : { input: source.path }),
    lock,
    durability,
    inFlight,
    entries,
    acknowledged,
    skipped: problems,
    seconds,
    entriesPerSecond: seconds > 0 ? acknowledged / seconds : 0,
    latencyMs,
    ...work,
    ...findings,
    faults,
    verify: { ok, bytes, lines, ...(error && { error: error.message }) },
    processes: members.map(({ pid, share, acknowledged, problem }) => ({
      pid,
      share,
      acknowledged,
      problem,
    })),
  };
}
