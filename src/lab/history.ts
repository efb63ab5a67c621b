import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Entry } from '../index.ts';
import { parseEntry } from './history-line.ts';
import { sampleEntries } from './sample.ts';

/** Where a history comes from. `defaultTs` (milliseconds) is given to entries of a file that have no time. */
export type Source =
  | { readonly kind: 'sample'; readonly entries: number; readonly seed: number }
  | { readonly kind: 'file'; readonly path: string; readonly defaultTs: number };

/** A line of a file, from 1, or an entry of the sample. */
export type HistoryItem = { readonly line: number } & (
  | { readonly entry: Entry }
  | { readonly problem: string }
);

/** Which part of a history one process appends. */
export interface Share {
  readonly process: number;
  readonly processes: number;
  /** Entries in all: what a file that grows meanwhile has beyond is not looked at. */
  readonly total: number;
  /** Lines of the file that are no entries. */
  readonly skip: readonly number[];
}

const MOST_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

/** All of a history, in order, with what is wrong with the lines that are no entries. Blank lines do not count. */
export async function* readHistory(source: Source): AsyncGenerator<HistoryItem, void, undefined> {
  if (source.kind === 'sample') {
    let line = 0;
    for (const entry of sampleEntries(source.entries, source.seed)) yield { line: ++line, entry };
    return;
  }
  for await (const { line, bytes } of linesOf(source.path))
    yield { line, ...parseEntry(bytes, source.defaultTs) };
}

/** The entries of one process: of those numbered from 0, every `processes`th. The others' are not parsed. */
export async function* readShare(
  source: Source,
  { process, processes, total, skip }: Share,
): AsyncGenerator<{ readonly number: number; readonly entry: Entry }, void, undefined> {
  let number = 0;
  const isMine = () => number % processes === process;
  if (source.kind === 'sample') {
    for (const entry of sampleEntries(total, source.seed)) {
      if (isMine()) yield { number, entry };
      number++;
    }
    return;
  }
  const skipped = new Set(skip);
  for await (const { line, bytes } of linesOf(source.path)) {
    if (skipped.has(line)) continue;
    if (number === total) return;
    if (isMine()) {
      const parsed = parseEntry(bytes, source.defaultTs);
      if ('problem' in parsed) throw badInput(`${source.path} was changed while it was read: line ${line}`);
      yield { number, entry: parsed.entry };
    }
    number++;
  }
}

/** The lines of a file, unpacked where it is gzip; `bytes` undefined where one is too long to be held. */
async function* linesOf(path: string): AsyncGenerator<{ line: number; bytes: Buffer | undefined }> {
  let line = 0;
  let carry: Buffer[] = [];
  let carried = 0;
  const carryOn = (bytes: Buffer) => {
    carried += bytes.length;
    if (carried > MOST_LINE_BYTES) carry = [];
    else carry.push(bytes);
  };
  const ended = () => {
    const bytes = carried > MOST_LINE_BYTES ? undefined : Buffer.concat(carry);
    carry = [];
    carried = 0;
    return { line: ++line, bytes };
  };
  // Not node:readline, which also ends lines at U+2028, legitimate within a JSON string.
  for await (const chunk of bytesOf(path)) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      carryOn(chunk.subarray(from, at));
      const item = ended();
      if (!isBlank(item.bytes)) yield item;
      from = at + 1;
    }
    if (from < chunk.length) carryOn(chunk.subarray(from));
  }
  const last = ended();
  if (!isBlank(last.bytes)) yield last;
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    if (!(await file.stat()).isFile())
      throw badInput(`${path} is no ordinary file, and every process reads it for itself: name a file`);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    const packed = bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    const bytes: Readable = file.createReadStream({ start: 0, highWaterMark: 256 * 1024 });
    // The errors of both streams come out of the one that is read.
    yield* packed ? pipeline(bytes, createGunzip({ chunkSize: 256 * 1024 }), () => {}) : bytes;
  } catch (error) {
    throw explain(error, path);
  } finally {
    await file?.close();
  }
}

function isBlank(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && bytes.length < 256 && bytes.toString('latin1').trim() === '';
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof WalError) return error;
  const { message } = error as Error;
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return badInput(`There is no file ${path}`, error);
  if (hasCode(error, 'EACCES', 'EPERM'))
    return badInput(`${path} may not be read: look at its permissions`, error);
  if (hasCode(error, 'Z_BUF_ERROR', 'Z_DATA_ERROR'))
    return badInput(`${path} is damaged or cut short (${message}): unpack it with gzip -d to see`, error);
  return new WalError('ERR_WAL_IO', `Reading ${path} failed: ${message}`, { cause: error });
}

function badInput(message: string, cause?: unknown): WalError {
  return new WalError('ERR_WAL_ARGUMENT', `${message}.`, { cause });
}
