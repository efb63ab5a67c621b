import { SegmentScan } from '../../src/format/scan.ts';
import type { Reference, ReferenceLine } from './reference.ts';

/** Where a segment's bytes are cut into reads; a negative cut is followed by a pause, and reading on from `resume`. */
export type Cuts = readonly number[];

/** What the package's own reader says of a segment, in the words of the reference. */
export function readByScan(segment: Buffer, firstSeq = 1, cuts: Cuts = []): Reference {
  const lines = new Map<number, ReferenceLine>();
  const note = (line: ReferenceLine) => lines.set(line.offset, line);
  const scan = new SegmentScan(firstSeq, {
    accepted: ({ seq, count }, _bytes, start, end, offset) =>
      note({ verdict: 'accepted', offset, length: end - start, seq, entries: count }),
    passedOver: (verdict, { seq, count }, offset, length) =>
      note({ verdict, offset, length, seq, entries: count }),
    invalidLine: ({ verdict, cause }, offset, length) =>
      note({ verdict, offset, length, ...(cause && { cause }) }),
  });
  const sorted = [...cuts].sort((a, b) => Math.abs(a) - Math.abs(b));
  for (const cut of [...sorted, segment.length]) {
    const end = Math.min(Math.abs(cut), segment.length);
    // Reading hands over a buffer that is used again.
    const piece = Buffer.from(segment.subarray(scan.end, end));
    scan.push(piece);
    piece.fill(0x58);
    if (cut < 0) scan.pause();
  }
  const { end, unterminated, unended } = scan;
  const completed = unended?.verdict === 'accepted' ? unended : undefined;
  if (unterminated > 0) {
    const counts = completed && { seq: completed.line.seq, entries: completed.line.count };
    note({ verdict: 'pending', offset: end - unterminated, length: unterminated, ...counts });
  }
  scan.finish();
  const { seq, crc, link, sealed } = scan.chain;
  const { missing, doubt } = completed?.chain ?? scan.ending;
  return {
    lines: [...lines.values()].sort((a, b) => a.offset - b.offset),
    head: { seq, crc: crc ?? null },
    link: link ?? null,
    sealed,
    missing: missing ? { from: missing.from, to: missing.to, offset: missing.offset } : null,
    doubt: doubt ? { seq: doubt.seq, cause: doubt.cause, offset: doubt.offset } : null,
  };
}
