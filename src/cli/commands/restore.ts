import { type Command, Option } from 'commander';
import { type RestoreOptions, type RestoreReport, Wal } from '../../index.ts';
import { interruptible, makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { openingError, refuseAddress } from '../failure.ts';
import { metaOf } from '../log.ts';
import { firstFew, print, type Row } from '../output.ts';
import { count, entryRange } from '../words.ts';
import { writeGitFiles } from '../write-file.ts';

interface RestoreSettings {
  readonly toSeq?: number;
  readonly onDamage: 'error' | 'cut';
}

export default function restoreCommand(): Command {
  return makeCommand('restore', [
    'restore .beads/backups/20250101T120000.000Z-42 restored',
    'restore .beads before --to-seq 1000',
  ])
    .argument('<from>', 'a backup, or the directory of any log; it is only read')
    .argument('<dest>', 'a directory that is not there yet, or empty')
    .option('--to-seq <seq>', 'the last entry to restore (default: the last there is)', wholeNumber(0))
    .addOption(
      new Option(
        '--on-damage <what>',
        'at damage before that: refuse with exit code 4, or take what is before it',
      )
        .choices(['error', 'cut'])
        .default('error'),
    )
    .addHelpText(
      'after',
      '\nThe new log has an id of its own. Its files are copies; what did not count in the other is left out.',
    )
    .action(async (from: string, destination: string, _options: unknown, command: Command) => {
      const { json, toSeq, onDamage } = settingsOf<RestoreSettings>(command);
      refuseAddress(from);
      refuseAddress(destination);
      const report = await interruptible((signal) =>
        restore(from, destination, { onDamage, signal, ...(toSeq !== undefined && { toSeq }) }),
      );
      writeGitFiles(report.directory, metaOf(report.directory).git);
      const done = { told: `The new log is in ${report.directory}.`, seq: report.seq };
      await print(json, report, () => rowsOf(report), done);
    });
}

async function restore(from: string, destination: string, options: RestoreOptions) {
  try {
    return await Wal.restore(from, destination, options);
  } catch (error) {
    throw openingError(
      error,
      from,
      undefined,
      'name a backup ("jsonl-wal backup list") or a log\'s directory',
    );
  }
}

function rowsOf({ directory, id, seq, applied, skipped, failed, missing }: RestoreReport): Row[] {
  const first = seq - applied + 1;
  const before = first > 1 && applied > 0 ? `; a snapshot covers those up to ${first - 1}` : '';
  const only = applied === 0 && seq > 0 ? `; a snapshot covers all up to entry ${seq}` : '';
  return [
    ['restored', `${directory} (log ${id})`],
    ['applied', `${count(applied, 'entry', 'entries')}${rangeText(first, seq)}${before}${only}`],
    ['skipped', `${count(skipped, 'entry', 'entries')}${skipped > 0 ? `, after entry ${seq}` : ''}`],
    ['failed', count(failed.length, 'line')],
    ...firstFew(failed, (line) => [['', failedText(line)]]),
    ...missing.map(({ from, to }): Row => ['missing', entryRange(from, to)]),
  ];
}

function failedText({ verdict, segment, offset, cause }: RestoreReport['failed'][number]): string {
  const where = offset === undefined ? segment : `${segment} byte ${offset}`;
  return `${verdict}${cause === undefined ? '' : ` (${cause})`} at ${where}`;
}

function rangeText(first: number, last: number): string {
  if (last < first) return '';
  return first === last ? `, entry ${first}` : `, ${first} to ${last}`;
}
