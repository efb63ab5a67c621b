import type { WalError } from '../errors/errors.ts';
import { NEWLINE } from './line.ts';

const START = Buffer.from('{"id":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Lines of JSON that begin with an id and are sorted by it. They are searched as bytes, because parsing them all would
 * cost far more.
 */
export class SortedLines {
  readonly bytes: Buffer;
  readonly #damaged: () => WalError;

  /** `damaged` makes the error to throw if the bytes are not such lines. */
  constructor(bytes: Buffer, damaged: () => WalError) {
    this.bytes = bytes;
    this.#damaged = damaged;
  }

  /** The offset of the last line whose id is not after `id`; undefined if all ids are after it. */
  lastUpTo(id: string): number | undefined {
    let found: number | undefined;
    let from = 0;
    let to = this.bytes.length;
    while (from < to) {
      const start = this.startOf((from + to) >>> 1);
      if (this.idAt(start) <= id) {
        found = start;
        from = this.endOf(start);
      } else to = start;
    }
    return found;
  }

  /** The offset of the line that contains the byte at `at`. */
  startOf(at: number): number {
    return at === 0 ? 0 : this.bytes.lastIndexOf(NEWLINE, at - 1) + 1;
  }

  /** The offset of the next line. */
  endOf(at: number): number {
    return this.bytes.indexOf(NEWLINE, at) + 1 || this.bytes.length;
  }

  /** The line at `start`, with its newline. */
  lineAt(start: number): Buffer {
    return this.bytes.subarray(start, this.endOf(start));
  }

  /** The id of the line at `start`. */
  idAt(start: number): string {
    const { bytes } = this;
    for (let i = 0; i < START.length; i++) if (bytes[start + i] !== START[i]) throw this.#damaged();
    const first = start + START.length;
    let plain = true;
    let quote = first;
    for (; bytes[quote] !== QUOTE; quote++) {
      if (quote >= bytes.length) throw this.#damaged();
      const byte = bytes[quote] as number;
      if (byte >= 0x80) plain = false;
      if (byte !== BACKSLASH) continue;
      plain = false;
      quote++;
    }
    if (plain) return bytes.toString('latin1', first, quote);
    try {
      return JSON.parse(bytes.toString('utf8', first - 1, quote + 1)) as string;
    } catch {
      throw this.#damaged();
    }
  }
}
