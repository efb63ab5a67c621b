import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { segmentSeq, snapshotSeq } from '../format/names.ts';

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
      const stats = statSync(join(directory, name), { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ name, bytes: stats.size }];
    });
}

export function bytesIn(segments: readonly SegmentFile[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}
