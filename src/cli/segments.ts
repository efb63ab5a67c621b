import { closeSync, lstatSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, reasonOf, WalError } from '../errors/errors.ts';
import { NEWLINE } from '../format/line.ts';
import { segmentSeq, snapshotSeq } from '../format/names.ts';
import { decodeHeader, MAX_HEADER_BYTES, type SnapshotHeader } from '../format/snapshot.ts';

/** A file of lines, and its size. */
export interface SegmentFile {
  readonly name: string;
  readonly bytes: number;
}

/** The segments of the log in a directory, oldest first; without one that is taken away meanwhile. */
export function segmentsIn(directory: string): SegmentFile[] {
  return filesIn(directory, segmentSeq);
}

/** Its snapshots, likewise. */
export function snapshotsIn(directory: string): SegmentFile[] {
  return filesIn(directory, snapshotSeq);
}

function filesIn(directory: string, seqOf: (name: string) => number | undefined): SegmentFile[] {
  return readdirSync(directory)
    .filter((name) => seqOf(name) !== undefined)
    .sort()
    .flatMap((name) => {
      const stats = lookAt(join(directory, name));
      return stats === undefined ? [] : [{ name, bytes: stats.size }];
    });
}

/** Undefined where there is nothing at that path, or a symbolic link that leads nowhere. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    if (hasCode(cause, 'ELOOP')) return undefined;
    throw new WalError('ERR_WAL_IO', `Cannot look at ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** Whether no other name holds the bytes of a segment, such as one in a backup, or what a symbolic link leads to. */
export function isSoleName(directory: string, { name }: SegmentFile): boolean {
  const look = lstatSync(join(directory, name), { throwIfNoEntry: false });
  return look?.isFile() === true && look.nlink === 1;
}

export function bytesIn(segments: readonly SegmentFile[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The first line of the newest snapshot of which it is whole. */
export function newestSnapshot(directory: string): SnapshotHeader | undefined {
  for (const { name } of snapshotsIn(directory).reverse()) {
    const file = openSync(join(directory, name), 'r');
    try {
      const bytes = Buffer.alloc(MAX_HEADER_BYTES);
      const line = bytes.subarray(0, bytes.subarray(0, readSync(file, bytes)).indexOf(NEWLINE));
      const header = decodeHeader(line, name);
      if (header !== undefined) return header;
    } catch (error) {
      if (!hasCode(error, 'ERR_WAL_VERSION')) throw error;
    } finally {
      closeSync(file);
    }
  }
  return undefined;
}
