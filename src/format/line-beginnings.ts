import { crc32 } from './crc.ts';
import { COVERED_OFFSET, claimedCrc, MAX_LINE_BYTES } from './line.ts';

/** Each kept beginning costs a crc of every line that is not crc-valid. */
const MOST_KEPT = 8;

const CLOSING_BRACE = 0x7d;

/**
 * The beginning of a line that was cut: its bytes before those that its crc covers, and the crc of the covered bytes.
 */
interface Beginning {
  readonly start: Buffer;
  readonly crc: number;
}

/**
 * The beginnings of lines that were cut. If the system splits a write in two, the beginning of a line is before what
 * others wrote in between, and the rest is after it.
 */
export class LineBeginnings {
  #kept: readonly Beginning[] = [];
  /** Beginnings that may be forgotten, and noted again. */
  #provisional: readonly Beginning[] = [];

  /** Notes the beginning of a line; it is provisional until `keepProvisional`. */
  note(bytes: Buffer): void {
    const start = Buffer.from(bytes.subarray(0, COVERED_OFFSET));
    const beginning = { start, crc: crc32(bytes.subarray(start.length)) };
    this.#provisional = [...this.#provisional, beginning].slice(-MOST_KEPT);
  }

  keepProvisional(): void {
    if (this.#provisional.length === 0) return;
    this.#kept = [...this.#kept, ...this.#provisional].slice(-MOST_KEPT);
    this.#provisional = [];
  }

  forgetProvisional(): void {
    this.#provisional = [];
  }

  /**
   * Whether the bytes are the rest of a noted line: the beginning and the rest together have the crc that the beginning
   * claims.
   */
  hasRest(rest: Buffer): boolean {
    if (rest.at(-1) !== CLOSING_BRACE || rest.length > MAX_LINE_BYTES) return false;
    const last = [...this.#kept, ...this.#provisional].slice(-MOST_KEPT);
    return last.some(({ start, crc }) => {
      const missing = COVERED_OFFSET - start.length;
      const whole = missing === 0 ? start : Buffer.concat([start, rest.subarray(0, missing)]);
      const claimed = claimedCrc(whole, 0, whole.length);
      return claimed >= 0 && crc32(rest.subarray(missing), crc) === claimed;
    });
  }
}
