import { type Command, Option } from 'commander';
import { printable } from '../../format/printable.ts';
import { type Item, lastData, WalError } from '../../index.ts';
import { creationDates, type ExportedLine, exportedLine, History, inFileOrder } from '../beads/export.ts';
import {
  lossesOf,
  refuseChanged,
  refuseDisk,
  refuseLogFiles,
  refuseLosses,
  refuseOtherFold,
} from '../beads/guard.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { foldNamed, foldOf, foldOption, openReader, using } from '../log.ts';
import { Output } from '../output.ts';
import { Listing } from '../stderr.ts';
import { count } from '../words.ts';
import { destinationOf, writeWhole } from '../write-file.ts';

interface ExportSettings {
  readonly to: 'beads';
  readonly strict?: true;
  readonly force?: true;
  readonly fold?: string;
}

export default function exportCommand(): Command {
  const examples = ['export --to beads .beads/issues.jsonl', 'export --to beads - | jq -r .title'];
  return makeCommand('export', examples)
    .argument('<file>', 'where to, in place of what is there; -: standard output')
    .addOption(
      new Option('--to <tool>', 'beads: the last data of each id, one issue a line, by id')
        .choices(['beads'])
        .makeOptionMandatory(),
    )
    .addOption(foldOption())
    .option('--strict', 'write nothing if the data of an id is no issue, or lacks what beads requires')
    .option('--force', 'write over the file also where that loses what it holds')
    .addHelpText(
      'after',
      `
What "import --from beads" reads, and what it kept: fields in beads' order, others after them, sorted. Data without an id or
times gets those of its entries; created_at, where a compaction took the first entry away, that of the file that is there. An
issue that lacks what beads requires (a title) is listed, and written. An id whose data is no issue is listed and left out, and
the exit code is 1.
A file is not written over where that loses what it holds: an id that is neither in the log nor known as deleted there, a newer
updated_at, an edit of the same time, or a line that cannot be read; and not by another fold than the log's. It is there whole,
and synced, or as it was before. A device or a pipe is written through, but a disk only with --force.`,
    )
    .action(async (file: string, _options: unknown, self: Command) => {
      const { dir, json, strict = false, force = false, fold: named } = settingsOf<ExportSettings>(self);
      const target = file === '-' ? undefined : destinationOf(file);
      // Descriptor 1 is standard output, by whatever name.
      const destination = target?.descriptor === 1 ? undefined : target;
      const fold = await foldNamed(named);
      const bad = new Listing('ERR_WAL_ENTRY', json);
      const lacking = new Listing('LACKING', json);
      const { lines, seq } = await using(openReader(dir), async (wal) => {
        if (destination !== undefined) refuseLogFiles(destination, dir);
        if (destination !== undefined && !force) refuseDisk(destination);
        const table = await wal.table({ fold });
        let read: Promise<History> | undefined;
        const history = () => {
          read ??= History.read(wal, table.seq);
          return read;
        };
        const before = destination?.there?.isFile() ? destination.path : undefined;
        const lines = await linesOf([...table], creationDates(history, before), bad, lacking);
        if (strict && bad.count + lacking.count > 0) throw notStrict(bad.count, lacking.count);
        if (before !== undefined && !force) {
          if (destination?.there?.size !== 0) refuseOtherFold(file, foldOf(wal), fold ?? lastData);
          const byWhat = new Map(lines.map((line) => [line.about, line]));
          refuseLosses(file, await lossesOf(before, byWhat, history));
        }
        return { lines, seq: table.seq };
      });

      const output = new Output();
      if (destination === undefined)
        for (const { text } of lines) await output.line(output.terminal ? printable(text) : text);
      else {
        const texts = lines.map(({ text }) => `${text}\n`);
        writeWhole(destination, texts, force ? undefined : () => refuseChanged(destination));
        output.done = { told: `${file} is written, as of entry ${seq}.`, seq };
        const facts = { exported: lines.length, lacking: lacking.count, skipped: bad.count, seq };
        const skipped = bad.count === 0 ? '' : `; ${count(bad.count, 'id')} left out`;
        if (json) await output.json(facts);
        else await output.line(`${exportedText(lines)} exported, as of entry ${seq}${skipped}`);
      }
      await output.flush();
      if (bad.count > 0)
        throw new WalError('ERR_WAL_ENTRY', `${count(bad.count, 'id')} left out: the export is not whole.`);
    });
}

/** The lines, in their order in the file. */
async function linesOf(
  items: readonly Item[],
  created: (item: Item) => Promise<string | undefined>,
  bad: Listing,
  lacking: Listing,
): Promise<ExportedLine[]> {
  const lines = new Map<string, ExportedLine>();
  for (const item of items) {
    const { id, rev } = item;
    const name = `Id ${JSON.stringify(id)} (entry ${rev})`;
    try {
      const line = await exportedLine(item, created);
      if (line.lacks !== undefined)
        lacking.add(`${name} ${line.lacks}: beads refuses such an issue`, { id, seq: rev });
      // An issue that came back without an import still has its tombstone.
      if (rev > (lines.get(line.about)?.item.rev ?? 0)) lines.set(line.about, line);
    } catch (error) {
      if (error instanceof WalError) throw error;
      bad.add(`${name} ${(error as Error).message}`, { id, seq: rev });
    }
  }
  return [...lines.values()].sort(inFileOrder);
}

/** '2 issues and 1 other line were' */
function exportedText(lines: readonly ExportedLine[]): string {
  const issues = lines.filter(({ kind }) => kind !== 'other').length;
  const others = lines.length - issues;
  const text = others === 0 ? '' : ` and ${count(others, 'other line')}`;
  return `${count(issues, 'issue')}${text} ${lines.length === 1 ? 'was' : 'were'}`;
}

function notStrict(bad: number, lacking: number): WalError {
  const what = [
    ...(bad > 0 ? [`${count(bad, 'id')} whose data is no issue`] : []),
    ...(lacking > 0 ? [`${count(lacking, 'issue')} that beads would refuse`] : []),
  ];
  return new WalError('ERR_WAL_ENTRY', `The log has ${what.join(' and ')}: nothing was written.`);
}
