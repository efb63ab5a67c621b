import { crc32 } from './crc.ts';
import { COVERED_OFFSET, claimedCrc, type Envelope, LINE_START } from './line.ts';
import { readEnvelope } from './read-line.ts';

/** A crc-valid line inside a line of the file that is not crc-valid. */
export interface Piece {
  readonly line: Envelope;
  readonly at: number;
  readonly length: number;
}

const WRITER = ',"writer":"';
const WRITER_END = /^,"writer":"[0-9a-z]{8}\.[1-9][0-9]{0,15}"\}/;
const MOST_WRITER_BYTES = 40;
/** An object in a line's data may look like a line's end, so this many ends are tried for each beginning. */
const MOST_ENDS = 4;
/** The most bytes to compute crcs of, for each byte of the line: this bounds the time for any bytes. */
const MOST_WORK = 32;

/**
 * Finds the crc-valid lines in a line of the file that is not crc-valid: newlines were removed or damaged, or something
 * was put before or after a line. A line that `~` ends is left out, because its writer gave it up.
 */
export function piecesIn(bytes: Buffer): Piece[] {
  const pieces: Piece[] = [];
  let work = MOST_WORK * bytes.length;
  for (let at = bytes.indexOf(LINE_START); at >= 0 && work > 0; ) {
    const claimed = claimedCrc(bytes, at, bytes.length);
    const end = claimed < 0 ? undefined : endFrom(at + COVERED_OFFSET, claimed);
    const line = end === undefined ? undefined : readEnvelope(bytes, at, end);
    if (end !== undefined && line !== undefined) pieces.push({ line, at, length: end - at });
    at = bytes.indexOf(LINE_START, line === undefined ? at + 1 : end);
  }
  return pieces;

  /** The end of the line whose covered bytes begin at `start`; undefined if no line ends there. */
  function endFrom(start: number, claimed: number): number | undefined {
    let [crc, done] = [0, start];
    let from = start;
    for (let tries = 0; tries < MOST_ENDS; tries++) {
      const writer = bytes.indexOf(WRITER, from);
      if (writer < 0) return undefined;
      from = writer + 1;
      const length = WRITER_END.exec(bytes.toString('latin1', writer, writer + MOST_WRITER_BYTES))?.[0]
        .length;
      if (length === undefined) continue;
      const end = writer + length;
      crc = crc32(bytes.subarray(done, end), crc);
      work -= end - done;
      done = end;
      if (crc === claimed) return isOver(end) ? end : undefined;
    }
    return undefined;
  }

  /** Whether a line may end there: not before `~`, and not inside other JSON. */
  function isOver(end: number): boolean {
    const rest = bytes.toString('latin1', end, end + 2);
    return rest !== '~' && !/^[,\]}]/.test(rest);
  }
}
