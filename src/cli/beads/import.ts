import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { hasCode, messageOf, WalError } from '../../errors/errors.ts';
import { canonicalOfParsed } from '../../format/canonical.ts';
import { batchBody } from '../../format/entry.ts';
import type { Entry, Item, Table } from '../../index.ts';
import { type InputLine, linesOf, parseLine } from '../input.ts';
import { count, figure } from '../words.ts';
import {
  type BeadsLine,
  beadsLine,
  inMilliseconds,
  isFields,
  itemTime,
  tombstonePlace,
  wholeFields,
} from './line.ts';

/** A line that git leaves where it could not merge: no JSON begins like it. */
const MARKER = /^(<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)(?: (.*))?$/;
const MOST_NAMED = 6;

/** One side of a conflict, from its first marker to the one that ends it. */
interface Side {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** The sides of merge conflicts in a file, as its markers tell them. */
class Conflicts {
  readonly #sides: Side[] = [];
  #open: Side | undefined;

  /** Whether a line is a marker. */
  take({ number, text }: InputLine): boolean {
    const [, marker, label = ''] = MARKER.exec(text) ?? [];
    if (marker === undefined) return false;
    const isEnd = marker === '>>>>>>>';
    if (this.#open !== undefined) this.#sides.push({ ...this.#open, to: number, ...(isEnd && { label }) });
    this.#open = isEnd && this.#open !== undefined ? undefined : { label, from: number, to: number };
    return true;
  }

  /** Throws where there were markers. */
  refuse(file: string): void {
    const sides = this.#open === undefined ? this.#sides : [...this.#sides, this.#open];
    if (sides.length === 0) return;
    const named = sides.slice(0, MOST_NAMED).map(sideText);
    if (sides.length > MOST_NAMED) named.push(`and ${sides.length - MOST_NAMED} more`);
    const message = `${file} has the markers of a merge conflict: ${named.join(', ')}. Nothing was imported: resolve the conflict, and import again.`;
    throw Object.assign(new WalError('ERR_WAL_ENTRY', message, { outcome: 'not-written' }), { sides });
  }
}

function sideText({ label, from, to }: Side): string {
  const lines = from === to ? `line ${from} begins` : `lines ${from} to ${to} are`;
  return `${lines} ${label === '' ? 'a side without a name' : `the side ${label}`}`;
}

/** A line of a file, with where it stands. */
interface NumberedLine extends BeadsLine {
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

/** The state that a line is compared with. */
interface State {
  item(id: string): Item | undefined;
}

/** What importing a line does. kept: the log keeps a line that is no issue. older: nothing, for the log has what is newer. */
type Did = 'added' | 'updated' | 'deleted' | 'kept' | 'unchanged' | 'older';

interface Step {
  readonly did: Did;
  readonly entries: readonly Entry[];
  /** What the log has of it. */
  readonly now: Item | undefined;
}

/** What makes the state what a line says. `force`: also where the line is older. */
function stepFor(state: State, line: BeadsLine, force: boolean): Step {
  const { about, place, kind, at, fields } = line;
  const live = state.item(about);
  const tombstone = kind === 'other' ? undefined : state.item(tombstonePlace(about));
  const now = live ?? tombstone;
  const step = (did: Did, ...entries: Entry[]): Step => ({ did, entries, now });

  const saysTheSame =
    kind === 'tombstone' ? live === undefined && isSame(tombstone, line) : isSame(live, line);
  if (saysTheSame) return step('unchanged');
  if (now !== undefined && at !== undefined && at < itemTime(now) && !force) return step('older');

  const ts = at === undefined ? {} : { ts: inMilliseconds(at) };
  const write = (op: string): Entry => ({ op, id: place, data: fields, ...ts });
  const drop = (item: Item | undefined): Entry[] =>
    item === undefined ? [] : [{ op: 'delete', id: item.id, ...ts }];
  if (kind === 'other') return step('kept', write('keep'));
  if (kind === 'tombstone')
    return step(live === undefined ? 'kept' : 'deleted', ...drop(live), write('keep'));
  // Always an add: the data is the whole issue, and no edit of one.
  return step(live === undefined ? 'added' : 'updated', ...drop(tombstone), write('add'));
}

/** Whether an item says what a line does, as an export writes the item. */
function isSame(item: Item | undefined, { kind, fields }: BeadsLine): boolean {
  if (item === undefined || !isFields(item.value)) return false;
  const there = kind === 'issue' ? wholeFields(item, item.value, fields.created_at) : item.value;
  return canonicalOfParsed(there) === canonicalOfParsed(fields);
}

/** A transaction takes so many lines, or so many bytes of them, that others do not wait for it for long. */
const MOST_LINES = 32;
const MOST_BYTES = 128 * 1024;

export type Tally = Record<Did, number>;

/** Told of each line that is passed over, for there is what is newer: where, and from when. */
export type TellOlder = (line: NumberedLine, newer: string, at: bigint | undefined) => void;

interface Running {
  readonly force: boolean;
  /** Ends it with ERR_WAL_ABORTED. */
  readonly signal?: AbortSignal;
  /** Counted in as it goes. */
  readonly tally: Tally;
  readonly tell: TellOlder;
  /** Told how many lines are done. */
  readonly progress: (done: number) => void;
}

export const emptyTally = (): Tally => ({
  added: 0,
  updated: 0,
  deleted: 0,
  kept: 0,
  unchanged: 0,
  older: 0,
});

export function tallyText(tally: Tally): string {
  const { unchanged, older, ...changes } = tally;
  const parts = Object.entries(changes).filter(([, n]) => n > 0);
  const changed =
    parts.length === 0 ? 'nothing to do' : parts.map(([did, n]) => `${figure(n)} ${did}`).join(', ');
  return `${changed}; ${figure(unchanged)} unchanged, ${figure(older)} older`;
}

/**
 * Throws, with the reason, where the log cannot take what a line appends: at most an entry with its data, and the deletion of
 * another id.
 */
export function checkLine({ about, place, fields }: BeadsLine, maxEntryBytes: number): void {
  const ts = Number.MIN_SAFE_INTEGER;
  const entries = [
    { op: 'delete', id: tombstonePlace(about), ts },
    { op: 'keep', id: place, data: fields, ts },
  ];
  try {
    batchBody(entries, 0, { maxEntryBytes, values: 'strict' });
  } catch (error) {
    if (hasCode(error, 'ERR_WAL_TOO_LARGE'))
      throw new Error(`is too large: an entry of this log has ${maxEntryBytes} bytes at most`);
    throw new Error(messageOf(error).replace(/^(?:The|Batch) entry(?: \d+)? |\.$/g, ''));
  }
}

/** The newest line of each id, in the order in which they were changed; those without a time last. */
export function newestLines(lines: readonly NumberedLine[], tell: TellOlder): NumberedLine[] {
  const newest = new Map<string, NumberedLine>();
  for (const line of lines) {
    const other = newest.get(line.about);
    const isOlder = other !== undefined && isBefore(line, other);
    if (!isOlder) newest.set(line.about, line);
    if (other === undefined) continue;
    const [passedOver, taken] = isOlder ? [line, other] : [other, line];
    tell(passedOver, `line ${taken.number}`, taken.at);
  }
  return [...newest.values()].sort((a, b) =>
    isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : a.number - b.number,
  );
}

function isBefore(a: NumberedLine, b: NumberedLine): boolean {
  return a.at !== undefined && (b.at === undefined || a.at < b.at);
}

/** Counts what importing would do. */
export function tryImport(
  state: State,
  lines: readonly NumberedLine[],
  { force, tally, tell }: Pick<Running, 'force' | 'tally' | 'tell'>,
): void {
  for (const line of lines) note(tally, line, stepFor(state, line, force), tell);
}

/**
 * Brings the log to what the lines say, in their order. Each is compared in the very turn that writes it, so that of two imports
 * at once none puts what is older over what is newer.
 */
export async function runImport(
  table: Table,
  lines: readonly NumberedLine[],
  { force, signal, tally, tell, progress }: Running,
): Promise<void> {
  let done = 0;
  for (const group of groupsOf(lines)) {
    const steps = await table.transaction(
      (tx) =>
        group.map((line) => {
          const step = stepFor(tx, line, force);
          for (const entry of step.entries) tx.append(entry);
          return step;
        }),
      { signal },
    );
    for (const [i, line] of group.entries()) note(tally, line, steps[i] as Step, tell);
    done += group.length;
    progress(done);
  }
}

function note(tally: Tally, line: NumberedLine, { did, now }: Step, tell: TellOlder): void {
  tally[did]++;
  if (did === 'older' && now !== undefined) tell(line, `entry ${now.rev} of the log`, itemTime(now));
}

function* groupsOf(lines: readonly NumberedLine[]): Generator<NumberedLine[], void, undefined> {
  let group: NumberedLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    if (group.length === MOST_LINES || (group.length > 0 && bytes + line.bytes > MOST_BYTES)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(line);
    bytes += line.bytes;
  }
  if (group.length > 0) yield group;
}

/** The error of an import that ended in the middle, with what it did. */
export function endedEarly(error: unknown, tally: Tally, lines: number): unknown {
  if (!(error instanceof WalError)) return error;
  const done = Object.values(tally).reduce((sum, n) => sum + n, 0);
  const why = error.code === 'ERR_WAL_ABORTED' ? 'Interrupted.' : error.message;
  const message = `${why} Of ${count(lines, 'line')}, ${figure(done)} came before that: ${tallyText(tally)}. Import again for the rest.`;
  return Object.assign(new WalError(error.code, message, { ...error, cause: error }), { ...tally });
}
