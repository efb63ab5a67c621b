import { join } from 'node:path';
import { type Envelope, isSameWrite, NEWLINE } from '../format/line.ts';
import { segmentName } from '../format/names.ts';
import { readEnvelope } from '../format/read-line.ts';
import { SegmentScan } from '../format/scan.ts';
import { openIfThere, readFully } from '../storage/files.ts';
import type { StorageFile } from '../storage/storage.ts';
import type { Layout, LogPlace } from './log-place.ts';

const TAIL_BYTES = 64 * 1024;

/**
 * The seal that ends the segment before `firstSeq`, if that segment ends in a seal that leads to `firstSeq`. Only lines
 * of overtaken writers come after it, so it is near the end. If the end of the file does not show it for certain, the
 * whole segment is read.
 */
export function sealBefore(
  { storage, directory }: LogPlace,
  { segments }: Pick<Layout, 'segments'>,
  firstSeq: number,
): Envelope | undefined {
  const previous = segments.findLast((seq) => seq < firstSeq);
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
 * The seal near the end of the file, if it is certainly the segment's. The group of an overtaken writer, which may be
 * long, may also end in a seal with the same seq. But no line of that group follows the line just before the group. So
 * the lines up to the seal must follow one another from a line of another write on.
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

/** Reads a segment to its end; another segment follows it. */
function scanFile(file: StorageFile, scan: SegmentScan): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let position = 0; ; ) {
    const count = file.read(chunk, position);
    if (count === 0) break;
    scan.push(chunk.subarray(0, count));
    position += count;
  }
  // No writer is in the middle of a line there: a last line without a newline has lost it.
  scan.push(Buffer.of(NEWLINE));
}
