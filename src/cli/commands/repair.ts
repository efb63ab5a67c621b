import { type Command, Option } from 'commander';
import { type RepairReport, Wal } from '../../index.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { firstFew } from '../first-few.ts';
import { openingError, refuseAddress } from '../opening.ts';
import { Output, type Row } from '../output.ts';
import { bytesIn, segmentsIn } from '../segments.ts';
import { Progress } from '../status.ts';
import { count, entryRange, figure } from '../words.ts';

interface RepairSettings {
  readonly mode: RepairReport['mode'];
  readonly dryRun?: true;
  readonly allowNetwork?: true;
}

export function repairCommand(): Command {
  return makeCommand('repair', ['repair --mode salvage --dry-run', 'repair --mode tail'])
    .addOption(
      new Option('--mode <how>', 'how to mend it: see below')
        .choices(['tail', 'salvage'])
        .makeOptionMandatory(),
    )
    .option('--dry-run', 'write nothing, and print what would be done')
    .option('--allow-network', 'allow a network file system, where one machine alone may write')
    .addHelpText(
      'after',
      `
tail appends a record that names what is missing or damaged at the end, so that the log can be written again. It is
refused where that would bury entries that can still be read.
salvage makes the log anew of every entry that can be read, and puts that in its place: for a wal.json or segments that are
missing, damage in the middle, both sides of a merge conflict. The original is kept whole, beside the log's backups.
Neither changes a byte of what is there, and run again they find nothing to do. "jsonl-wal doctor" says which is wanted.`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, mode, dryRun = false, allowNetwork = false } = settingsOf<RepairSettings>(command);
      refuseAddress(dir);
      const report = await repair(dir, { mode, dryRun, allowNetwork });
      const output = new Output();
      if (json) await output.json({ ...report, kept: report.kept ?? null });
      else await output.facts(rowsOf(report));
      await output.flush();
    });
}

async function repair(
  directory: string,
  options: { readonly mode: RepairReport['mode']; readonly dryRun: boolean; readonly allowNetwork: boolean },
): Promise<RepairReport> {
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

function rowsOf(report: RepairReport): Row[] {
  const { dryRun, reasons, entries, recovered, lost, lostIds, damaged, kept } = report;
  if (reasons.length === 0) return [['repair', 'there is nothing to do']];
  const beyond = recovered > 0 ? `, ${figure(recovered)} of them did not count any more` : '';
  return [
    ...reasons.map((reason, i): Row => [i === 0 ? 'wrong' : '', reason]),
    ['repair', repairText(report)],
    ['entries', `${figure(entries)}${beyond}`],
    ...shown('lost', lost, lostText),
    ...(lostIds === 0
      ? []
      : [['', `the state of ${count(lostIds, 'id')}, with parts of the snapshot`] as const]),
    ...shown('damaged', damaged, damagedText),
    ...(kept === undefined ? [] : [['original', kept] as const]),
    ...(dryRun ? [['', 'nothing was written (--dry-run)'] as const] : []),
  ];
}

function repairText({ mode, dryRun, head: { seq } }: RepairReport): string {
  const done = dryRun ? 'would be' : 'was';
  if (mode === 'salvage') return `the log ${done} made anew, up to entry ${seq}`;
  return `a record ${done} appended, entry ${dryRun ? seq + 1 : seq}`;
}

function lostText({ from, to, segment, offset, cause }: RepairReport['lost'][number]): string {
  return `${entryRange(from, to)} (${cause}, ${segment} byte ${offset})`;
}

function damagedText({ cause, segment, line, length }: RepairReport['damaged'][number]): string {
  return `${segment} line ${line}, ${count(length, 'byte')} (${cause})`;
}

function shown<T>(name: string, items: readonly T[], text: (item: T) => string): Row[] {
  return firstFew(items, (item, i) => [[i === 0 ? name : '', text(item)]]);
}
