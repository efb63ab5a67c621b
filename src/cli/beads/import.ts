import { hasCode, messageOf, WalError } from '../../errors/errors.ts';
import { batchBody } from '../../format/entry.ts';
import type { Table } from '../../index.ts';
import { count, figure } from '../words.ts';
import type { NumberedLine } from './input.ts';
import { type BeadsLine, tombstonePlace } from './line.ts';
import { type Did, type State, type Step, stepFor } from './sync.ts';
import { itemTime } from './whole.ts';

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
