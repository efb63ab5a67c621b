import { fstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import { batchItem } from '../../format/entry.ts';
import { type AppendResult, type Entry, type Fold, type Wal, WalError } from '../../index.ts';
import { appendStream, type InputEntry, LineError, tallyText } from '../append-stream.ts';
import { type Common, makeCommand, onInterrupt, settingsOf, time, timeOf, wholeNumber } from '../command.ts';
import { usageError } from '../failure.ts';
import { dataOf, InputError, isFromInput, linesOf, parseLine, UnreadInput } from '../input.ts';
import {
  foldNamed,
  foldOption,
  openWriter,
  throwWithFlag,
  using,
  type WriterOptions,
  withWriterOptions,
} from '../log.ts';
import { Output } from '../output.ts';
import { Progress, stderr } from '../stderr.ts';
import { count } from '../words.ts';

interface AppendSettings extends WriterOptions {
  readonly op?: string;
  readonly id?: string;
  readonly data?: string;
  readonly ts?: number;
  readonly key?: string;
  readonly expectSeq?: number;
  readonly expectRev?: number;
  readonly batch?: true;
}

type Settings = AppendSettings & Common;

const REVS =
  "A rev is decided by the log's recorded fold. Without --fold the log's must be last-data: where none is recorded, --expect-rev is\nrefused. With --fold, which goes with --expect-rev alone, that fold is recorded in the log where none was.";

export default function appendCommand(): Command {
  const command = makeCommand('append', [
    `append --op add --id bd-1 --data '{"title":"Fix the door"}'`,
    'git diff --stat | jq -Rs . | jsonl-wal append --op diff --id bd-1 --data -   # or --data @FILE',
    'append --op claim --id bd-1 --expect-seq 41   # exit code 3 if somebody came first',
    'append --op claim --id bd-1 --expect-rev 12   # the same, if somebody changed bd-1 (of a log with a fold)',
    'append < entries.jsonl                        # {"op":"add","id":"bd-1","data":...} a line',
    'append --batch < entries.jsonl                # all or none',
  ])
    .option('--op <op>', 'what happened')
    .option('--id <id>', 'what it happened to')
    .option('--data <json>', 'any JSON value; - reads it from standard input, @FILE from a file')
    .option('--ts <time>', 'milliseconds since the epoch (never seconds), or ISO 8601 (default: now)', time)
    .option(
      '--key <key>',
      'append once: again with this key prints the first entry; exit code 3 if it differs',
    )
    .option('--expect-seq <seq>', 'append only if the head is this entry (0: no entry yet)', wholeNumber(0))
    .option('--expect-rev <rev>', 'append only if the id has this rev (0: no such id)', wholeNumber(0))
    .addOption(foldOption())
    .option('--batch', 'take the lines of standard input as one atomic batch');
  const answers =
    'Prints the number of the entry (of a batch: of its first). For lines, how many were appended when they\nend; with --json an object for each, in order, once it is acknowledged: {"line":1,"seq":42,...}.\n\nWhat is piped to an append with --op and --id is refused, unless --data - reads it. A hook or a loop that has standard\ninput for its own use gives the append none: < /dev/null.';
  return withWriterOptions(command)
    .addHelpText('after', `\n${answers}\n\n${REVS}`)
    .action(async (_options: unknown, self: Command) => {
      const { fold: named, ...settings } = settingsOf<AppendSettings & { readonly fold?: string }>(self);
      if (named !== undefined && settings.expectRev === undefined)
        throw usageError('--fold goes with --expect-rev: nothing else of an append depends on the fold.');
      const { op, id } = settings;
      if (op !== undefined && id !== undefined && !settings.batch)
        return appendOne({ ...settings, op, id }, await foldNamed(named));
      refuseMixture(settings);
      if (process.stdin.isTTY) stderr().write('Reading JSON lines from the terminal; end with Ctrl-D.\n');
      return settings.batch ? appendBatch(settings) : appendLines(settings);
    });
}

function refuseMixture({ op, id, data, ts, key, expectSeq, expectRev, batch }: Settings): void {
  if (expectRev !== undefined)
    throw usageError('--expect-rev is for one entry (--op, --id): lines and batches have many ids.');
  if (op !== undefined || id !== undefined || data !== undefined || ts !== undefined) {
    throw usageError(
      batch
        ? '--batch reads entries from standard input: --op, --id, --data and --ts have no place beside it.'
        : 'An entry by flags needs both --op and --id; without any, entries are read from standard input.',
    );
  }
  if (!batch && (key !== undefined || expectSeq !== undefined)) {
    throw usageError(
      '--key and --expect-seq are for one entry (--op, --id) or one --batch; lines have keys of their own.',
    );
  }
}

function requestOf({ key, expectSeq, expectRev }: Settings) {
  if (expectSeq !== undefined && expectRev !== undefined)
    throw usageError('--expect-seq and --expect-rev are two different questions: ask one.');
  return {
    ...(key !== undefined && { key }),
    ...(expectSeq !== undefined && { expect: { seq: expectSeq } }),
    ...(expectRev !== undefined && { expect: { rev: expectRev } }),
  };
}

async function appendOne(
  settings: Settings & { op: string; id: string },
  fold: Fold | undefined,
): Promise<void> {
  const { op, id, data, ts } = settings;
  const request = requestOf(settings);
  const input = isFromInput(data) ? undefined : new UnreadInput();
  try {
    const entry: Entry = {
      ...{ op, id },
      ...(data !== undefined && { data: await dataOf(data) }),
      ...(ts !== undefined && { ts }),
    };
    const result = await using(openWriter(settings.dir, { ...settings, fold }), async (wal) => {
      await input?.refuseData();
      return wal.append(entry, request).catch((error) => throwWithFlag(error, wal));
    });
    await answer(result, settings.json);
  } finally {
    input?.close();
  }
}

/** Prints the entry's number, so that a script can go on from there. */
async function answer(result: AppendResult, json: boolean): Promise<void> {
  const output = new Output();
  const { seq, duplicate } = result;
  const told = duplicate
    ? `Nothing was appended: the key was in the log already, as entry ${seq}.`
    : `What was to be appended is in the log, as entry ${seq}.`;
  output.done = { told, seq };
  if (json) await output.json(result);
  else await output.line(String(seq));
  if (duplicate && !json) stderr().write('That key was in the log already: nothing was appended.\n');
  await output.flush();
}

/** The most of a batch that is kept in memory: the log's own limit for one is lower. */
const MOST_BATCH_BYTES = 128 * 1024 * 1024;

async function appendBatch(settings: Settings): Promise<void> {
  const interruption = onInterrupt();
  const { signal } = interruption;
  signal.addEventListener('abort', () => process.stdin.destroy());
  try {
    const entries = await batchOf(process.stdin, signal);
    const result = await using(openWriter(settings.dir, settings), (wal) =>
      wal.appendBatch(entries, { ...requestOf(settings), signal }),
    );
    await answer(result, settings.json);
  } finally {
    interruption.end();
  }
}

async function batchOf(input: Readable, signal: AbortSignal): Promise<Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  try {
    for await (const { line, entry, bytes: more } of entriesOf(input)) {
      checkItem(line, entry);
      bytes += more;
      if (bytes > MOST_BATCH_BYTES) throw new Error(`Standard input has more than ${MOST_BATCH_BYTES} bytes`);
      entries.push(entry);
    }
  } catch (error) {
    if (!signal.aborted) throw batchError(error as Error);
  }
  if (!signal.aborted) return entries;
  throw new WalError('ERR_WAL_ABORTED', 'Interrupted. Nothing was appended.', { outcome: 'not-written' });
}

/** The batch would find it too, but knows nothing of lines. */
function checkItem(line: number, entry: Entry): void {
  try {
    batchItem(entry, 'strict', 'The entry', 'data');
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    const message = `Line ${line}: ${error.message} Nothing was appended.`;
    throw Object.assign(new WalError(error.code, message, { ...error, cause: error }), { line });
  }
}

function batchError(error: Error): WalError {
  if (error instanceof WalError) return error;
  const bad = error instanceof LineError;
  const message = `${bad ? `Line ${error.line} ` : ''}${error.message}. Nothing was appended.`;
  const failed = new WalError(bad ? 'ERR_WAL_ENTRY' : 'ERR_WAL_IO', message, {
    outcome: 'not-written',
    cause: error,
  });
  return bad ? Object.assign(failed, error.facts) : failed;
}

async function appendLines(settings: Settings): Promise<void> {
  const output = new Output();
  const { stdin } = process;
  const progress = new Progress('append', inputSize(), !(settings.json && output.terminal));
  const tally = await using(openWriter(settings.dir, settings), (wal) => {
    return stream(wal, settings.json, output, progress);
  }).finally(() => stdin.destroy());
  output.done = { told: `In all ${tallyText(tally)}.` };
  if (!settings.json) await output.line(tallyText(tally));
  await output.flush();
}

function stream(wal: Wal, json: boolean, output: Output, progress: Progress) {
  let read = 0;
  const counted = async function* () {
    for await (const entry of entriesOf(process.stdin)) {
      read += entry.bytes + 1;
      yield entry;
    }
  };
  return appendStream(wal, counted(), {
    acknowledged: async (line, result, tally) => {
      progress.update(read, () => count(tally.appended, 'entry', 'entries'));
      if (!json) return;
      await output.json({ line, ...result });
      await output.flush();
    },
    stop: () => process.stdin.destroy(),
  });
}

async function* entriesOf(input: Readable): AsyncGenerator<InputEntry, void, undefined> {
  for await (const line of linesOf(input)) {
    let entry: Entry;
    try {
      entry = dated(parseLine(line) as Entry);
    } catch (error) {
      throw new LineError(line.number, error as InputError);
    }
    yield { line: line.number, bytes: line.bytes, entry };
  }
}

/** The entry of a line, whose `ts` may be any time that --ts takes. */
function dated(entry: Entry): Entry {
  const ts: unknown = entry?.ts;
  if (typeof ts !== 'string') return entry;
  const ms = timeOf(ts);
  if (ms === undefined)
    throw new InputError(
      `has the ts ${JSON.stringify(ts.slice(0, 60))}, which is neither milliseconds since the epoch nor an ISO 8601 time`,
    );
  return { ...entry, ts: ms };
}

/** Bytes of standard input, where it is a file. */
function inputSize(): number | undefined {
  const stats = fstatSync(0);
  return stats.isFile() ? stats.size : undefined;
}
