import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import { GENESIS_CRC } from '../format/line.ts';
import type { LogRecord } from '../format/record.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { readRecords } from '../log/reader.ts';
import { badArgument, integer, readOptions } from '../options/options.ts';
import { checkFold, type Fold } from './fold.ts';
import type { Item } from './item.ts';
import { canUse, type LoadParts, loadState } from './load.ts';
import type { State } from './state.ts';

/** A state as it was. Deep-frozen. */
export interface PastState<V = unknown> {
  /** The last entry that is in the state; 0: none. At a time, entries before that one may be left out. */
  readonly seq: number;
  /** By id, in the order of their UTF-16 code units. */
  readonly items: readonly Item<V>[];
  /** How many entries up to `seq` were folded into what a snapshot held, or into nothing; without those left out. */
  readonly applied: number;
  /** How many entries of the log are not in the state: those after `seq`; at a time, those dated later, wherever they are. */
  readonly skipped: number;
}

/**
 * An entry, or a time in milliseconds since the epoch: then every entry counts whose `ts` is not later, wherever it is. In
 * an atomic batch each entry counts by its own `ts`, if it was given one.
 */
export type Moment = number | { readonly time: number };

/** Other code runs each time that so many items were taken. */
const YIELD_EVERY = 1000;
/** What a Date can hold. */
const MOST_TIME = 8.64e15;
/** The call gives up after so many tries that a compaction interrupted. */
const MOST_TRIES = 5;

/**
 * The state as it was at a moment. It is not known for a moment before the oldest snapshot whose entries were deleted. In
 * the middle of an atomic batch there was no state.
 */
export async function stateAt<V>(
  parts: LoadParts,
  given: Fold<V>,
  moment: Moment,
  headNow: () => Promise<Head>,
): Promise<PastState<V>> {
  const fold = checkFold(given);
  const wanted = checkMoment(moment);
  for (let tries = 1; ; tries++) {
    const snapshots = await parts.store.snapshots();
    // Read after the listing, so that no snapshot listed is past the head.
    const head = await headNow();
    try {
      return await loadPast(parts, fold, wanted, head, snapshots);
    } catch (error) {
      // Another compaction deleted what was being read, or what the error says is deleted.
      const [newest] = await parts.store.snapshots();
      const isStale = hasCode(error, 'ERR_WAL_COMPACTED') && newest?.head.seq !== snapshots[0]?.head.seq;
      if (!isStale || tries === MOST_TRIES) throw error;
    }
  }
}

function checkMoment(moment: Moment): Moment {
  if (typeof moment === 'number') return integer('The moment', moment, 0, Number.MAX_SAFE_INTEGER);
  if (typeof moment !== 'object' || moment === null) {
    const not = typeof moment === 'string' ? JSON.stringify(moment) : String(moment);
    throw badArgument(`The moment must be an entry's seq or {time}, not ${not}`);
  }
  const { time } = readOptions(moment, ['time']);
  return { time: integer('time (milliseconds since 1970)', time, -MOST_TIME, MOST_TIME) };
}

async function loadPast<V>(
  parts: LoadParts,
  fold: Fold<V>,
  moment: Moment,
  head: Head,
  snapshots: readonly SnapshotHeader[],
): Promise<PastState<V>> {
  const { store } = parts;
  const first = await store.oldest();
  // The oldest snapshot from which the entries that remain lead on.
  const base = first === 1 ? undefined : snapshots.findLast((header) => header.head.seq >= first - 1);
  const least = base?.head.seq ?? 0;
  if (typeof moment !== 'number') return loadAtTime(parts, fold, moment.time, head, { base, snapshots });
  const seq = moment;
  if (seq < least) throw goneError(`entry ${seq}`, base as SnapshotHeader);
  if (seq > head.seq) throw badArgument(`The log ends at entry ${head.seq}, before entry ${seq}`);
  const crc = await crcAt(parts, seq, head, snapshots);
  const state = await loadState(parts, fold, snapshots, { seq, crc }, { whole: true, recent: [] });
  const items = await itemsOf(parts, state);
  const from = snapshots.find((header) => header.head.seq <= seq && canUse(fold, header))?.head.seq ?? 0;
  return { seq, items, applied: seq - from, skipped: head.seq - seq };
}

/**
 * The state of the entries that are not dated later than a time, in the order of the log. The state in a snapshot cannot
 * be split by time: if one of its entries is dated later, an older snapshot is used.
 */
async function loadAtTime<V>(
  parts: LoadParts,
  fold: Fold<V>,
  time: number,
  head: Head,
  {
    base,
    snapshots,
  }: { readonly base: SnapshotHeader | undefined; readonly snapshots: readonly SnapshotHeader[] },
): Promise<PastState<V>> {
  if (base !== undefined && time < base.latest) throw goneError(new Date(time).toISOString(), base);
  const usable = snapshots.filter(({ latest }) => latest <= time);
  const counts = ({ ts }: LogRecord) => ts <= time;
  const state = await loadState(parts, fold, usable, head, { whole: true, recent: [], counts });
  const { base: from, folded: applied, last: seq } = state;
  return { seq, items: await itemsOf(parts, state), applied, skipped: head.seq - from - applied };
}

/** Takes the items of a state, and closes it. */
async function itemsOf<V>({ clock }: LoadParts, state: State<V>): Promise<Item<V>[]> {
  const items: Item<V>[] = [];
  try {
    for (const { item } of state.entries()) if (items.push(item) % YIELD_EVERY === 0) await clock.yield();
  } finally {
    state.close();
  }
  return items;
}

/** The crc of the line that holds an entry as its last. */
async function crcAt(
  parts: LoadParts,
  seq: number,
  head: Head,
  snapshots: readonly SnapshotHeader[],
): Promise<string> {
  if (seq === 0) return GENESIS_CRC;
  if (seq === head.seq) return head.crc;
  const snapshot = snapshots.find((header) => header.head.seq === seq);
  if (snapshot !== undefined) return snapshot.head.crc;
  const records: LogRecord[] = [];
  for await (const record of recordsFrom(parts, seq, seq + 1)) records.push(record);
  const [at, next] = records as [LogRecord, LogRecord];
  if (at.crc !== next.crc) return at.crc;
  throw badArgument(`Entry ${seq} is in the middle of an atomic batch, which counts whole or not at all`);
}

function recordsFrom({ store, clock }: LoadParts, from: number, to: number): AsyncGenerator<LogRecord, void> {
  return readRecords(store, clock, { from, to, follow: undefined });
}

function goneError(what: string, { head, latest }: SnapshotHeader): WalError {
  // A ts may be past what a Date can hold; then no time can be asked for.
  const orFrom = Math.abs(latest) > MOST_TIME ? '' : `, or from ${new Date(latest).toISOString()}`;
  return new WalError(
    'ERR_WAL_COMPACTED',
    `The log was compacted: its state at ${what} is no longer known. The state is known from entry ${head.seq} on${orFrom}: the state in that snapshot cannot be split by time.`,
    { seq: head.seq },
  );
}
