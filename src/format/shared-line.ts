import { crc32 } from './crc.ts';
import { COVERED_OFFSET, claimedCrc, type Envelope, LINE_START, readEnvelope } from './line.ts';

/** A whole line within another that is not crc-valid. */
export interface Piece {
  readonly line: Envelope;
  readonly at: number;
  readonly length: number;
}

const WRITER = ',"writer":"';
const WRITER_END = /^,"writer":"[0-9a-z]{8}\.[1-9][0-9]{0,15}"\}/;
const MOST_WRITER_BYTES = 40;
/** An object in a line's data may look like a line: so many ends are tried for each beginning. */
const MOST_ENDS = 4;
/** Bytes whose crc is made, for each byte of the line: whatever lies there, that takes no longer. */
const MOST_WORK = 32;

/**
 * The whole lines in one that is not crc-valid: its newlines were taken away or damaged, or something was put before or after
 * it. One that `~` ends was given up.
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

  /** Where a line ends whose covered bytes begin at `start`; undefined where none does. */
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

  /** Whether a line may end there: not before `~`, and not within other JSON. */
  function isOver(end: number): boolean {
    const rest = bytes.toString('latin1', end, end + 2);
    return rest !== '~' && !/^[,\]}]/.test(rest);
  }
}
