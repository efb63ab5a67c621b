import { type Command, Option } from 'commander';
import { type Wal, WalError } from '../../index.ts';
import {
  checkLine,
  emptyTally,
  endedEarly,
  nameOf,
  newestLines,
  readBeads,
  runImport,
  type Tally,
  type TellOlder,
  tallyText,
  tryImport,
} from '../beads/import.ts';
import { dateText, inMilliseconds } from '../beads/line.ts';
import { type Common, makeCommand, onInterrupt, settingsOf } from '../command.ts';
import {
  foldNamed,
  foldOption,
  openReader,
  openWriter,
  using,
  type WriterOptions,
  withWriterOptions,
} from '../log.ts';
import { Output } from '../output.ts';
import { Listing, Progress, sayNote } from '../stderr.ts';
import { count } from '../words.ts';

interface ImportSettings extends WriterOptions {
  readonly from: 'beads';
  readonly strict?: true;
  readonly force?: true;
  readonly dryRun?: true;
  readonly fold?: string;
}

export default function importCommand(): Command {
  const command = makeCommand('import', [
    'import --from beads .beads/issues.jsonl',
    'import --from beads --dry-run - < issues.jsonl.gz',
  ])
    .argument('<file>', 'JSON lines, gzipped or not; -: standard input')
    .addOption(
      new Option('--from <tool>', 'beads: brings the state to what an issues.jsonl says')
        .choices(['beads'])
        .makeOptionMandatory(),
    )
    .addOption(foldOption())
    .option('--strict', 'append nothing at all if there is a bad line')
    .option('--force', "take the file's word also where its updated_at is older than the log's")
    .option('--dry-run', 'append nothing: say what would be done')
    .addHelpText(
      'after',
      `
Each line is compared with the current state, in the turn that writes it. A line that says the same is passed over; one with
an older updated_at is listed and passed over; any other becomes an entry: an add with the whole issue, or, for a tombstone,
a delete. They are appended in the order of updated_at, which is their ts. An id that is not in the file stays as it is.
Lines that are no issue (tombstones, memories, a header, other kinds) are kept under ids that begin with "beads:", and
exported again.
A bad line is listed and passed over, and the exit code is 1. A file with conflict markers is refused. Ctrl-C says what was
done until then (exit code 130).`,
    );
  return withWriterOptions(command).action(async (file: string, _options: unknown, self: Command) => {
    const { fold: named, ...settings } = settingsOf<ImportSettings>(self);
    const { dir, json, strict = false, force = false, dryRun = false } = settings;
    const fold = await foldNamed(named);
    const tally = emptyTally();
    const sync = async (wal: Wal, signal: AbortSignal): Promise<void> => {
      const { maxEntryBytes } = wal.info().limits;
      const bad = new Listing('ERR_WAL_ENTRY', json);
      const all = await readBeads(
        file,
        (line) => checkLine(line, maxEntryBytes),
        (line, problem) => bad.add(`Line ${line} ${problem}`, { line }),
        signal,
      );
      if (strict && bad.count > 0) throw badLines(file, bad.count);
      const older = new Listing('OLDER', json);
      const tell: TellOlder = (line, newer, at) => {
        const { number, about: id } = line;
        const message = `Line ${number} (${id}${dateOf(line.at)}) is passed over: ${newer} is newer${dateOf(at)}`;
        older.add(message, { line: number, id });
      };
      const lines = newestLines(all, tell);
      const table = await wal.table({ fold });
      if (dryRun) tryImport(table, lines, { force, tally, tell });
      else {
        const bar = new Progress('import', lines.length);
        const progress = (done: number) => bar.update(done, () => count(done, 'line'));
        await runImport(table, lines, { force, signal, tally, tell, progress }).catch((error) => {
          throw endedEarly(error, tally, lines.length);
        });
      }
      tally.older += all.length - lines.length;
      await report(tally, bad.count, table.seq, settings);
    };
    await using(dryRun ? openReader(dir) : openWriter(dir, settings), (wal) => {
      const interruption = onInterrupt(() =>
        sayNote(`Interrupted. Known to be done: ${tallyText(tally)}. Import again for the rest.`),
      );
      return sync(wal, interruption.signal).finally(interruption.end);
    });
  });
}

function badLines(file: string, n: number): WalError {
  return new WalError('ERR_WAL_ENTRY', `${nameOf(file)} has ${count(n, 'bad line')}: nothing was imported.`, {
    outcome: 'not-written',
  });
}

/** ', 2025-10-13T00:00:00.000Z': when that was, where it is known. */
function dateOf(at: bigint | undefined): string {
  const text = at === undefined ? undefined : dateText(inMilliseconds(at));
  return text === undefined ? '' : `, ${text}`;
}

async function report(
  tally: Tally,
  bad: number,
  seq: number,
  settings: ImportSettings & Common,
): Promise<void> {
  const output = new Output();
  const { json, dryRun = false } = settings;
  const text = `${dryRun ? 'A dry run, nothing was appended: ' : ''}${tallyText(tally)}${bad === 0 ? '' : `; ${count(bad, 'bad line')} passed over`}`;
  output.done = { told: `What was done: ${text}.`, seq };
  if (json) await output.json({ ...tally, skipped: bad, seq, dryRun });
  else await output.line(`${text}; the log is at entry ${seq}`);
  await output.flush();
  if (bad > 0)
    throw new WalError('ERR_WAL_ENTRY', `${count(bad, 'bad line')} passed over: the import is not whole.`);
}
