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

/**
 * Lists the segments and snapshots of a log. Throws ERR_WAL_MISSING if a sync service has replaced one of the log's
 * files by a placeholder.
 */
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

/** The name of the file that holds the newest entries; undefined if there is none. */
export function lastFile({ segments, snapshots }: Layout): string | undefined {
  const segment = segments.at(-1) ?? 0;
  const snapshot = snapshots.at(-1) ?? 0;
  if (segment > snapshot) return segmentName(segment);
  return snapshot > 0 ? snapshotName(snapshot) : undefined;
}

/** Where reading begins: a segment, and what is before it, if that is known. */
export interface Start {
  readonly firstSeq: number;
  readonly before: Before | undefined;
}

/**
 * The segment in which writing continues; it need not exist yet. It is the last one, unless a snapshot covers that:
 * then a writer that was suspended during a compaction made it. `writable`: whether the caller wants to append. Throws
 * if entries before the segment are missing, or if nothing shows which line its first line follows. But in the first
 * segment past a snapshot, a reader believes that line's `prev`.
 */
export function startAtEnd(place: LogPlace, writable: boolean): Start {
  return startIn(place, (layout) => newestIn(place, layout, writable));
}

function startIn({ storage, directory }: LogPlace, find: (layout: Layout) => Start | WalError): Start {
  const found = find(layoutOf(storage, directory));
  if (!(found instanceof WalError)) return found;
  // A compaction may have deleted what leads there since that listing; its snapshot is then in the next listing.
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
    // Even if the snapshot is damaged, its name shows that the numbers up to its seq were given: they are not given
    // again.
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

/**
 * What is before the segment after a snapshot, or before the first segment if `snapshot` is 0; undefined if the
 * snapshot is damaged.
 */
function endOf({ storage, directory, log }: LogPlace, snapshot: number): Before | undefined {
  if (snapshot === 0) return { link: GENESIS_CRC, crc: GENESIS_CRC };
  const header = readHeader(storage, directory, snapshot, log);
  return header && { link: header.seal, crc: header.head.crc, keys: header.keys, fold: header.fold };
}

/**
 * What is before a segment, if the segment before it leads to it. The seal follows the line that holds the last entry.
 */
function endBefore(place: LogPlace, layout: Layout, firstSeq: number): Before | undefined {
  const seal = sealBefore(place, layout, firstSeq);
  return seal && { link: seal.crc, crc: seal.prev, keys: seal.keys, fold: seal.fold };
}

/**
 * Leaves out the damaged snapshots that reading ignores, by rule 1 of "Where reading begins" in docs/FORMAT.md: a
 * segment past the snapshot continues from the segments before it, and not from the snapshot; or there is no segment
 * past it, and no seal leads to the entry after it.
 */
function readable(place: LogPlace, layout: Layout): Layout {
  const { segments, snapshots } = layout;
  const newest = snapshots.at(-1);
  if (newest === undefined || segments.length === 0) return layout;
  const next = segments.find((seq) => seq > newest);
  if (next === newest + 1 || endOf(place, newest) !== undefined) return layout;
  const isLedTo = sealBefore(place, layout, next ?? newest + 1) !== undefined;
  if (isLedTo === (next === undefined)) return layout;
  return readable(place, { segments, snapshots: snapshots.slice(0, -1) });
}

/**
 * The segment from which to read entry `from`. Throws ERR_WAL_COMPACTED if that segment was deleted and a snapshot
 * covers it.
 */
export function startFor(place: LogPlace, from: number): Start {
  return startIn(place, (layout) => startOf(place, layout, from));
}

function startOf(place: LogPlace, all: Layout, from: number): Start | WalError {
  const layout = readable(place, all);
  const { segments, snapshots } = layout;
  const base = snapshots.at(-1) ?? 0;
  // Segments that a snapshot covers do not lead to the entries after it.
  const there = from <= base ? segments : segments.filter((seq) => seq > base);
  const holding = there.findLast((seq) => seq <= from);
  if (holding === undefined && from <= base) return compactedError(from, oldestSeq(place));
  const [next] = there;
  if (holding === undefined && next !== undefined) return gapError(place, layout, next);
  // No writer has continued after the snapshot yet. A log without entries has no segment either.
  const firstSeq = holding ?? base + 1;
  const before =
    endBefore(place, layout, firstSeq) ??
    (firstSeq === 1 || firstSeq === base + 1 ? endOf(place, firstSeq - 1) : undefined);
  if (holding === undefined && before === undefined) return namedError(place, layout, base);
  return { firstSeq, before };
}

/**
 * Throws unless a segment ends in the snapshot's seal; otherwise the snapshot would also cover entries still being
 * appended.
 */
export function requireSeal(place: LogPlace, header: SnapshotHeader): void {
  const { storage, directory } = place;
  const { seq } = header.head;
  if (endsIn(place, layoutOf(storage, directory), header)) return;
  // Another compaction may have deleted that segment since the listing.
  const newest = layoutOf(storage, directory).snapshots.at(-1) ?? 0;
  if (newest >= seq) throw compactedError(seq, oldestSeq(place));
  throw replacedError(directory, header);
}

/**
 * Throws if the segment before a snapshot, which has just been named, does not end in the snapshot's seal: the log was
 * replaced before the snapshot got its name. If no such segment is left, another compaction deleted it, and the
 * snapshot stays.
 */
export function refuseOtherEnd(place: LogPlace, header: SnapshotHeader): void {
  const { storage, directory } = place;
  const layout = layoutOf(storage, directory);
  const last = layout.segments.findLast((first) => first <= header.head.seq);
  if (last === undefined || endsIn(place, layout, header)) return;
  // The segment was deleted just now, or a writer that was suspended meanwhile made it again, empty.
  if (!storage.look(join(directory, segmentName(last)))?.size) return;
  throw replacedError(directory, header);
}

/** Whether the segment before the snapshot's next entry ends in the snapshot's seal. */
function endsIn(place: LogPlace, layout: Layout, { head, seal }: SnapshotHeader): boolean {
  return sealBefore(place, layout, head.seq + 1)?.crc === seal;
}

/**
 * The first seq that was not compacted away; 1 if there is no snapshot. Some segments that a snapshot covers may still
 * exist, because their deletion was interrupted, or because a writer that was suspended meanwhile made a segment of
 * that name again. Only those that lead to the snapshot's end count.
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

/** The error for a log if only a damaged snapshot shows how the log continues. */
function namedError(place: LogPlace, { snapshots }: Layout, seq: number): WalError {
  const { storage, directory, log } = place;
  const whole = snapshots.findLast((each) => readHeader(storage, directory, each, log) !== undefined) ?? 0;
  const gone = oldestSeq(place) > seq ? { from: whole + 1, to: seq } : undefined;
  return snapshotError(directory, seq, gone);
}
