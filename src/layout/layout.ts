import { join } from 'node:path';
import { WalError } from '../errors/errors.ts';
import { GENESIS_CRC } from '../format/line.ts';
import { segmentName, segmentSeq, snapshotName, snapshotSeq } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { evictedAmong } from '../format/strays.ts';
import type { Storage } from '../storage/storage.ts';
import type { Before } from '../store/feed.ts';
import { compactedError, replacedError } from '../store/refusals.ts';
import { snapshotError } from '../store/snapshot-error.ts';
import { evictedError } from './absent.ts';
import { gapError } from './gap.ts';
import type { Layout, LogPlace } from './log-place.ts';
import { sealBefore } from './seal.ts';
import { readHeader } from './snapshots.ts';

/** Throws ERR_WAL_MISSING where a sync service has put a placeholder in the place of one of the log's files. */
export function layoutOf(storage: Storage, directory: string): Layout {
  const names = storage.list(directory);
  const evicted = evictedAmong(names);
  if (evicted !== undefined) throw evictedError(directory, evicted);
  const seqs = (seqOf: (name: string) => number | undefined) =>
    names
      .map(seqOf)
      .filter((seq) => seq !== undefined)
      .sort((a, b) => a - b);
  return { segments: seqs(segmentSeq), snapshots: seqs(snapshotSeq) };
}

/** The name of the file that holds the newest entries; undefined where there is none. */
export function lastFile({ segments, snapshots }: Layout): string | undefined {
  const segment = segments.at(-1) ?? 0;
  const snapshot = snapshots.at(-1) ?? 0;
  if (segment > snapshot) return segmentName(segment);
  return snapshot > 0 ? snapshotName(snapshot) : undefined;
}

/** Where reading begins: a segment, and what lies before it, where that is known. */
export interface Start {
  readonly firstSeq: number;
  readonly before: Before | undefined;
}

/**
 * The segment that is written now: the last, unless a snapshot stands for it, too (then a writer who slept through a
 * compaction made it). It need not exist yet. `writable`: appending is to go on there. Throws where nothing tells which
 * number comes next, or what it follows.
 */
export function newestStart(place: LogPlace, writable: boolean): Start {
  return startIn(place, (layout) => newestIn(place, layout, writable));
}

function startIn({ storage, directory }: LogPlace, find: (layout: Layout) => Start | WalError): Start {
  const found = find(layoutOf(storage, directory));
  if (!(found instanceof WalError)) return found;
  // A compaction may have taken away what leads there since that listing; then its snapshot is in the next.
  const again = find(layoutOf(storage, directory));
  if (again instanceof WalError) throw again;
  return again;
}

function newestIn(place: LogPlace, all: Layout, writable: boolean): Start | WalError {
  const layout = writable ? all : readable(place, all);
  const { segments, snapshots } = layout;
  const base = snapshots.at(-1) ?? 0;
  const last = segments.at(-1) ?? 0;
  const end = endOf(place, base);
  if (last <= base) {
    // Where the snapshot is damaged, the numbers that it stands for by its name were given: they are not given again.
    const before = end ?? endBefore(place, layout, base + 1);
    return before === undefined ? namedError(place, layout, base) : { firstSeq: base + 1, before };
  }
  const first = segments.find((seq) => seq > base) as number;
  if (first > base + 1 && endBefore(place, layout, first) === undefined)
    return end === undefined ? namedError(place, layout, base) : gapError(place, layout, first);
  const isNext = last === base + 1;
  const before = endBefore(place, layout, last) ?? (isNext ? end : undefined);
  if (before !== undefined || (isNext && !writable)) return { firstSeq: last, before };
  return isNext ? namedError(place, layout, base) : gapError(place, layout, last);
}

/** What lies before the segment after a snapshot, and before the first one for 0; undefined where the snapshot is damaged. */
function endOf({ storage, directory, log }: LogPlace, snapshot: number): Before | undefined {
  if (snapshot === 0) return { link: GENESIS_CRC, crc: GENESIS_CRC };
  const header = readHeader(storage, directory, snapshot, log);
  return header && { link: header.seal, crc: header.head.crc, keys: header.keys, fold: header.fold };
}

/** What lies before a segment, where the one before it leads there. A seal follows the line that holds the last entry. */
function endBefore(place: LogPlace, layout: Layout, firstSeq: number): Before | undefined {
  const seal = sealBefore(place, layout, firstSeq);
  return seal && { link: seal.crc, crc: seal.prev, keys: seal.keys, fold: seal.fold };
}

/**
 * Leaves out the snapshots that reading passes over: they are damaged, and no segment goes on from them, while some go on
 * from what lies before.
 */
function readable(place: LogPlace, layout: Layout): Layout {
  const { segments, snapshots } = layout;
  const newest = snapshots.at(-1);
  if (newest === undefined || segments.length === 0) return layout;
  const next = segments.find((seq) => seq > newest);
  if (next === newest + 1 || endOf(place, newest) !== undefined) return layout;
  const isLedTo = sealBefore(place, layout, next ?? newest + 1) !== undefined;
  // A seal leads to the entry after the snapshot, or past it.
  if (isLedTo === (next === undefined)) return layout;
  return readable(place, { segments, snapshots: snapshots.slice(0, -1) });
}

/** The segment from which to read `from`. Throws ERR_WAL_COMPACTED where that is gone, and a snapshot stands for it. */
export function startFor(place: LogPlace, from: number): Start {
  return startIn(place, (layout) => startOf(place, layout, from));
}

function startOf(place: LogPlace, all: Layout, from: number): Start | WalError {
  const layout = readable(place, all);
  const { segments, snapshots } = layout;
  const base = snapshots.at(-1) ?? 0;
  // What a snapshot stands for is no way to what comes after it.
  const there = from <= base ? segments : segments.filter((seq) => seq > base);
  const holding = there.findLast((seq) => seq <= from);
  if (holding === undefined && from <= base) return compactedError(from, oldestSeq(place));
  const [next] = there;
  if (holding === undefined && next !== undefined) return gapError(place, layout, next);
  // Nobody went on behind the snapshot yet; a log that nobody wrote to has no segment either.
  const firstSeq = holding ?? base + 1;
  const before =
    endBefore(place, layout, firstSeq) ??
    (firstSeq === 1 || firstSeq === base + 1 ? endOf(place, firstSeq - 1) : undefined);
  if (holding === undefined && before === undefined) return namedError(place, layout, base);
  return { firstSeq, before };
}

/** Throws where no segment ends in the snapshot's seal: the snapshot would stand for what goes on, too. */
export function requireSeal(place: LogPlace, header: SnapshotHeader): void {
  const { storage, directory } = place;
  const { seq } = header.head;
  if (endsIn(place, layoutOf(storage, directory), header)) return;
  // Another compaction may have come, and taken it away, since that listing.
  const newest = layoutOf(storage, directory).snapshots.at(-1) ?? 0;
  if (newest >= seq) throw compactedError(seq, oldestSeq(place));
  throw replacedError(directory, header);
}

/**
 * Throws where the segment before a snapshot, which just got its name, does not end in the snapshot's seal: the log was
 * replaced before that. Where no such segment is left, another compaction took it away, and the snapshot stays.
 */
export function refuseOtherEnd(place: LogPlace, header: SnapshotHeader): void {
  const { storage, directory } = place;
  const layout = layoutOf(storage, directory);
  const last = layout.segments.findLast((first) => first <= header.head.seq);
  if (last === undefined || endsIn(place, layout, header)) return;
  // Taken away just now; or made again, empty, by a writer that slept through that.
  if (!storage.look(join(directory, segmentName(last)))?.size) return;
  throw replacedError(directory, header);
}

/** Whether the segment before the entry after a snapshot ends in the snapshot's seal. */
function endsIn(place: LogPlace, layout: Layout, { head, seal }: SnapshotHeader): boolean {
  return sealBefore(place, layout, head.seq + 1)?.crc === seal;
}

/**
 * The first seq that was not compacted away: 1 where there is no snapshot. What a snapshot stands for may be there in part,
 * as its deletion was cut short, or a writer that slept through it made a segment's name again: only what leads to the end
 * counts.
 */
export function oldestSeq(place: LogPlace): number {
  const { storage, directory } = place;
  const { segments, snapshots } = readable(place, layoutOf(storage, directory));
  const base = snapshots.at(-1) ?? 0;
  const isEmpty = (seq: number) => storage.look(join(directory, segmentName(seq)))?.size === 0;
  const before = segments.filter((seq) => seq <= base && !isEmpty(seq));
  let oldest = base + 1;
  for (const seq of before.toReversed()) {
    if (sealBefore(place, { segments: before }, oldest) === undefined) break;
    oldest = seq;
  }
  return oldest;
}

/** The error for a log of which only a snapshot that is damaged tells how it goes on. */
function namedError(place: LogPlace, { snapshots }: Layout, seq: number): WalError {
  const { storage, directory, log } = place;
  const whole = snapshots.findLast((each) => readHeader(storage, directory, each, log) !== undefined) ?? 0;
  const gone = oldestSeq(place) > seq ? { from: whole + 1, to: seq } : undefined;
  return snapshotError(directory, seq, gone);
}
