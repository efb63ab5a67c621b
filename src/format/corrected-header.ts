import { corrections, crcOf } from './crc.ts';
import { COVERED_OFFSET, CRC_LENGTH, CRC_OFFSET, LINE_START, NEWLINE } from './line.ts';
import { decodeHeader, type SnapshotHeader } from './snapshot.ts';

/** The end of every first line, since canonical JSON sorts names. It finds the end even if the newline is damaged. */
const END = Buffer.from('"snapshot":1}');

/**
 * Reads the first line of a snapshot at the beginning of `bytes`, and returns its header and the offset of what follows
 * the line. If one byte of the line was changed, its checksum shows which byte, and what it was. Returns undefined if
 * more is damaged.
 */
export function correctedHeader(
  bytes: Buffer,
  path: string,
): { readonly header: SnapshotHeader; readonly bodyAt: number } | undefined {
  for (const end of [bytes.indexOf(NEWLINE), bytes.indexOf(END) + END.length]) {
    for (const line of possibleLines(bytes.subarray(0, Math.max(0, end)))) {
      const header = decodeHeader(line, path);
      if (header !== undefined) return { header, bodyAt: end + 1 };
    }
  }
  return undefined;
}

/** Yields the lines with a right checksum that differ from this one in at most one byte. */
function* possibleLines(line: Buffer): Generator<Buffer> {
  if (line.length <= COVERED_OFFSET) return;
  const covered = line.subarray(COVERED_OFFSET);
  const start = Buffer.from(`${LINE_START}${crcOf(covered)}",`);
  if (start.filter((byte, i) => byte !== line[i]).length <= 1) yield Buffer.concat([start, covered]);
  const crc = Number.parseInt(line.toString('latin1', CRC_OFFSET, CRC_OFFSET + CRC_LENGTH), 16);
  for (const { at, difference } of corrections(covered, crc)) {
    const made = Buffer.from(line);
    made[COVERED_OFFSET + at] = (made[COVERED_OFFSET + at] as number) ^ difference;
    yield made;
  }
}
