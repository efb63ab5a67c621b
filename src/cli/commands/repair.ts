import { type Command, Option } from 'commander';
import { type RepairOptions, type RepairReport, Wal } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { onLog, openingError, refuseAddress, usageError } from '../failure.ts';
import { bytesIn, segmentsIn } from '../log.ts';
import { firstFew, print, type Row } from '../output.ts';
import { Progress } from '../stderr.ts';
import { count, entryRange, figure } from '../words.ts';

interface RepairSettings {
  readonly mode: RepairReport['mode'];
  readonly acceptEdits?: true;
  readonly dryRun?: true;
  readonly allowNetwork?: true;
}

export default function repairCommand(): Command {
  return makeCommand('repair', ['repair --mode salvage --dry-run', 'repair --mode tail'])
    .addOption(
      new Option('--mode <how>', 'how to repair the log: see below')
        .choices(['tail', 'salvage'])
        .makeOptionMandatory(),
    )
    .option('--accept-edits', 'salvage: keep lines that were edited by hand as they are now')
    .option('--dry-run', 'write nothing, and print what would be done')
    .option('--allow-network', 'allow a network file system, where one machine alone may write')
    .addHelpText(
      'after',
      `
tail appends a record that names what is missing or damaged at the end, so that the log can be written again. It is
refused where that would bury entries that can still be read.
salvage makes a new log of every entry that can be read, and puts that in its place: for a wal.json or segments that are
missing, damage in the middle, both sides of a merge conflict, line ends or an encoding that something changed. A line that
was edited by hand is left out, and shown, or kept as it is now with --accept-edits, and then an entry wal.repair at the end
says so. The original is kept whole, beside the log's backups.
Neither changes a byte of what is there, and run again they find nothing to do. "jsonl-wal doctor" says which is wanted.`,
    )
    .action(async (_options: unknown, command: Command) => {
      const settings = settingsOf<RepairSettings>(command);
      const { dir, json, mode, acceptEdits = false, dryRun = false, allowNetwork = false } = settings;
      refuseAddress(dir);
      if (acceptEdits && mode === 'tail') throw usageError('--accept-edits goes with --mode salvage.');
      const report = await repair(dir, { mode, acceptEdits, dryRun, allowNetwork });
      const done = dryRun ? undefined : { told: 'The repair is done.', seq: report.head.seq };
      await print(json, { ...report, kept: report.kept ?? null }, () => rowsOf(report, acceptEdits), done);
    });
}

async function repair(directory: string, options: RepairOptions): Promise<RepairReport> {
  let progress: Progress | undefined;
  try {
    return await Wal.repair(directory, {
      ...options,
      onProgress: (bytes) => {
        progress ??= new Progress('repair', bytesIn(segmentsIn(directory)));
        progress.update(bytes, () => count(bytes, 'byte'));
      },
    });
  } catch (error) {
    throw openingError(error, directory, undefined, 'name the directory of a log with -C');
  } finally {
    progress?.end();
  }
}

/** Characters of an edited line that are shown; --json has more. */
const MOST_SHOWN = 300;

function rowsOf(report: RepairReport, acceptEdits: boolean): Row[] {
  const { dryRun, reasons, entries, recovered, converted, edits, lost, lostIds, damaged, kept } = report;
  if (reasons.length === 0) return [['repair', 'there is nothing to do']];
  const beyond = recovered > 0 ? `, of which ${figure(recovered)} no longer counted` : '';
  return [
    ...reasons.map((reason, i): Row => [i === 0 ? 'wrong' : '', onLog(reason, report.directory)]),
    ['repair', repairText(report)],
    ['entries', `${figure(entries)}${beyond}`],
    ...shown(
      'converted',
      converted,
      ({ cause, lines }) => `${count(lines, 'line')} (${cause}), kept as they were`,
    ),
    ...shown('lost', lost, lostText),
    ...(lostIds === 0
      ? []
      : [['', `the state of ${count(lostIds, 'id')}, with parts of the snapshot`] as const]),
    ...shown('damaged', damaged, damagedText),
    ...shown('edited', edits, (edit) => editText(edit, acceptEdits)),
    ...(kept === undefined ? [] : [['original', kept] as const]),
    ...(dryRun ? [['', 'nothing was written (--dry-run)'] as const] : []),
  ];
}

function repairText({ mode, dryRun, head: { seq } }: RepairReport): string {
  const done = dryRun ? 'would be' : 'was';
  if (mode === 'salvage') return `a new log ${done} made, up to entry ${seq}`;
  return `a record ${done} appended, entry ${dryRun ? seq + 1 : seq}`;
}

function lostText({ from, to, segment, offset, cause }: RepairReport['lost'][number]): string {
  return `${entryRange(from, to)} (${cause}, ${segment} byte ${offset})`;
}

function editText(
  { from, to, segment, line, text }: RepairReport['edits'][number],
  accepted: boolean,
): string {
  const what = accepted ? 'kept as it is now' : 'left out (--accept-edits keeps it as it is now)';
  const shown = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return `${entryRange(from, to)} (${segment} line ${line}), ${what}: ${shown}`;
}

function damagedText({ cause, segment, line, length }: RepairReport['damaged'][number]): string {
  return `${segment} line ${line}, ${count(length, 'byte')} (${cause})`;
}

function shown<T>(name: string, items: readonly T[], text: (item: T) => string): Row[] {
  return firstFew(items, (item, i) => [[i === 0 ? name : '', text(item)]]);
}
