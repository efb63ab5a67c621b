import { type Command, Option } from 'commander';
import { canonicalOfParsed } from '../../format/canonical.ts';
import { printable } from '../../format/printable.ts';
import { type Item, WalError } from '../../index.ts';
import { BadItems } from '../bad-items.ts';
import { beadsEntry } from '../beads.ts';
import { makeCommand, settingsOf } from '../command.ts';
import { foldNamed, foldOption } from '../fold.ts';
import { openReader, using } from '../log.ts';
import { Output } from '../output.ts';
import { count } from '../words.ts';
import { writeWhole } from '../write-file.ts';

interface ExportSettings {
  readonly to: 'beads';
  readonly strict?: true;
  readonly fold?: string;
}

export function exportCommand(): Command {
  return makeCommand('export', [
    'export --to beads .beads/issues.jsonl',
    'export --to beads - | jq -r .title',
  ])
    .argument('<file>', 'where to, in place of what is there; -: standard output')
    .addOption(
      new Option('--to <tool>', 'beads: the last data of each id, one issue a line, by id')
        .choices(['beads'])
        .makeOptionMandatory(),
    )
    .addOption(foldOption())
    .option('--strict', 'write nothing at all if the data of an id is no issue')
    .addHelpText(
      'after',
      '\nWhat "import --from beads" reads. An id whose data is no issue (an object with that id, and created_at or\nupdated_at) is told and left out. The file is there whole, and synced, or as it was before.',
    )
    .action(async (file: string, _options: unknown, self: Command) => {
      const { dir, json, strict = false, fold: named } = settingsOf<ExportSettings>(self);
      const bad = new BadItems('ids', json);
      const fold = await foldNamed(named);
      const { lines, seq } = await using(openReader(dir), async (wal) => {
        const table = await wal.table({ fold });
        return { lines: [...issueLines(table, bad)], seq: table.seq };
      });
      if (strict && bad.count > 0) {
        throw new WalError(
          'ERR_WAL_ENTRY',
          `The log has ${count(bad.count, 'id')} whose data is no issue: nothing was written.`,
        );
      }
      const output = new Output();
      const facts = { exported: lines.length, skipped: bad.count, seq };
      if (file === '-') for (const line of lines) await output.line(output.terminal ? printable(line) : line);
      else {
        writeWhole(
          file,
          lines.map((line) => `${line}\n`),
        );
        output.done = { told: `${file} is written, as of entry ${seq}.`, seq };
        const skipped = bad.count === 0 ? '' : `; ${count(bad.count, 'id')} left out`;
        if (json) await output.json(facts);
        else
          await output.line(
            `${count(lines.length, 'issue was', 'issues were')} exported, as of entry ${seq}${skipped}`,
          );
      }
      await output.flush();
    });
}

/** The issues as lines, by id. */
function* issueLines(items: Iterable<Item>, bad: BadItems): Generator<string, void> {
  for (const { id, rev, value } of items) {
    try {
      if (beadsEntry(value).id !== id) throw new Error('has data of another id');
      yield canonicalOfParsed(value);
    } catch (error) {
      bad.add(`Id ${JSON.stringify(id)} (entry ${rev})`, (error as Error).message, { id, seq: rev });
    }
  }
}
