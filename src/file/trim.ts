import { join } from 'node:path';
import { mayBeInTheMaking, segmentName, snapshotName } from '../format/names.ts';
import { layoutOf } from '../layout/layout.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/** A temporary file that was not touched for this long, and whose maker is gone, was left by a crash. */
const LEFTOVER_MS = 3_600_000;
/** The name of a segment or a snapshot while it is being made. */
const MADE = /^(snapshot-)?[0-9]{20}\.jsonl\..*\.tmp$/;

/**
 * Deletes what the snapshot at `seq` covers: the segments that begin at or before it, which it covers whole, then older
 * snapshots; oldest first, so that a kill leaves no gap. The deletions are synced together, so a power cut may keep any
 * of the files: `oldestSeq` counts only segments that lead to the snapshot's end. Also deletes temporary files that
 * crashes left.
 */
export function trimFiles(storage: Storage, directory: string, seq: number, now: number): void {
  try {
    const needless = needlessIn(storage, directory, seq, now);
    // Another process may have named the snapshot, and not have synced that name yet: a power cut must not lose both.
    if (needless.length > 0) storage.syncDirectory(directory);
    for (const name of needless) {
      // Without the snapshot this is another log, which replaced the compacted one meanwhile.
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
    // Age alone does not decide: the clock may be ahead, and the process that makes the file may be stopped.
    if (mayBeInTheMaking(name, storage.maker.host, (pid) => storage.isGone(pid))) return false;
    const look = storage.look(join(directory, name));
    return look !== undefined && look.modifiedMs < now - LEFTOVER_MS;
  }
}
