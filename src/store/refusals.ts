import { WalError } from '../errors/errors.ts';
import { foldLabel } from '../format/fold-identity.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import type { LineStore, LogFiles } from './store.ts';

/*
 * Errors that every store words in the same way.
 */

/** The error for an entry that was compacted away; `oldest`: the first entry that was not. */
export function compactedError(from: number, oldest: number): WalError {
  return new WalError(
    'ERR_WAL_COMPACTED',
    `Entry ${from} was compacted away: a snapshot covers all entries up to entry ${oldest - 1}. Read from ${oldest}, or use a table, which loads the snapshot.`,
    { seq: oldest - 1 },
  );
}

/** The error for a snapshot that was deleted since it was listed. */
export function deletedError(path: string, { head }: SnapshotHeader): WalError {
  const message = `${path} was deleted: a newer snapshot took its place. Read that one.`;
  return new WalError('ERR_WAL_COMPACTED', message, { seq: head.seq });
}

/**
 * Throws if the snapshot already at this seq was made with another fold, or with a later version of it: its
 * owner may have deleted the segments that it covers.
 */
export function refuseOtherFold({ fold, head }: SnapshotHeader, there: SnapshotHeader | undefined): void {
  if (there === undefined) return;
  if (there.fold.name === fold.name && there.fold.version <= fold.version) return;
  const message = `Another compaction made ${snapshotName(head.seq)} meanwhile, with the fold ${foldLabel(there.fold)}. This compaction, with the fold ${foldLabel(fold)}, wrote nothing and deleted nothing. Compact with the log's fold.`;
  throw new WalError('ERR_WAL_FOLD', message, { seq: head.seq });
}

/** The error for a snapshot with whose seal no segment ends. */
export function replacedError(location: string, { head: { seq }, seal }: SnapshotHeader): WalError {
  return new WalError(
    'ERR_WAL_DIVERGED',
    `No segment in ${location} ends after entry ${seq} with the seal ${seal}: the log was replaced meanwhile. Compact it again.`,
    { seq },
  );
}

/** The error for reading on after the store was closed. */
export function closedError(): WalError {
  return new WalError('ERR_WAL_CLOSED', 'The Wal was closed while its log was being read: open it again.');
}

/**
 * The files of a log; throws ERR_WAL_UNSUPPORTED if it is not a directory of files. `doing`: what needs them,
 * such as 'appendSync'.
 */
export function filesOf(store: LineStore, doing: string): LogFiles {
  if (store.files !== undefined) return store.files;
  const message = `${doing} needs a log that is a directory of files, and ${store.info().location} is not one.`;
  throw new WalError('ERR_WAL_UNSUPPORTED', message, { outcome: 'not-written' });
}
