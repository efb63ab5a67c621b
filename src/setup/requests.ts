import type { Head } from '../format/chain.ts';
import type { LostRange } from '../format/survey.ts';
import type { Expectation } from '../log/pending.ts';
import {
  badArgument,
  boolean,
  callback,
  integer,
  oneOf,
  readFields,
  readOptions,
} from '../options/options.ts';

/** The rev that an id must have for an append: the seq of its last record that the log's fold did not ignore; 0 if the id is not there. */
export interface RevExpectation {
  readonly rev: number;
}

export interface AppendOptions {
  /**
   * `{seq, crc?}`: append only if the log's head still has that seq (0: the log is empty), and that crc if one is given, as
   * in what `head()` returns. `{rev}`: append only if the entry's id still has that rev in a table of the log's fold; 0: the
   * id is not there. Otherwise ERR_WAL_CONFLICT, with the head, and the rev that the id has.
   *
   * `{rev}` needs a log whose fold is recorded, and a Wal that was opened with that fold (not needed for `lastData`);
   * otherwise ERR_WAL_FOLD. The first `{rev}` loads such a table, unless one is open (rejects as `table()` does). A batch,
   * which has many ids, and appendSync take no `{rev}`.
   */
  readonly expect?: Expectation | RevExpectation | undefined;
  /** Idempotency key, in place of the entry's own; for a batch, of all its entries together. */
  readonly key?: string | undefined;
  /** Cancels the append, unless it is written already. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions {
  /**
   * A seq to begin with, or a cursor (`head()`, or a record's seq and crc) to continue after. 0, and the head of an empty
   * log, begin with the first entry. Default 1.
   */
  readonly from?: number | Head | undefined;
  /** The last seq to deliver. Default: the log's last. */
  readonly to?: number | undefined;
  /**
   * What to do if the log is damaged, or entries are missing: `error` ends the reading with that error; `skip` delivers what
   * a salvage would keep, in the salvage's order and under its numbers; without `from`, from the first such entry on. `skip`
   * first reads the log once to see whether it is whole, and if not, holds a note of each line. Default `error`.
   */
  readonly onDamage?: 'error' | 'skip' | undefined;
  /**
   * With `onDamage: 'skip'`: called for each range of numbers whose entries are lost, before the record after it is delivered.
   * If it throws, the reading ends in that error.
   */
  readonly onSkip?: ((range: LostRange) => void) | undefined;
}

export interface FollowOptions {
  /** As for `read`. */
  readonly from?: number | Head | undefined;
  /** Ends the following, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Deliver only what is known to be synced, so that a power cut takes back nothing that was delivered. Default false. */
  readonly durable?: boolean | undefined;
}

export interface VerifyOptions {
  /** Called now and then with the number of bytes read so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

export interface StatsOptions {
  /** Start counting from 0 after this call. Default false. */
  readonly reset?: boolean | undefined;
}

function isCrc(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{8}$/.test(value);
}

/** The checked options of an append. */
export interface AppendCall {
  readonly expect: Expectation | undefined;
  readonly rev: number | undefined;
  readonly key: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The options of an append that has none. */
export const NOTHING_ASKED: AppendCall = {
  expect: undefined,
  rev: undefined,
  key: undefined,
  signal: undefined,
};

/** Checks the options of an append, except the key, which is checked with the entry. */
export function checkAppend(options: AppendOptions): AppendCall {
  const { expect, key, signal } = readOptions(options, ['expect', 'key', 'signal']);
  checkSignal(signal);
  return { expect: undefined, rev: undefined, ...checkExpectation(expect), key, signal };
}

function checkExpectation(
  expect: Expectation | RevExpectation | undefined,
): { readonly expect: Expectation } | { readonly rev: number } | undefined {
  if (expect === undefined) return undefined;
  if (typeof expect !== 'object' || expect === null)
    throw badArgument('expect must be an object {seq, crc?} or {rev}');
  const given = readOptions(expect as Partial<Expectation & RevExpectation>, ['seq', 'crc', 'rev']);
  const { seq, crc, rev } = given;
  if (rev !== undefined) {
    if (seq !== undefined || crc !== undefined)
      throw badArgument('expect must be an object {seq, crc?} or {rev}, not both');
    return { rev: integer('expect.rev', rev, 0, Number.MAX_SAFE_INTEGER) };
  }
  if (seq === undefined)
    throw badArgument('expect names neither a seq (0: the log is empty) nor a rev (0: the id is not there)');
  if (crc !== undefined && !isCrc(crc)) throw badArgument('expect.crc must be 8 hex digits');
  return { expect: { seq: integer('expect.seq', seq, 0, Number.MAX_SAFE_INTEGER), crc } };
}

export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw badArgument('signal must be an AbortSignal');
}

/** Checks the place where reading begins. */
export function checkFrom(from: number | Head | undefined): number | Head | undefined {
  if (from === undefined) return undefined;
  if (typeof from === 'number') return integer('from', from, 0, Number.MAX_SAFE_INTEGER);
  if (typeof from !== 'object' || from === null)
    throw badArgument('from must be a seq or a cursor {seq, crc}');
  const { seq, crc } = readFields('The cursor', from, ['seq', 'crc']);
  if (!isCrc(crc)) throw badArgument('from must be a seq or a cursor {seq, crc}');
  return { seq: integer('from.seq', seq, 0, Number.MAX_SAFE_INTEGER), crc };
}

/** Checks the options of a read. */
export function checkRead(options: ReadOptions): {
  readonly range: { readonly from: number | Head | undefined; readonly to: number | undefined };
  readonly skips: boolean;
  readonly onSkip: ReadOptions['onSkip'];
} {
  const { from, to, onDamage, onSkip } = readOptions(options, ['from', 'to', 'onDamage', 'onSkip']);
  const range = {
    from: checkFrom(from),
    to: to === undefined ? undefined : integer('to', to, 0, Number.MAX_SAFE_INTEGER),
  };
  const skips = oneOf('onDamage', onDamage ?? 'error', ['error', 'skip']) === 'skip';
  const checked = callback('onSkip', onSkip);
  if (checked !== undefined && !skips) throw badArgument("onSkip goes with onDamage: 'skip'");
  return { range, skips, onSkip: checked };
}

/** Checks the options of a follow. */
export function checkFollow(options: FollowOptions): FollowOptions & { readonly durable: boolean } {
  const { from, signal, durable } = readOptions(options, ['from', 'signal', 'durable']);
  checkSignal(signal);
  return { from: checkFrom(from), signal, durable: boolean('durable', durable ?? false) };
}
