import { type Command, Option } from 'commander';
import { printable } from '../../format/printable.ts';
import { type LogRecord, type LostRange, type Wal, WalError } from '../../index.ts';
import { makeCommand, settingsOf, several, wholeNumber } from '../command.ts';
import { openReader, using } from '../log.ts';
import { Output, showRecord } from '../output.ts';
import { stderr } from '../stderr.ts';
import { entryRange, figure } from '../words.ts';

interface ReadSettings {
  readonly from?: number;
  readonly to?: number;
  readonly id?: readonly string[];
  readonly op?: readonly string[];
  readonly onDamage: 'error' | 'skip';
}

export default function readCommand(): Command {
  return makeCommand('read', ['read --from 100 --to 200', 'read --id bd-1 --json | jq .data'])
    .option('--from <seq>', 'the first entry', wholeNumber(0))
    .option('--to <seq>', 'the last entry', wholeNumber(0))
    .option('--id <id>', 'only entries of this id (may be given again)', several)
    .option('--op <op>', 'only entries of this op (may be given again)', several)
    .addOption(
      new Option(
        '--on-damage <what>',
        'where the log is damaged: stop, or read what a salvage would keep, and report what is skipped; both exit with 4',
      )
        .choices(['error', 'skip'])
        .default('error'),
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, from, to, onDamage, ...filter } = settingsOf<ReadSettings>(command);
      const output = new Output();
      await using(openReader(dir), async (wal) => {
        const skips = onDamage === 'skip';
        const first = from ?? (skips ? undefined : await firstOf(wal, json));
        let skipped = 0;
        const tell = (range: LostRange) => {
          skipped += range.to - range.from + 1;
          tellSkipped(range, json);
        };
        const onSkip = skips ? { onSkip: tell } : {};
        try {
          for await (const record of wal.read({ onDamage, from: first, to, ...onSkip })) {
            if (output.gone.aborted) break;
            if (wanted(record, filter)) await showRecord(record, json, output);
          }
        } finally {
          await output.flush();
        }
        if (skipped > 0) throw skippedError(skipped);
      });
    });
}

function tellSkipped(range: LostRange, json: boolean): void {
  const { from, to, segment, offset, cause } = range;
  const text = `jsonl-wal: skipped ${entryRange(from, to)}: ${cause}, ${segment} byte ${offset}`;
  stderr().write(`${json ? JSON.stringify({ skipped: range }) : printable(text)}\n`);
}

function skippedError(entries: number): WalError {
  const what =
    entries === 1 ? 'An entry was skipped, which is' : `${figure(entries)} entries were skipped, which are`;
  const message = `${what} missing or damaged: the rest was read. "jsonl-wal doctor" says how to repair the log.`;
  return new WalError('ERR_WAL_CORRUPT', message);
}

/** Where a log begins that may have been compacted; that it does not begin at 1 is said. */
async function firstOf(wal: Wal, json: boolean): Promise<number> {
  const oldest = await wal.oldest();
  if (oldest > 1) {
    const note = `The entries up to ${oldest - 1} were compacted away: "jsonl-wal state" prints what they came to; if it cannot, "jsonl-wal doctor" says how to repair the log.`;
    stderr().write(json ? `${JSON.stringify({ note, oldest })}\n` : `jsonl-wal: ${note}\n`);
  }
  return oldest;
}

function wanted({ id, op }: LogRecord, filter: Pick<ReadSettings, 'id' | 'op'>): boolean {
  return (filter.id?.includes(id) ?? true) && (filter.op?.includes(op) ?? true);
}
