import { type Command, Option } from 'commander';
import type { LogRecord, Wal } from '../../index.ts';
import { makeCommand, settingsOf, several, wholeNumber } from '../command.ts';
import { openReader, using } from '../log.ts';
import { Output } from '../output.ts';
import { showRecord } from '../show.ts';

interface ReadSettings {
  readonly from?: number;
  readonly to?: number;
  readonly id?: readonly string[];
  readonly op?: readonly string[];
  readonly onDamage: 'error' | 'skip';
}

export function readCommand(): Command {
  return makeCommand('read', ['read --from 100 --to 200', 'read --id bd-1 --json | jq .data'])
    .option('--from <seq>', 'the first entry', wholeNumber(0))
    .option('--to <seq>', 'the last entry', wholeNumber(0))
    .option('--id <id>', 'only entries of this id (may be given again)', several)
    .option('--op <op>', 'only entries of this op (may be given again)', several)
    .addOption(
      new Option(
        '--on-damage <what>',
        'where acknowledged entries are missing: stop with exit code 4, or read on',
      )
        .choices(['error', 'skip'])
        .default('error'),
    )
    .action(async (_options: unknown, command: Command) => {
      const { dir, json, from, to, onDamage, ...filter } = settingsOf<ReadSettings>(command);
      const output = new Output();
      await using(openReader(dir), async (wal) => {
        const range = { onDamage, from: from ?? (await firstOf(wal)), ...(to !== undefined && { to }) };
        try {
          for await (const record of wal.read(range)) {
            if (output.gone.aborted) break;
            if (wanted(record, filter)) await showRecord(record, json, output);
          }
        } finally {
          await output.flush();
        }
      });
    });
}

/** Where a log begins that may have been compacted; that it does not begin at 1 is said. */
async function firstOf(wal: Wal): Promise<number> {
  const oldest = await wal.oldest();
  if (oldest > 1) {
    const note = `The entries up to ${oldest - 1} were compacted away: "jsonl-wal state" tells what they came to.`;
    process.stderr.write(`jsonl-wal: ${note}\n`);
  }
  return oldest;
}

function wanted({ id, op }: LogRecord, filter: Pick<ReadSettings, 'id' | 'op'>): boolean {
  return (filter.id?.includes(id) ?? true) && (filter.op?.includes(op) ?? true);
}
