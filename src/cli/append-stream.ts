import { hasCode } from '../errors/errors.ts';
import { entryBody } from '../format/entry.ts';
import { type AppendResult, type Entry, type Wal, WalError } from '../index.ts';
import { onInterrupt } from './command.ts';
import type { InputError } from './input.ts';
import { sayNote } from './stderr.ts';
import { count } from './words.ts';

/** An entry, and the line of the input it stood in. */
export interface InputEntry {
  readonly line: number;
  readonly bytes: number;
  readonly entry: Entry;
}

/** What a stream of appends has come to. */
interface Tally {
  /** Entries acknowledged, without duplicates. */
  readonly appended: number;
  /** Entries whose key was in the log. */
  readonly duplicates: number;
  /** The lowest and the highest seq of those appended. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  /** The last line of the input that is in the log. */
  readonly lastLine: number | undefined;
}

interface StreamObserver {
  /** In the order of the input. */
  acknowledged(line: number, result: AppendResult, tally: Tally): Promise<void> | void;
  /** Called once when an append failed, or at Ctrl-C: the input is not wanted any more. */
  stop(): void;
}

/** Enough for large groups. What was acknowledged counts until it is printed. */
const MOST_IN_FLIGHT = 4096;

/** The error of one line of input, which ends the stream. */
export class LineError extends Error {
  readonly line: number;
  readonly column: number | undefined;

  constructor(line: number, { message, column }: InputError) {
    super(message);
    this.line = line;
    this.column = column;
  }

  /** For an error that is told. */
  get facts(): { readonly line: number; readonly column?: number } {
    const { line, column } = this;
    return { line, ...(column !== undefined && { column }) };
  }
}

/** Throws ERR_WAL_ENTRY or ERR_WAL_TOO_LARGE where it is no entry for the log. */
function checkEntry(entry: Entry, maxEntryBytes: number): void {
  entryBody(entry, 0, { maxEntryBytes, values: 'strict' });
}

/**
 * Appends entries as they come, many on their way at a time. The first line that cannot be appended ends it, and so does Ctrl-C:
 * what was acknowledged is kept, and the error says how much that is.
 */
export async function appendStream(
  wal: Wal,
  entries: AsyncIterable<InputEntry>,
  observer: StreamObserver,
): Promise<Tally> {
  const none = { first: undefined, last: undefined, lastLine: undefined };
  const tally: Mutable<Tally> = { appended: 0, duplicates: 0, ...none };
  let failure: Failure | undefined;
  /** Whether lines of the input were left out, at Ctrl-C. */
  let cut = false;
  const { maxEntryBytes } = wal.info().limits;
  let flying = 0;
  let makeRoom = () => {};
  let settled = Promise.resolve();
  const interruption = onInterrupt(() =>
    sayNote(`${interruptedError(tally).message} More may be in the log.`),
  );
  const { signal } = interruption;
  signal.addEventListener('abort', () => observer.stop());

  const settle = async (line: number, appending: Promise<Outcome>): Promise<void> => {
    const { result, error } = await appending;
    flying--;
    makeRoom();
    if (result === undefined) {
      if (!hasCode(error, 'ERR_WAL_ABORTED')) return fail(line, error);
      cut = true;
      return;
    }
    tally.lastLine = line;
    if (result.duplicate) tally.duplicates++;
    else {
      tally.appended++;
      tally.first ??= result.seq;
      tally.last = result.seq;
    }
    try {
      await observer.acknowledged(line, result, tally);
    } catch (error) {
      fail(undefined, error);
    }
  };

  const fail = (line: number | undefined, error: unknown): void => {
    if (failure === undefined) observer.stop();
    failure ??= { line, error };
  };

  try {
    for await (const { line, entry } of entries) {
      if (failure !== undefined || signal.aborted) break;
      try {
        // `append` would find it too, but only after the lines that follow were given to it.
        checkEntry(entry, maxEntryBytes);
      } catch (error) {
        // One of the lines before may fail yet: then that is the one to tell.
        await settled;
        fail(line, error);
        break;
      }
      flying++;
      const appending = wal.append(entry, { signal }).then(
        (result): Outcome => ({ result }),
        (error): Outcome => ({ error }),
      );
      settled = settled.then(() => settle(line, appending));
      while (flying >= MOST_IN_FLIGHT) {
        await new Promise<void>((resolve) => {
          makeRoom = resolve;
        });
      }
      await wal.ready();
    }
    if (signal.aborted) cut = true;
  } catch (error) {
    await settled;
    // Reading ends in an error where its stream was taken away.
    if (signal.aborted && !(error instanceof LineError)) cut = true;
    else failure ??= { line: error instanceof LineError ? error.line : undefined, error };
  } finally {
    await settled;
    interruption.end();
  }
  if (failure !== undefined) throw streamError(failure, tally);
  if (cut) throw interruptedError(tally);
  return tally;
}

/** Says what of the stream is in the log. */
function interruptedError(tally: Tally): WalError {
  const { appended, last, lastLine } = tally;
  const place =
    lastLine === undefined ? '' : ` Line ${lastLine} of the input is the last one that is in the log.`;
  const error = new WalError('ERR_WAL_ABORTED', `Interrupted. ${keptText(tally, false)}${place}`, {
    outcome: 'not-written',
    ...(last !== undefined && { seq: last }),
  });
  return Object.assign(error, { appended, ...(lastLine !== undefined && { lastLine }) });
}

interface Failure {
  /** Undefined where it is not about a line. */
  readonly line: number | undefined;
  readonly error: unknown;
}

interface Outcome {
  readonly result?: AppendResult;
  readonly error?: unknown;
}

/** Says which line it was, and what of the stream is in the log. */
function streamError({ line, error }: Failure, tally: Tally): WalError {
  const { message } = error as Error;
  const where = line === undefined ? '' : `Line ${line}`;
  const kept = keptText(tally, error instanceof WalError && error.outcome === 'unknown');
  const place = error instanceof LineError ? error.facts : line !== undefined && { line };
  const facts = { ...place, appended: tally.appended };
  const failed = (): WalError => {
    const details = { outcome: 'not-written', cause: error } as const;
    if (error instanceof WalError) {
      const text = `${where && `${where}: `}${message} ${kept}`;
      return new WalError(error.code, text, { ...error, cause: error });
    }
    if (error instanceof LineError)
      return new WalError('ERR_WAL_ENTRY', `${where} ${message}. ${kept}`, details);
    return new WalError('ERR_WAL_IO', `The input broke: ${message}. ${kept}`, details);
  };
  return Object.assign(failed(), facts);
}

/** What of a stream that broke is in the log. Where the outcome of its rest is `unknown`, more may be. */
function keptText(tally: Tally, unknown: boolean): string {
  if (tally.appended > 0) return `In all ${tallyText(tally)}.`;
  return `Nothing was ${unknown ? 'acknowledged' : 'appended'}${againText(tally)}.`;
}

/** For people: how many, and where. */
export function tallyText(tally: Tally): string {
  const { appended, first, last } = tally;
  const range =
    first === undefined || last === undefined ? '' : `, seq ${first}${last === first ? '' : ` to ${last}`}`;
  return `${count(appended, 'entry was', 'entries were')} appended${range}${againText(tally)}`;
}

function againText({ duplicates }: Tally): string {
  return duplicates === 0 ? '' : ` (${count(duplicates, 'was', 'were')} in the log already)`;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
