import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { LogRecord } from '../format/record.ts';
import type { LineStore, LogWatch } from '../store/store.ts';
import { type Following, Reading, Replaced } from './reading.ts';
import { divergedError, RecordFeed } from './record-feed.ts';
import { RecordStream } from './record-stream.ts';
import type { Seat } from './seat.ts';
import type { SharedReading } from './shared-reading.ts';

export interface ReadRange {
  /** A first seq, or a cursor to continue after. 0, or the head of an empty log: the first entry there is. */
  readonly from: number | Head | undefined;
  readonly to: number | undefined;
  /** How to continue as the log grows; undefined: stop at its end. */
  readonly follow: Follow | undefined;
}

export interface Follow extends Following {
  /** The reading that it joins at the end of the log, shared by all followers. */
  readonly shared: SharedReading;
}

/**
 * How often after a replacement the log may look incomplete: a checkout removes files before it writes the new ones.
 */
const AWAY_LOOKS = 20;
const AWAY_LOOK_MS = 50;

/**
 * Reads the records of a range: to the end of the log at that moment or, when following, until the signal aborts,
 * which it does before the store is closed. A follower reads to the end by itself and then joins the shared reading.
 * It starts again after the last record that it delivered if it lags behind the shared reading, if the log was
 * replaced, or if a repair turns out to settle missing entries.
 */
export function readRecords(
  store: LineStore,
  clock: Clock,
  range: ReadRange,
): AsyncGenerator<LogRecord, void, undefined> {
  return new RecordStream(readPieces(store, clock, range), range.follow?.signal);
}

/**
 * Like `readRecords`, in pieces: when the next piece is requested, all records of the previous one have been
 * delivered.
 */
export async function* readPieces(
  store: LineStore,
  clock: Clock,
  range: ReadRange,
): AsyncGenerator<readonly LogRecord[], void, undefined> {
  const { follow } = range;
  const last = range.to ?? Infinity;
  let place = range.from;
  let settledBy = 0;
  let looksLeft = 0;
  again: for (;;) {
    const first = Math.max(1, typeof place === 'object' ? place.seq + 1 : (place ?? 1));
    if (first > last) return;
    const cursor = typeof place === 'object' ? place : undefined;
    let source: Reading | Seat | undefined;
    let watch: LogWatch | undefined;
    try {
      const reading = new Reading(store, clock, { first, last, cursor }, settledBy, follow);
      const { feed } = reading;
      source = reading;
      for (;;) {
        const records = await source.next();
        if (records !== undefined) {
          if (follow?.signal.aborted) return;
          const { seq, crc } = records[records.length - 1] as LogRecord;
          yield seq > last ? records.filter((record) => record.seq <= last) : records;
          if (seq >= last) return;
          place = { seq, crc };
          continue;
        }
        if (follow === undefined || !feed.met || follow.signal.aborted) break;
        if (source !== reading) continue again;
        const seat = follow.shared.join(reading, follow.signal);
        if (seat !== undefined) {
          source = seat;
          continue;
        }
        watch ??= store.watch();
        await watch.changed(follow.signal);
      }
      if (feed.met || cursor === undefined) return;
      throw divergedError(cursor);
    } catch (error) {
      if (follow?.signal.aborted) return;
      if (error instanceof Replaced) looksLeft = AWAY_LOOKS;
      else if (isMissing(error)) {
        const repair = await lastRepair(store, first);
        if (repair <= settledBy) throw error;
        settledBy = repair;
        continue;
      } else if (await isKeptBySnapshot(store, error, cursor)) {
        place = first;
        continue;
      } else if (!isAway(error) || looksLeft-- === 0) throw error;
      await clock.sleep(AWAY_LOOK_MS, follow?.signal);
    } finally {
      watch?.close();
      source?.close();
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof WalError && error.code === 'ERR_WAL_CORRUPT' && error.cause === 'missing';
}

/**
 * Whether the cursor was refused only because its own entry was compacted away: a snapshot ends exactly there, and
 * the entries after it are present.
 */
async function isKeptBySnapshot(
  store: LineStore,
  error: unknown,
  cursor: Head | undefined,
): Promise<boolean> {
  if (cursor === undefined || !hasCode(error, 'ERR_WAL_COMPACTED')) return false;
  const snapshots = await store.snapshots();
  const { seq, crc } = cursor;
  return snapshots.some(({ head }) => head.seq === seq && head.crc === crc);
}

function isAway(error: unknown): boolean {
  return hasCode(error, 'ERR_WAL_DIVERGED', 'ERR_WAL_NOT_FOUND');
}

/** The seq of the last repair: entries missing before it are known to be lost. 0 if there is none. */
async function lastRepair(store: LineStore, from: number): Promise<number> {
  const feed = new RecordFeed({ first: Infinity, last: Infinity, cursor: undefined }, true);
  const reader = store.reader(from, false);
  try {
    while ((await reader.read(feed)) === 'more');
  } finally {
    reader.close();
  }
  return feed.repair;
}
