import { join } from 'node:path';
import { SUSPECT_FILE, segmentName } from '../format/names.ts';
import { fileError } from '../storage/error.ts';
import { publish, readWhole } from '../storage/files.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';

/*
 * After a failed fdatasync the kernel may count pages as clean that never reached the disk: they read back right, and
 * are gone after a power cut. So the Wal that saw it leaves a marker, and whoever opens the log for writing next copies
 * the segment's bytes to a new file, syncs that, and puts it in the old one's place, before anything is built on it.
 */

/** Leaves the marker. It may fail too: the caller cannot do more than try. */
export function markSuspect(storage: Storage, directory: string, firstSeq: number, token: string): void {
  const bytes = Buffer.from(`${JSON.stringify({ segment: segmentName(firstSeq), seq: firstSeq })}\n`);
  publish(storage, join(directory, SUSPECT_FILE), bytes, token);
}

/** The first seq of the segment that a marker names; 0 where the marker cannot be read, undefined where there is none. */
export function suspectIn(storage: Storage, directory: string): number | undefined {
  const bytes = readWhole(storage, join(directory, SUSPECT_FILE));
  if (bytes === undefined) return undefined;
  try {
    const { seq } = JSON.parse(bytes.toString()) as { seq?: unknown };
    return typeof seq === 'number' ? seq : 0;
  } catch {
    return 0;
  }
}

const COPY_BYTES = 1024 * 1024;
/** A writer that goes on without the lock adds a little to each pass over what came since the last. */
const MOST_PASSES = 20;

/**
 * Writes the segments from `firstSeq` on anew and takes the marker away. Called inside the write turn. Should another
 * process write without the lock while this goes on, its lines after the copied ones are copied too, and it finds the
 * file replaced when it looks before it acknowledges.
 */
export function healSuspect(
  storage: Storage,
  directory: string,
  segments: readonly number[],
  token: string,
): void {
  const marker = join(directory, SUSPECT_FILE);
  const firstSeq = suspectIn(storage, directory);
  if (firstSeq === undefined) return;
  try {
    for (const seq of segments.filter((each) => each >= firstSeq)) copyAnew(storage, directory, seq, token);
    storage.remove(marker);
    storage.syncDirectory(directory);
  } catch (error) {
    throw fileError(error, 'make safe after a failed sync', marker);
  }
}

function copyAnew(storage: Storage, directory: string, firstSeq: number, token: string): void {
  const path = join(directory, segmentName(firstSeq));
  const temporary = `${path}.${token}.tmp`;
  const source = storage.open(path, 'read');
  try {
    const target = storage.open(temporary, 'create', source.look().mode);
    try {
      let end = 0;
      for (let pass = 0; pass < MOST_PASSES; pass++) {
        const reached = copyFrom(source, target, end);
        if (reached === end) break;
        end = reached;
        target.syncNow();
      }
      storage.rename(temporary, path);
      // What came in between: nothing while the lock holds. At once: who acknowledged it saw the old file here.
      copyFrom(source, target, end);
      target.syncNow();
      storage.syncDirectory(directory);
    } finally {
      target.close();
    }
  } finally {
    source.close();
    storage.remove(temporary);
  }
}

/** Copies from an offset to the end; returns where that was. */
function copyFrom(source: StorageFile, target: StorageFile, from: number): number {
  const chunk = Buffer.allocUnsafe(COPY_BYTES);
  let position = from;
  for (;;) {
    const count = source.read(chunk, position);
    if (count === 0) return position;
    let rest = chunk.subarray(0, count);
    while (rest.length > 0) rest = rest.subarray(target.append([rest]));
    position += count;
  }
}
