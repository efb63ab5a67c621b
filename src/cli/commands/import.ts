import { createReadStream, statSync } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type Command, Option } from 'commander';
import { hasCode } from '../../errors/errors.ts';
import { WalError } from '../../index.ts';
import { appendStream, checkEntry, type InputEntry, tallyText } from '../append-stream.ts';
import { BadItems } from '../bad-items.ts';
import { beadsEntry } from '../beads.ts';
import { type Common, makeCommand, settingsOf } from '../command.ts';
import { linesOf, parseLine } from '../lines.ts';
import { openWriter, using, type WriterOptions, withWriterOptions } from '../log.ts';
import { Output } from '../output.ts';
import { Progress } from '../status.ts';
import { count } from '../words.ts';

interface ImportSettings extends WriterOptions {
  readonly from: 'beads';
  readonly strict?: true;
}

export function importCommand(): Command {
  const command = makeCommand('import', [
    'import --from beads .beads/issues.jsonl',
    'import --from beads --strict issues.jsonl.gz',
  ])
    .argument('<file>', 'JSON lines, or those gzipped (.gz)')
    .addOption(
      new Option(
        '--from <tool>',
        'beads: one "add" an issue, at its created_at (else updated_at); lines imported before are left out',
      )
        .choices(['beads'])
        .makeOptionMandatory(),
    )
    .option('--strict', 'append nothing at all if there is a bad line')
    .addHelpText(
      'after',
      '\nA line is known by its key, made of id and content. The key of an entry that was compacted away is forgotten once it is\nout of the log\'s key window ("jsonl-wal keys"): where there are such entries, import says so before it begins.',
    );
  return withWriterOptions(command).action(async (file: string, _options: unknown, self: Command) => {
    const settings = settingsOf<ImportSettings>(self);
    const bad = new BadItems('lines', settings.json);
    const input = new Input(file, bad);
    await using(openWriter(settings.dir, settings), async (wal) => {
      const { maxEntryBytes } = wal.info().limits;
      const { keys, from } = await wal.keysInLog();
      if (from > 1) tellForgotten(from, settings);
      const read = settings.strict ? await allGood(input, bad, maxEntryBytes) : input.entries(maxEntryBytes);
      const known = new KnownEntries(keys);
      const progress = new Progress('import', input.size);
      const tally = await appendStream(wal, known.leftOut(read), {
        acknowledged: (_line, _result, { appended }) =>
          progress.update(input.bytesRead, () => count(appended, 'entry', 'entries')),
        stop: () => input.stop(),
      });
      await report({ ...tally, duplicates: tally.duplicates + known.count }, bad, settings);
    });
  });
}

/** Says what import cannot know: it would add again what was imported then. */
function tellForgotten(from: number, { json }: Common): void {
  const message = `The keys of entries before ${from} were compacted away: what was imported by them is added again. "jsonl-wal keys --window" says how many entries the log looks for keys in from now on.`;
  const text = json ? JSON.stringify({ code: 'KEYS_FORGOTTEN', message }) : `jsonl-wal: ${message}`;
  process.stderr.write(`${text}\n`);
}

/** Leaves out what the log has: it may leave the log's key window while this goes on. */
class KnownEntries {
  readonly #keys: ReadonlySet<string>;
  count = 0;

  constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  async *leftOut(entries: AsyncIterable<InputEntry>): AsyncGenerator<InputEntry, void, undefined> {
    for await (const each of entries) {
      if (this.#keys.has(each.entry.key ?? '')) this.count++;
      else yield each;
    }
  }
}

async function report(
  tally: Parameters<typeof tallyText>[0],
  bad: BadItems,
  { json }: Common,
): Promise<void> {
  const output = new Output();
  const { appended, duplicates } = tally;
  output.done = { told: `In all ${tallyText(tally)}.` };
  if (json) await output.json({ appended, duplicates, skipped: bad.count });
  else {
    const skipped = bad.count === 0 ? '' : `; ${count(bad.count, 'bad line')} skipped`;
    await output.line(`${tallyText(tally)}${skipped}`);
  }
  await output.flush();
}

/** Reads all before anything is appended; throws where a line is bad. */
async function allGood(
  input: Input,
  bad: BadItems,
  maxEntryBytes: number,
): Promise<AsyncIterable<InputEntry>> {
  const entries: InputEntry[] = [];
  for await (const entry of input.entries(maxEntryBytes)) entries.push(entry);
  if (bad.count > 0) {
    throw new WalError(
      'ERR_WAL_ENTRY',
      `${input.file} has ${count(bad.count, 'bad line')}: nothing was imported.`,
      {
        outcome: 'not-written',
      },
    );
  }
  return (async function* () {
    yield* entries;
  })();
}

/** A file of issues, as entries. */
class Input {
  readonly file: string;
  readonly size: number | undefined;
  readonly #bad: BadItems;
  /** Opened when it is read: its errors are told there. */
  #source: ReturnType<typeof createReadStream> | undefined;

  constructor(file: string, bad: BadItems) {
    this.file = file;
    this.#bad = bad;
    this.size = sizeOf(file);
  }

  get bytesRead(): number {
    return this.#source?.bytesRead ?? 0;
  }

  stop(): void {
    this.#source?.destroy();
  }

  async *entries(maxEntryBytes: number): AsyncGenerator<InputEntry, void, undefined> {
    try {
      for await (const line of linesOf(this.#bytes())) {
        try {
          const entry = beadsEntry(parseLine(line));
          checkEntry(entry, maxEntryBytes);
          yield { line: line.number, bytes: line.bytes, entry };
        } catch (error) {
          this.#bad.add(`Line ${line.number}`, (error as Error).message, { line: line.number });
        }
      }
    } catch (error) {
      const code = hasCode(error, 'ENOENT') ? 'ERR_WAL_NOT_FOUND' : 'ERR_WAL_IO';
      const message = `Cannot read ${this.file}: ${(error as Error).message}.`;
      throw new WalError(code, message, { outcome: 'not-written', cause: error });
    }
  }

  #bytes(): Readable {
    this.#source = createReadStream(this.file);
    if (!this.file.endsWith('.gz')) return this.#source;
    const unzipped = createGunzip();
    // An error ends the reading of `unzipped`, which tells it.
    pipeline(this.#source, unzipped, () => {});
    return unzipped;
  }
}

/** Undefined where it cannot be told: why, the reading says. */
function sizeOf(file: string): number | undefined {
  try {
    return statSync(file).size;
  } catch {
    return undefined;
  }
}
