import { join } from 'node:path';
import { NEWLINE } from '../format/line.ts';
import { FAILED_SYNC_FILE, segmentName } from '../format/names.ts';
import { readEnvelope } from '../format/read-line.ts';
import { fileError } from '../storage/error.ts';
import { MOST_SMALL_BYTES, openIfThere, readWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { FileLook, Permissions, Storage } from '../storage/storage.ts';
import { layoutOf } from './layout.ts';

/*
 * After a failed fdatasync the kernel may count pages as clean that never reached the disk: they read back right, and
 * are lost in a power cut. So the Wal whose sync failed leaves a marker. The next process that opens the log for
 * writing writes the segment's lines over themselves, which makes their pages dirty again, and syncs them before
 * anything is appended after them.
 *
 * The lines are not copied to a new file that takes the segment's name: what others append to the old file just before
 * the rename would be lost.
 */

/**
 * Leaves the failed-sync marker, or adds a line to it. The marker is for processes that continue, and need not survive
 * a power cut: after one, only what is on the disk is there. Leaving it may fail too; the caller can only try.
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

/** Returns false if the file was removed meanwhile, and the new line with it. */
function appendTo(storage: Storage, path: string, line: Buffer, as: Permissions | undefined): boolean {
  // The file that a link leads to is not the log's.
  if (storage.isLink(path)) storage.remove(path);
  const file = storage.open(path, 'append', as);
  try {
    file.append([line]);
    return storage.look(path)?.inode === file.look().inode;
  } finally {
    file.close();
  }
}

/** The lowest segment that the marker names; 0 if the marker cannot be read, undefined if there is none. */
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
 * If there is a marker, writes the segments from the lowest that it names on over themselves, and removes the marker.
 * Others may append meanwhile, because the bytes written over never change.
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
      // Another sync may have failed meanwhile, of lines written since.
      const now = storage.look(marker);
      if (now !== undefined && isSame(before, now)) {
        // The removal is not synced: if a power cut brings the marker back, the next opener repeats this.
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
 * Writes a segment's crc-valid lines over themselves, each with the newline before it, and syncs them. It leaves other
 * bytes alone: they may be another writer's line in progress, which reads as part of a line or as zeros.
 */
function writeOver(storage: Storage, path: string): void {
  const file = openIfThere(storage, path, 'update');
  // A compaction deleted the segment; its snapshot, which was synced, covers the entries.
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

/**
 * The ranges of crc-valid lines in `bytes[0, end)`, which ends in a newline; lines that follow one another are one
 * range.
 */
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
