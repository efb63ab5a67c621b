import { join } from 'node:path';
import { snapshotDamage } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { KeyScope } from '../format/key-scope.ts';
import { type Envelope, GENESIS_CRC, isSameWrite, NEWLINE, readEnvelope } from '../format/line.ts';
import { segmentName, segmentSeq, snapshotName, snapshotSeq } from '../format/names.ts';
import { SegmentScan } from '../format/scan.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { openIfThere, readFully } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import { gapError } from './gap.ts';
import { readHeader } from './snapshots.ts';

/** What one listing of a log's directory shows, each ascending. */
export interface Layout {
  /** First seqs of the segments. */
  readonly segments: readonly number[];
  /** Last seqs of what the snapshots stand for. */
  readonly snapshots: readonly number[];
}

export function layoutOf(storage: Storage, directory: string): Layout {
  const names = storage.list(directory);
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

/** Where reading begins: a segment, and the crc of the line that its first line must follow. */
export interface Start {
  readonly firstSeq: number;
  readonly follows: string | undefined;
  /** Which idempotency keys are looked for there, where what lies before tells. */
  readonly keys?: KeyScope | undefined;
}

/**
 * The segment that is written now: the last, unless a snapshot stands for it, too (then a writer who slept through a
 * compaction made it). It need not exist yet.
 */
export function newestStart(storage: Storage, directory: string): Start {
  const layout = layoutOf(storage, directory);
  const start = newestIn(storage, directory, layout);
  if (start !== undefined) return start;
  // A compaction may have taken away what leads there since that listing; then its snapshot is in the next.
  const again = layoutOf(storage, directory);
  const [last] = again.segments.slice(-1);
  const found = newestIn(storage, directory, again);
  if (found !== undefined) return found;
  const [snapshot = 0] = again.snapshots.slice(-1);
  if (last === undefined || last <= snapshot) throw damagedSnapshotError(directory, snapshot);
  throw gapError(storage, directory, again, last);
}

/** Undefined where nothing says what the last segment follows, or which numbers come next. */
function newestIn(storage: Storage, directory: string, layout: Layout): Start | undefined {
  const start = startIn(storage, directory, layout);
  if (start === undefined || layout.segments.includes(start.firstSeq)) return start;
  // The numbers that a damaged snapshot stands for by its name were given: they are not given again.
  return start.firstSeq > (layout.snapshots.at(-1) ?? 0) ? start : undefined;
}

function startIn(storage: Storage, directory: string, layout: Layout): Start | undefined {
  const last = layout.segments.at(-1);
  const snapshot = newestSnapshot(storage, directory, layout);
  if (snapshot !== undefined && (last === undefined || last <= snapshot.head.seq)) return behind(snapshot);
  if (last === undefined || last === 1) return { firstSeq: 1, follows: GENESIS_CRC };
  const seal = sealBefore(storage, directory, layout, last);
  if (seal !== undefined) return { firstSeq: last, follows: seal.crc, keys: seal.keys };
  return snapshot?.head.seq === last - 1 ? behind(snapshot) : undefined;
}

function behind({ head, keys }: SnapshotHeader): Start {
  return { firstSeq: head.seq + 1, follows: head.crc, keys };
}

/** The segment from which to read `from`. Throws ERR_WAL_COMPACTED where that is gone, and a snapshot stands for it. */
export function startFor(storage: Storage, directory: string, from: number): Start {
  const layout = layoutOf(storage, directory);
  const { segments, snapshots } = layout;
  const newest = snapshots.at(-1);
  // What a snapshot stands for is no way to what comes after it.
  const firstSeq = segments.findLast((seq) => seq <= from && (from <= (newest ?? 0) || seq > (newest ?? 0)));
  if (firstSeq === 1) return { firstSeq, follows: GENESIS_CRC };
  if (firstSeq !== undefined) {
    const follows = sealBefore(storage, directory, layout, firstSeq)?.crc;
    return { firstSeq, follows };
  }
  const [lowest] = segments;
  if (newest !== undefined && from <= newest) throw compactedError(from, newest);
  if (newest !== undefined) return newestStart(storage, directory);
  // A log that nobody wrote to yet may have no segment.
  if (lowest === undefined) return { firstSeq: 1, follows: GENESIS_CRC };
  throw gapError(storage, directory, layout, lowest);
}

/** Throws where no segment ends in the seal that `head` is: a snapshot of it would stand for what goes on, too. */
export function requireSeal(storage: Storage, directory: string, { seq, crc }: Head): void {
  if (sealBefore(storage, directory, layoutOf(storage, directory), seq + 1)?.crc === crc) return;
  // Another compaction may have come, and taken it away, since that listing.
  const newest = layoutOf(storage, directory).snapshots.at(-1) ?? 0;
  if (newest >= seq) throw compactedError(seq, newest);
  throw new WalError(
    'ERR_WAL_DIVERGED',
    `No segment in ${directory} ends at entry ${seq} with crc ${crc}: the log was replaced meanwhile. Compact it again.`,
    { seq },
  );
}

/**
 * The first seq whose record is here, and from which all that follows is. What a snapshot stands for may be there in part:
 * its deletion was cut short, or a writer that slept through it made a segment's name anew.
 */
export function oldestSeq(storage: Storage, directory: string): number {
  const layout = layoutOf(storage, directory);
  const newest = layout.snapshots.at(-1) ?? 0;
  const isEmpty = (seq: number) => storage.look(join(directory, segmentName(seq)))?.size === 0;
  const segments = layout.segments.filter((seq) => seq > newest || !isEmpty(seq));
  if (newest === 0) return segments[0] ?? 1;
  let oldest = newest + 1;
  for (const seq of segments.filter((seq) => seq <= newest).reverse()) {
    if (sealBefore(storage, directory, { ...layout, segments }, oldest) === undefined) break;
    oldest = seq;
  }
  return oldest;
}

function newestSnapshot(
  storage: Storage,
  directory: string,
  { snapshots }: Layout,
): SnapshotHeader | undefined {
  for (const seq of snapshots.toReversed()) {
    const header = readHeader(storage, directory, seq);
    if (header !== undefined) return header;
  }
  return undefined;
}

const TAIL_BYTES = 64 * 1024;

/**
 * The seal that ends the segment before `firstSeq`, if it is that segment's end. It lies near the end, but
 * for what overtaken writers put after it; where that is not enough to tell, the whole segment is read.
 */
function sealBefore(
  storage: Storage,
  directory: string,
  layout: Layout,
  firstSeq: number,
): Envelope | undefined {
  const previous = layout.segments.findLast((seq) => seq < firstSeq);
  if (previous === undefined) return undefined;
  const file = openIfThere(storage, join(directory, segmentName(previous)), 'read');
  if (file === undefined) return undefined;
  try {
    const seal = sealAtEnd(file);
    if (seal?.seq === firstSeq) return seal;
    let last: Envelope | undefined;
    const accepted = (line: Envelope) => {
      last = line;
    };
    scanFile(file, new SegmentScan(previous, { accepted }));
    return last?.count === 0 && last.seq === firstSeq ? last : undefined;
  } finally {
    file.close();
  }
}

/**
 * The seal near the end, where it certainly is the segment's: an overtaken writer's group, which may be long, may end in
 * one too, of the same seq. Of that group no line follows what lies just before the group; so the lines up to the seal
 * must follow one another from another write on.
 */
function sealAtEnd(file: StorageFile): Envelope | undefined {
  const size = file.size();
  const bytes = Buffer.allocUnsafe(Math.min(size, TAIL_BYTES));
  const count = readFully(file, bytes, size - bytes.length);
  let seal: Envelope | undefined;
  let before: Envelope | undefined;
  let acrossWrites = false;
  for (let start = 0; start < count; ) {
    const newline = bytes.subarray(0, count).indexOf(NEWLINE, start);
    const end = newline < 0 ? count : newline;
    const line = readEnvelope(bytes, start, end);
    const follows = line !== undefined && line.prev === before?.crc;
    acrossWrites = follows && (acrossWrites || !isSameWrite(before as Envelope, line));
    if (line?.count === 0) {
      if (seal !== undefined || !acrossWrites) return undefined;
      seal = line;
    }
    before = line;
    start = end + 1;
  }
  return seal;
}

const CHUNK_BYTES = 256 * 1024;

/** Reads a segment that another follows. */
function scanFile(file: StorageFile, scan: SegmentScan): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const count = file.read(chunk, position);
    if (count === 0) break;
    scan.push(chunk.subarray(0, count));
    position += count;
  }
  // Nobody is in the middle of a line there: one that lacks its newline lost it.
  scan.push(Buffer.of(NEWLINE));
}

/** The error for what lies before the oldest segment that is kept. */
export function compactedError(from: number, snapshot: number): WalError {
  return new WalError(
    'ERR_WAL_COMPACTED',
    `Entry ${from} was compacted away: a snapshot stands for all up to entry ${snapshot}. Read from ${snapshot + 1}, or use a table, which loads the snapshot.`,
    { seq: snapshot },
  );
}

/** The error for a log that goes on from a snapshot which is damaged. */
function damagedSnapshotError(directory: string, seq: number): WalError {
  const segment = snapshotName(seq);
  return new WalError(
    'ERR_WAL_CORRUPT',
    `${join(directory, segment)} is damaged, and the log goes on from it: nothing else tells what comes after entry ${seq}. Put it back from a backup, or go on with what is left ("jsonl-wal doctor" says how).`,
    { segment, offset: 0, seq, damage: snapshotDamage(segment, seq, seq) },
  );
}
