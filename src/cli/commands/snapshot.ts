import type { Command } from 'commander';
import { makeCommand, settingsOf } from '../command.ts';
import {
  foldNamed,
  foldOption,
  openWriter,
  requireFold,
  throwWithFlag,
  using,
  type WriterOptions,
  withWriterOptions,
} from '../log.ts';
import { print } from '../output.ts';
import { snapshotRows } from './compact.ts';

export default function snapshotCommand(): Command {
  const command = makeCommand('snapshot', ['snapshot --fold last-data'])
    .addOption(foldOption())
    .addHelpText(
      'after',
      '\nLoading the state then costs what the state does. What may be deleted because of it, "jsonl-wal compact" deletes.',
    );
  return withWriterOptions(command).action(async (_options: unknown, given: Command) => {
    const {
      dir,
      json,
      fold: named,
      ...options
    } = settingsOf<WriterOptions & { readonly fold?: string }>(given);
    const fold = await foldNamed(named);
    const report = await using(openWriter(dir, options), (wal) => {
      requireFold(wal, fold);
      return wal
        .compact({ fold, retain: Number.POSITIVE_INFINITY })
        .catch((error) => throwWithFlag(error, wal));
    });
    const done = { told: `A snapshot of all up to entry ${report.seq} is there.`, seq: report.seq };
    await print(json, report, () => snapshotRows(report), done);
  });
}
