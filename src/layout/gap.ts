import { join } from 'node:path';
import type { Damage } from '../errors/damage.ts';
import { WalError } from '../errors/errors.ts';
import { NEWLINE } from '../format/line.ts';
import { segmentName, snapshotName } from '../format/names.ts';
import { readEnvelope } from '../format/read-line.ts';
import { openIfThere, readFully } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';
import type { Layout, LogPlace } from './log-place.ts';

/** Bytes read of a segment to find its first line. A longer line proves nothing here. */
const HEAD_BYTES = 64 * 1024;

/**
 * Where reading stopped before a segment that does not follow: the last entry read, and the end of that entry's
 * segment.
 */
export interface Reached {
  readonly seq: number;
  readonly sealed: boolean;
  readonly end: number;
}

/**
 * The error for a segment that does not follow from what is before it. `reached`: how far the segments before it lead,
 * if they were read.
 */
export function gapError(
  { storage, directory }: LogPlace,
  { segments, snapshots }: Layout,
  firstSeq: number,
  reached?: Reached,
): WalError {
  const segment = segmentName(firstSeq);
  const base = snapshots.findLast((seq) => seq < firstSeq) ?? 0;
  const previous = segments.findLast((seq) => seq < firstSeq && seq > base);
  // If there is no segment before it, the snapshot covers what comes before.
  const from = reached ?? (previous === undefined ? { seq: base, sealed: true, end: 0 } : undefined);
  const damage = gapDamage(storage, directory, firstSeq, previous, from);
  const file = base === 0 ? undefined : snapshotName(base);
  const before = previous === undefined ? file : segmentName(previous);
  const what =
    before === undefined
      ? `${segment} is the first segment in ${directory}, and no snapshot covers what came before it`
      : `${segment} does not follow from ${before}, the file before it in ${directory}`;
  return new WalError(
    'ERR_WAL_DIVERGED',
    `${what}: segments are missing, or the segment is from another log. ${gapInWords(damage)}Put the right files back, or continue with what is left ("jsonl-wal doctor" says how).`,
    { segment, offset: 0, seq: firstSeq, ...(damage && { damage }) },
  );
}

function gapInWords(damage: Damage | undefined): string {
  if (damage === undefined) return '';
  const { from, to, records, acknowledged } = damage;
  const which =
    records === 0 ? 'No entry is' : records === 1 ? `Entry ${from} is` : `Entries ${from} to ${to} are`;
  const proof =
    acknowledged === 'yes'
      ? ', though acknowledged: a segment is made only after all before it is synced'
      : '';
  return `${which} missing${proof}. `;
}

/** Returns undefined if it is unknown which entries are missing in between. */
function gapDamage(
  storage: Storage,
  directory: string,
  firstSeq: number,
  previous: number | undefined,
  reached: Reached | undefined,
): Damage | undefined {
  if (reached === undefined || reached.seq >= firstSeq) return undefined;
  const from = reached.seq + 1;
  const gone = reached.sealed || previous === undefined;
  const records = firstSeq - from;
  const place = {
    kind: 'missing' as const,
    segment: segmentName(gone ? from : (previous as number)),
    offset: gone ? 0 : reached.end,
    length: 0,
  };
  const held = { from, to: firstSeq - 1, records, exact: true };
  if (records === 0) return { ...place, ...held, acknowledged: 'no' };
  if (!beginsWith(storage, join(directory, segmentName(firstSeq)), firstSeq))
    return { ...place, ...held, acknowledged: 'unknown' };
  const evidence = { segment: segmentName(firstSeq), offset: 0, synced: firstSeq - 1 };
  return { ...place, ...held, acknowledged: 'yes', evidence };
}

/** Whether a segment's first line is crc-valid and has the number in the segment's name. */
function beginsWith(storage: Storage, path: string, firstSeq: number): boolean {
  const file = openIfThere(storage, path, 'read');
  if (file === undefined) return false;
  try {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES);
    const count = readFully(file, bytes, 0);
    const newline = bytes.subarray(0, count).indexOf(NEWLINE);
    return readEnvelope(bytes, 0, newline < 0 ? count : newline)?.seq === firstSeq;
  } finally {
    file.close();
  }
}
