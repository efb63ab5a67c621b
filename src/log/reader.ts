import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { LogRecord } from '../format/record.ts';
import type { LineReader, LineStore, Progress } from '../store/store.ts';
import { divergedError, RecordFeed } from './record-feed.ts';
import { Stretch } from './stretch.ts';

export interface ReadRange {
  /** A first seq, or a cursor to go on after. 0, and the head of an empty log: the first entry there is. */
  readonly from: number | Head | undefined;
  readonly to: number | undefined;
  /** Go on as more comes. */
  readonly follow: Following | undefined;
}

export interface Following {
  readonly signal: AbortSignal;
  /** Deliver only what survives a crash. */
  readonly durable: boolean;
}

/** How long a follower gives a damaged end to become whole. */
const DOUBT_MS = 1000;
/** How often after a replacement the log may look cut: a checkout takes files out before it puts others in. */
const AWAY_LOOKS = 20;
const AWAY_LOOK_MS = 50;

/**
 * Reads the records of a range: up to the end as it is when the reading gets there, or, following, until the signal
 * aborts, as it does before the store is closed. It starts over, from the record it delivered last, where the log was replaced, and where missing entries turn
 * out to be settled by a repair.
 */
export async function* readRecords(
  store: LineStore,
  clock: Clock,
  range: ReadRange,
): AsyncGenerator<LogRecord, void, undefined> {
  const last = range.to ?? Infinity;
  let place = range.from;
  let settledBy = 0;
  let looksLeft = 0;
  for (;;) {
    const first = Math.max(1, typeof place === 'object' ? place.seq + 1 : (place ?? 1));
    if (first > last) return;
    const cursor = typeof place === 'object' ? place : undefined;
    const feed = new RecordFeed({ first, last, cursor }, false, settledBy);
    const pieces = readPieces(store, clock, feed, cursor?.seq || first, range.follow);
    try {
      for await (const records of pieces) {
        for (const record of records) {
          if (range.follow?.signal.aborted) return;
          place = { seq: record.seq, crc: record.crc };
          yield record;
          if (record.seq === last) return;
        }
      }
      if (feed.met || cursor === undefined) return;
      throw divergedError(cursor);
    } catch (error) {
      if (range.follow?.signal.aborted) return;
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
      await clock.sleep(AWAY_LOOK_MS, range.follow?.signal);
    }
  }
}

/** Thrown within this file: the log there now is another. */
class Replaced extends Error {}

async function* readPieces(
  store: LineStore,
  clock: Clock,
  feed: RecordFeed,
  from: number,
  follow: Following | undefined,
): AsyncGenerator<LogRecord[], void, undefined> {
  const reader = store.reader(from, follow !== undefined);
  const stretch = new Stretch(clock);
  let doubted = false;
  try {
    for (;;) {
      if (stretch.isOver) await clock.yield();
      const progress = await readOn(reader, feed);
      if (progress === 'replaced') throw new Replaced();
      const records = feed.take();
      if (records.length > 0) {
        if (follow?.durable && (records.at(-1) as LogRecord).seq > feed.synced) await reader.sync();
        yield records;
      }
      if (feed.failure !== undefined) throw feed.failure;
      if (progress === 'more') continue;
      if (feed.doubt !== undefined) {
        // A damaged end may be a line on its way: it is read twice before it is believed.
        if (doubted) throw feed.doubt;
        doubted = true;
        if (follow) await clock.sleep(DOUBT_MS, follow.signal);
        continue;
      }
      doubted = false;
      if (follow === undefined || !feed.met || follow.signal.aborted) return;
      await store.changed(follow.signal);
      if (follow.signal.aborted) return;
    }
  } finally {
    reader.close();
  }
}

/** A damaged end is why a segment does not lead on. */
async function readOn(reader: LineReader, feed: RecordFeed): Promise<Progress> {
  try {
    return await reader.read(feed);
  } catch (error) {
    throw hasCode(error, 'ERR_WAL_DIVERGED') ? (feed.doubt ?? error) : error;
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
