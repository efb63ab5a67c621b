import { corrections, crcOf } from './crc.ts';
import { COVERED_OFFSET, CRC_LENGTH, CRC_OFFSET, LINE_START, NEWLINE } from './line.ts';
import { decodeHeader, type SnapshotHeader } from './snapshot.ts';

/** Canonical JSON sorts names: so ends each first line, whatever its newline has become. */
const END = Buffer.from('"snapshot":1}');

/**
 * The first line of a snapshot, which `bytes` begins with, and where what follows it begins; also where one byte of it was changed: the
 * checksum tells which, and what it was. Undefined where more is damaged.
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

/** The lines with a right checksum that differ from this one in one byte at most. */
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
