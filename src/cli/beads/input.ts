import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { hasCode, WalError } from '../../errors/errors.ts';
import { type InputLine, linesOf, parseLine } from '../lines.ts';
import { Conflicts } from './conflicts.ts';
import { type BeadsLine, beadsLine } from './line.ts';

/** A line of a file, with where it stands. */
export interface NumberedLine extends BeadsLine {
  readonly number: number;
  readonly bytes: number;
}

/**
 * Reads a file of beads, or standard input (`-`), gzipped or not. `check` throws where the log cannot take a line; what is bad
 * is told to `bad`. Throws ERR_WAL_ENTRY where there are conflict markers, ERR_WAL_NOT_FOUND, ERR_WAL_IO and ERR_WAL_ABORTED.
 */
export async function readBeads(
  file: string,
  check: (line: BeadsLine) => void,
  bad: (line: number, problem: string) => void,
  signal?: AbortSignal,
): Promise<NumberedLine[]> {
  const lines: NumberedLine[] = [];
  const conflicts = new Conflicts();
  for await (const each of linesIn(file, signal)) {
    if (conflicts.take(each)) continue;
    try {
      const line = beadsLine(parseLine(each));
      check(line);
      lines.push({ ...line, number: each.number, bytes: each.bytes });
    } catch (error) {
      bad(each.number, (error as Error).message);
    }
  }
  conflicts.refuse(nameOf(file));
  return lines;
}

export function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : file;
}

async function* linesIn(file: string, signal?: AbortSignal): AsyncGenerator<InputLine, void, undefined> {
  const source: Readable = file === '-' ? process.stdin : createReadStream(file);
  const interrupt = () =>
    source.destroy(
      new WalError('ERR_WAL_ABORTED', 'Interrupted. Nothing was imported.', { outcome: 'not-written' }),
    );
  if (signal?.aborted) interrupt();
  signal?.addEventListener('abort', interrupt);
  try {
    yield* linesOf(await unzipped(source));
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_ABORTED')) throw error;
    const code = hasCode(error, 'ENOENT') ? 'ERR_WAL_NOT_FOUND' : 'ERR_WAL_IO';
    const message = `Cannot read ${file === '-' ? 'standard input' : file}: ${(error as Error).message}. Nothing was imported.`;
    throw new WalError(code, message, { outcome: 'not-written', cause: error });
  } finally {
    signal?.removeEventListener('abort', interrupt);
    source.destroy();
  }
}

/** The bytes that every gzipped file begins with. */
const GZIP = Buffer.from([0x1f, 0x8b]);

/** The bytes of a source, unzipped where they begin as gzipped ones do. */
async function unzipped(source: Readable): Promise<AsyncIterable<Buffer>> {
  const chunks: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  let beginning = Buffer.alloc(0);
  while (beginning.length < GZIP.length) {
    const { done, value } = await chunks.next();
    if (done) break;
    beginning = Buffer.concat([beginning, value]);
  }
  const all = Readable.from(rest(beginning, chunks), { objectMode: false });
  if (!beginning.subarray(0, GZIP.length).equals(GZIP)) return all;
  const gunzip = createGunzip();
  // An error ends the reading of `gunzip`, which tells it.
  pipeline(all, gunzip, () => {});
  return gunzip;
}

async function* rest(
  beginning: Buffer,
  chunks: AsyncIterator<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  yield beginning;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}
