import type { Command } from 'commander';
import { printable } from '../../format/printable.ts';
import { type BackupReport, WalError } from '../../index.ts';
import { shellWord } from '../../lab/shell-word.ts';
import {
  AUTOMATIC_KEEP,
  type Backup,
  backUp,
  backUpTo,
  backupBeyond,
  backupsOf,
  pruneBackups,
} from '../backups.ts';
import { interruptible, makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { damageRows } from '../damage.ts';
import { errorObject, requireLog } from '../failure.ts';
import { openReader, using } from '../log.ts';
import { firstFew, Output, print, type Row, timeText } from '../output.ts';
import { sayNote, stderr } from '../stderr.ts';
import { count } from '../words.ts';

interface BackupSettings {
  readonly link: boolean;
}

export default function backupCommand(): Command {
  return makeCommand('backup', [
    'backup',
    'backup /mnt/other/beads-today',
    'backup list',
    'backup prune --keep 3',
  ])
    .argument('[dest]', "a directory that is not there yet, or empty (default: one in the log's backups)")
    .option('--no-link', 'copy all bytes: no file is shared with the log')
    .addHelpText(
      'after',
      '\nOthers may append meanwhile. All of the copy is verified before it gets its name. Of a damaged log it is kept as it is,\nsays so, and exits with 4. On the same disk, files that are written no more are hard links: that costs no space until a\ncompaction deletes them from the log; but what damages the disk damages both. To go on from a backup, restore it.',
    )
    .addCommand(listCommand())
    .addCommand(pruneCommand())
    .action(async (destination: string | undefined, _options: unknown, command: Command) => {
      const { dir, json, link } = settingsOf<BackupSettings>(command);
      const report = await interruptible((signal) => {
        const options = { link, onDamage: 'keep', signal } as const;
        return using(openReader(dir), (wal) =>
          destination === undefined ? backUp(wal, 'backup', options) : backUpTo(wal, destination, options),
        );
      });
      const { error } = report;
      const done = { told: `The backup is in ${report.directory}.`, seq: report.seq };
      await print(json, { ...report, error: error && errorObject(error) }, () => rowsOf(report), done);
      if (error !== undefined) throw notWholeError(error, report.directory);
      const further = await backupBeyond(dir, report.seq);
      if (further === undefined) return;
      sayNote(
        `Another backup, ${further.directory}, holds entries up to ${further.seq}, which the log lacks: see "jsonl-wal doctor -C ${shellWord(dir)}".`,
      );
    });
}

function notWholeError({ message, code, cause, ...facts }: WalError, directory: string): WalError {
  const told = `The backup ${directory} is as damaged as the log. ${message}`;
  return new WalError(code, told, { ...facts, cause });
}

function rowsOf({
  directory,
  seq,
  whole,
  damage,
  bytes,
  files,
  linked,
  reflinked,
  copied,
}: BackupReport): Row[] {
  const ways = [
    [linked, 'linked'],
    [reflinked, 'sharing blocks'],
    [copied, 'copied'],
  ] as const;
  const how = ways.filter(([n]) => n > 0).map(([n, way]) => `${n} ${way}`);
  return [
    ['backup', directory],
    ['up to', seq === 0 ? 'no entries yet' : `entry ${seq}`],
    ['size', `${count(bytes, 'byte')} in ${count(files, 'file')} (${how.join(', ')})`],
    [
      'verdict',
      whole ? 'whole: all of it was read' : 'NOT WHOLE: acknowledged entries are missing, or may be',
    ],
    ...firstFew(damage, damageRows),
  ];
}

function listCommand(): Command {
  return makeCommand('list', ['backup list', 'backup list --json'])
    .description("list the log's backups, the one that goes furthest first")
    .action(async (_options: unknown, command: Command) => {
      const { dir, json } = settingsOf(command);
      requireLog(dir);
      await printList(backupsOf(dir), json, 'There is no backup.');
    });
}

function pruneCommand(): Command {
  return makeCommand('prune', ['backup prune --keep 3', 'backup prune --all --keep 30'])
    .description('delete and print the backups made by compactions, except those that go furthest')
    .option('--keep <count>', 'how many stay', wholeNumber(0), AUTOMATIC_KEEP)
    .option('--all', 'count and delete those that "backup" made in the log\'s backups, too', false)
    .addHelpText(
      'after',
      '\nWhat stays is verified first (with --keep 0, the log): if it is not whole, or does not go as far, nothing is deleted.\nIt never touches a backup that is not whole, of another log, or with a name that somebody gave it, nor "before-repair-...".',
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, keep, all } = settingsOf<{ readonly keep: number; readonly all: boolean }>(command);
      requireLog(dir);
      const deleted = await pruneBackups(dir, keep, all ? ['compact', 'backup'] : ['compact']);
      const told = `${count(deleted.length, 'backup was', 'backups were')} deleted.`;
      await printList(deleted, json, 'There was nothing to delete.', told);
    });
}

async function printList(
  backups: readonly Backup[],
  json: boolean,
  none: string,
  told?: string,
): Promise<void> {
  const output = new Output();
  output.done = told === undefined ? undefined : { told };
  for (const backup of backups) {
    if (json) await output.json(backup);
    else {
      const { directory, time, seq, whole, bytes, shared } = backup;
      const size = `${count(bytes, 'byte')}${shared > 0 ? `, ${count(shared, 'byte')} of them shared` : ''}`;
      const worth = whole ? '' : 'NOT WHOLE  ';
      await output.line(printable(`${timeText(time)}  entry ${seq}  ${worth}${size}  ${directory}`));
    }
  }
  if (backups.length === 0 && !json) stderr().write(`${none}\n`);
  await output.flush();
}
