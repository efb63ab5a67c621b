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
  /** A first seq, or a cursor to go on after. 0, and the head of an empty log: the first entry there is. */
  readonly from: number | Head | undefined;
  readonly to: number | undefined;
  /** Go on as more comes. */
  readonly follow: Follow | undefined;
}

export interface Follow extends Following {
  /** What it goes on with where others follow, too. */
  readonly shared: SharedReading;
}

/** How often after a replacement the log may look cut: a checkout takes files out before it puts others in. */
const AWAY_LOOKS = 20;
const AWAY_LOOK_MS = 50;

/**
 * Reads the records of a range: up to the end as it is when the reading gets there, or, following, until the signal
 * aborts, as it does before the store is closed. Who follows reads to the end by itself, and goes on with the reading that all share.
 * It starts over, from the record it delivered last, where it lags behind that one, where the log was replaced, and where missing
 * entries turn out to be settled by a repair.
 */
export function readRecords(
  store: LineStore,
  clock: Clock,
  range: ReadRange,
): AsyncGenerator<LogRecord, void, undefined> {
  return new RecordStream(readPieces(store, clock, range), range.follow?.signal);
}

/** The same in pieces: who asks for the next has been given all of the one before. */
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

/** Whether what a cursor was refused for is all that is gone: it is where a snapshot ends, and what comes after it is here. */
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

/** The seq of the last repair: what is missing before it is known to be gone. 0 for none. */
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
