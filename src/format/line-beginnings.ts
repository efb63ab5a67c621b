import { crc32 } from './crc.ts';
import { COVERED_OFFSET, claimedCrc, MAX_LINE_BYTES } from './line.ts';

/** More are not kept: each costs a crc of every line that is no line of a log. */
const MOST_KEPT = 8;

const CLOSING_BRACE = 0x7d;

/** Where a line was cut: its bytes before those that its crc covers, and the crc of those that are there. */
interface Beginning {
  readonly start: Buffer;
  readonly crc: number;
}

/**
 * The beginnings of lines that were cut. A write that the system took in two parts leaves the beginning of a line before what
 * others wrote between the two, and the rest after it.
 */
export class LineBeginnings {
  #kept: readonly Beginning[] = [];
  /** Those that may be forgotten, and noted again. */
  #provisional: readonly Beginning[] = [];

  /** Notes the beginning of a line: provisional until it is kept. */
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

  /** Whether the bytes are the rest of one of the lines: together they have the crc that the beginning tells. */
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
