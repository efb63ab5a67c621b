import { join } from 'node:path';
import { Command, Option } from 'commander';
import { pasteable } from '../../lab/repeat.ts';
import issueTracker from '../../lab/scenarios/issue-tracker.ts';
import { shellWord } from '../../lab/shell-word.ts';
import jsonlWal from '../../lab/targets/jsonl-wal.ts';
import { onInterrupt, wholeNumber } from '../command.ts';
import { EXIT } from '../failure.ts';
import { clearStatus } from '../stderr.ts';
import { makePlan, type PlannedRun } from '../stress/plan.ts';
import { isFailed, Report } from '../stress/report.ts';
import { makeRun, Places } from '../stress/run.ts';
import { count } from '../words.ts';

interface Flags {
  readonly processes: number;
  readonly entries: number;
  readonly seed: number;
  readonly lock?: string;
  readonly dir?: string;
  readonly json?: true;
}

/** `jsonl-wal demo`: a scenario of the lab, whose log is kept, so that it can be looked at. */
export default function demoCommand(): Command {
  return new Command('demo')
    .option('--processes <n>', 'run this many processes, 1 to 64', wholeNumber(1, 64), issueTracker.clients)
    .option('--entries <n>', 'append this many entries', wholeNumber(1, 1_000_000), 2000)
    .option('--seed <n>', 'choose when processes are killed', wholeNumber(0, 2 ** 32 - 1), 1)
    .addOption(
      new Option(
        '--lock <kind>',
        'order the writers with this lock (default: the best that works here)',
      ).choices(jsonlWal.locks),
    )
    .option('-C, --dir <dir>', 'keep the log and the journals in this directory (default: a temporary one)')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Several processes append a made-up issue tracker's history to one new log at once. Now and then one of them is killed
(kill -9) and started again. Then the log is checked against what each process was told. "jsonl-wal stress --list" has
more such scenarios.

Exit codes: 0 all checks pass; 1 a check fails, or the demo could not be run; 2 usage; 130 stopped by Ctrl-C.

Example:
  $ jsonl-wal demo --lock none --processes 20`,
    )
    .action((_flags: unknown, command: Command) => demo(command.optsWithGlobals()));
}

async function demo({ processes, entries, dir, ...flags }: Flags): Promise<void> {
  const iterations = Math.ceil(entries / processes);
  const given = { ...flags, processes, iterations, target: jsonlWal.name };
  const [run] = makePlan([issueTracker], given, jsonlWal).runs as [PlannedRun];
  const places = new Places(dir ?? true);
  const report = new Report(given);
  const interruption = onInterrupt();
  const { signal } = interruption;
  try {
    report.note(
      `${count(processes, 'process appends', 'processes append')} ${count(processes * iterations, 'entry', 'entries')} of a made-up issue tracker's history to one new log at once.\nEach waits until its entry is safe on the disk before it appends the next.\nNow and then one is killed (kill -9) and started again.\nThen the log is checked against what each process was told.`,
    );
    const { result } = await makeRun(run, places, { signal, recorded: false, strictTimes: false });
    await report.run(issueTracker, result);
    const log = shellWord(join(result.directory as string, 'store'));
    await report.say([
      '',
      'Try next:',
      `  head -3 ${log}/00000000000000000001.jsonl | jq`,
      `  ${pasteable(`jsonl-wal verify -C ${log}`)}`,
      `  ${pasteable('jsonl-wal demo --lock none --processes 20')}`,
    ]);
    process.exitCode = isFailed(result, false) ? EXIT.error : signal.aborted ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    report.note('Stopped before anything was appended.');
    process.exitCode = EXIT.interrupted;
  } finally {
    interruption.end();
    clearStatus();
  }
}
