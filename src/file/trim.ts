import { join } from 'node:path';
import { mayBeInTheMaking, segmentName, snapshotName } from '../format/names.ts';
import { layoutOf } from '../layout/layout.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/** A temporary file that nobody touched for so long, and whose maker is gone, is what a crash left. */
const LEFTOVER_MS = 3_600_000;
/** The name of a segment or a snapshot while it is made. */
const MADE = /^(snapshot-)?[0-9]{20}\.jsonl\..*\.tmp$/;

/**
 * Deletes what the snapshot at `seq` makes needless: older snapshots, and all segments that begin at or before it (it
 * stands for whole segments), oldest first, so that what is left has no gap. And what crashes left of others.
 */
export function trimFiles(storage: Storage, directory: string, seq: number, now: number): void {
  try {
    const needless = needlessIn(storage, directory, seq, now);
    for (const name of needless) {
      // Without the snapshot it is another log, which was put in place of this one meanwhile.
      if (storage.look(join(directory, snapshotName(seq))) === undefined) return;
      storage.remove(join(directory, name));
    }
    if (needless.length > 0) storage.syncDirectory(directory);
  } catch (error) {
    throw fileError(error, 'clean up', directory);
  }
}

function needlessIn(storage: Storage, directory: string, seq: number, now: number): string[] {
  const { segments, snapshots } = layoutOf(storage, directory);
  return [
    ...segments.filter((first) => first <= seq).map(segmentName),
    ...snapshots.filter((last) => last < seq).map(snapshotName),
    ...storage.list(directory).filter((name) => MADE.test(name) && isLeft(name)),
  ];

  function isLeft(name: string): boolean {
    // The clock may be ahead, and who makes it stopped: age alone does not tell.
    if (mayBeInTheMaking(name, storage.maker.host, (pid) => storage.isGone(pid))) return false;
    const look = storage.look(join(directory, name));
    return look !== undefined && look.modifiedMs < now - LEFTOVER_MS;
  }
}
