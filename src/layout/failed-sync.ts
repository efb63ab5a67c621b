import { join } from 'node:path';
import { NEWLINE, readEnvelope } from '../format/line.ts';
import { FAILED_SYNC_FILE, segmentName } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import { MOST_SMALL_BYTES, openIfThere, readWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { FileLook, Permissions, Storage } from '../storage/storage.ts';
import { layoutOf } from './layout.ts';

/*
 * After a failed fdatasync the kernel may count pages as clean that never reached the disk: they read back right, and
 * are gone after a power cut. So the Wal that saw it leaves a marker, and whoever opens the log for writing next writes
 * the segment's lines over themselves, which makes their pages dirty again, and syncs that before anything is built on it.
 * (Not to a new file, which takes the old one's name: what others append to the old one just before would be lost.)
 */

/**
 * Leaves the marker, or another line in it, for processes that go on: it need not survive a power cut, for after one the
 * disk alone says what is there. It may fail too: the caller cannot do more than try.
 */
export function markFailedSync(storage: Storage, directory: string, firstSeq: number): void {
  const path = join(directory, FAILED_SYNC_FILE);
  const line = Buffer.from(`${JSON.stringify({ segment: segmentName(firstSeq), seq: firstSeq })}\n`);
  try {
    while (!appendTo(storage, path, line, permissionsIn(storage, directory)));
  } catch (error) {
    throw fileError(error, 'make', path);
  }
}

/** False where the file was taken away meanwhile, and the line with it. */
function appendTo(storage: Storage, path: string, line: Buffer, as: Permissions | undefined): boolean {
  // What a link leads to is not the log's.
  if (storage.isLink(path)) storage.remove(path);
  const file = storage.open(path, 'append', as);
  try {
    file.append([line]);
    return storage.look(path)?.inode === file.look().inode;
  } finally {
    file.close();
  }
}

/** The first of the segments that a marker names; 0 where it cannot be read, undefined where there is none. */
export function failedSyncIn(storage: Storage, directory: string): number | undefined {
  const bytes = readWhole(storage, join(directory, FAILED_SYNC_FILE));
  if (bytes === undefined) return undefined;
  if (bytes.length === MOST_SMALL_BYTES) return 0;
  const lines = bytes.toString().trimEnd().split('\n');
  return lines.reduce((least, line) => Math.min(least, seqOf(line)), Infinity);
}

function seqOf(line: string): number {
  try {
    const { seq } = JSON.parse(line) as { seq?: unknown };
    return typeof seq === 'number' ? seq : 0;
  } catch {
    return 0;
  }
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Where there is a marker, writes the segments from that one on over themselves, and takes it away. Others may append
 * meanwhile: no byte that is written over ever changes.
 */
export function repairFailedSync(storage: Storage, directory: string): void {
  const marker = join(directory, FAILED_SYNC_FILE);
  try {
    for (let before = storage.look(marker); before !== undefined; ) {
      const firstSeq = failedSyncIn(storage, directory) ?? Infinity;
      const { segments } = layoutOf(storage, directory);
      for (const seq of segments.filter((each) => each >= firstSeq))
        writeOver(storage, join(directory, segmentName(seq)));
      storage.syncDirectory(directory);
      // A sync may have failed meanwhile of what was written since.
      const now = storage.look(marker);
      if (now !== undefined && isSame(before, now)) {
        // Not synced: should a power cut bring it back, whoever opens the log next does the same once more.
        storage.remove(marker);
        return;
      }
      before = now;
    }
  } catch (error) {
    throw fileError(error, 'make safe after a failed sync', marker);
  }
}

function isSame(a: FileLook, b: FileLook): boolean {
  return a.inode === b.inode && a.size === b.size && a.modifiedMs === b.modifiedMs;
}

/**
 * Writes a segment's crc-valid lines over themselves, each with the newline before it, and syncs them. What else lies there is
 * left alone: it may be another writer's line on its way, which this reads in part, or as zeros.
 */
function writeOver(storage: Storage, path: string): void {
  const file = openIfThere(storage, path, 'update');
  // A compaction deletes segments; its snapshot, which was synced, stands for them.
  if (file === undefined) return;
  try {
    let rest = Buffer.alloc(0);
    for (let offset = 0; ; ) {
      const chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, rest.length));
      const count = file.read(chunk, offset + rest.length);
      if (count === 0) break;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      for (const { from, to } of wholeLines(bytes, end)) {
        const before = Buffer.alloc(offset + from > 0 ? 1 : 0, NEWLINE);
        file.writeAt(Buffer.concat([before, bytes.subarray(from, to)]), offset + from - before.length);
      }
      rest = bytes.subarray(end);
      offset += end;
    }
    file.syncNow();
  } finally {
    file.close();
  }
}

/** Where crc-valid lines lie in `bytes[0, end)`, which ends in a newline: those that follow one another together. */
function* wholeLines(bytes: Buffer, end: number): Generator<{ readonly from: number; readonly to: number }> {
  let from = 0;
  for (let start = 0; start < end; ) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (readEnvelope(bytes, start, newline) === undefined) {
      if (from < start) yield { from, to: start };
      from = newline + 1;
    }
    start = newline + 1;
  }
  if (from < end) yield { from, to: end };
}
