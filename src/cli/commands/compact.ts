import type { Command } from 'commander';
import { AUTOMATIC_KEEP, backUp, pruneBackups } from '../backups.ts';
import { makeCommand, settingsOf, wholeNumber } from '../command.ts';
import { foldOption } from '../fold.ts';
import { openWriter, using, type WriterOptions, withWriterOptions } from '../log.ts';
import { Output } from '../output.ts';
import { bytesIn, segmentsIn } from '../segments.ts';
import { count } from '../words.ts';

interface CompactSettings extends WriterOptions {
  readonly retain: number;
  readonly backup: boolean;
}

export function compactCommand(): Command {
  const command = makeCommand('compact', ['compact --fold last-data', 'compact --fold last-data --retain 1'])
    .addOption(foldOption())
    .option(
      '--retain <count>',
      'how many snapshots stay, with what leads from the oldest of them to the end',
      wholeNumber(1),
      2,
    )
    .option('--no-backup', 'make no backup before')
    .addHelpText(
      'after',
      `\nA backup is made first, in the log's backups, and the newest ${AUTOMATIC_KEEP} there are kept ("jsonl-wal backup list"). Made of\nhard links it costs no time; but it keeps on the disk what the compaction would free.`,
    )
    .addHelpText(
      'after',
      '\nOthers may append meanwhile. What was compacted away is state ("jsonl-wal state"), and cannot be read as entries\nany more. Where the data of an entry is a change and not the whole, let the program compact that folds it.',
    );
  return withWriterOptions(command).action(async (_options: unknown, given: Command) => {
    const { dir, json, retain, backup, ...options } = settingsOf<CompactSettings>(given);
    const output = new Output();
    await using(openWriter(dir, options), async (wal) => {
      const { location, git } = wal.info();
      const before = bytesIn(segmentsIn(location));
      // One that is kept in git is not compacted, as it is about to say.
      const copy = backup && !git ? (await backUp(wal)).directory : null;
      if (copy !== null) pruneBackups(location, AUTOMATIC_KEEP);
      const report = await wal.compact({ retain });
      const deleted = Math.max(0, before - bytesIn(segmentsIn(location)));
      if (json) await output.json({ ...report, deleted, backup: copy });
      else {
        await output.facts([
          ['snapshot', `${report.made ? 'made' : 'there already'}, of all up to entry ${report.seq}`],
          ['state', `${count(report.ids, 'id')}, ${count(report.bytes, 'byte')}`],
          ['deleted', `${count(deleted, 'byte')} of segments`],
          ...(copy === null ? [] : ([['backup', copy]] as const)),
        ]);
      }
      await output.flush();
    });
  });
}
