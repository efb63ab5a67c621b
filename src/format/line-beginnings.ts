import { crc32 } from 'node:zlib';
import { COVERED_OFFSET, claimedCrc, MAX_LINE_BYTES } from './line.ts';

/** More are not kept: each costs a crc of every line that is no line of a log. */
const MOST_KEPT = 8;

const CLOSING_BRACE = 0x7d;

/** Where a line was cut: its bytes before those that its crc covers, and the crc of those that are there. */
interface Beginning {
  readonly offset: number;
  readonly start: Buffer;
  readonly crc: number;
}

/**
 * The beginnings of lines that were cut. A write that the system took in two parts leaves the beginning of a line before what
 * others wrote between the two, and the rest after it.
 */
export class LineBeginnings {
  #kept: readonly Beginning[] = [];

  /** Notes the beginning of a line at `offset`. What is read again is noted once. */
  note(bytes: Buffer, offset: number): void {
    if (this.#kept.some((each) => each.offset === offset)) return;
    const start = Buffer.from(bytes.subarray(0, COVERED_OFFSET));
    const beginning = { offset, start, crc: crc32(bytes.subarray(start.length)) };
    this.#kept = [...this.#kept, beginning].slice(-MOST_KEPT);
  }

  /** Whether the bytes are the rest of one of the lines: together they have the crc that the beginning tells. */
  hasRest(rest: Buffer): boolean {
    if (rest.at(-1) !== CLOSING_BRACE || rest.length > MAX_LINE_BYTES) return false;
    return this.#kept.some(({ start, crc }) => {
      const missing = COVERED_OFFSET - start.length;
      const whole = missing === 0 ? start : Buffer.concat([start, rest.subarray(0, missing)]);
      const claimed = claimedCrc(whole, 0, whole.length);
      return claimed >= 0 && crc32(rest.subarray(missing), crc) === claimed;
    });
  }
}
