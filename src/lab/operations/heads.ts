import type { Found } from '../target.ts';
import type { Head } from './operation.ts';
import type { Writes } from './writes.ts';

interface HeadsParts {
  readonly writes: Writes;
  readonly found: readonly Found[];
  /** The first number that can be read, and the last there is. */
  readonly oldest: number;
  readonly head: number;
  /** Where the store says that the log ends. */
  readonly end?: Head | undefined;
}

/** A line without entries may follow one with some: the log ends with the same entry then, and has another crc. */
const MOST_CRCS = 2;

/** With which entries the log ended once, and the crcs by which these heads were known. */
export class Heads {
  readonly #parts: HeadsParts;
  /** 1 for an entry that others of the same write follow: the log never ended there. */
  readonly #isInner: Uint8Array;
  /** What was told of heads whose crcs cannot be read any more. */
  readonly #told = new Map<number, Set<string>>();

  constructor(parts: HeadsParts) {
    this.#parts = parts;
    const { writes, head } = parts;
    this.#isInner = new Uint8Array(head + 2);
    for (let write = 0; write < writes.count; write++) {
      const size = writes.sizeOf(write);
      for (let entry = 0; entry < size - 1; entry++) {
        const place = writes.placeOf(write, entry);
        if (place > 0 && place <= head) this.#isInner[place] = 1;
      }
    }
  }

  /** Whether the log ended at that number once. */
  wasHead(seq: number): boolean {
    return seq >= 0 && seq <= this.#parts.head && this.#isInner[seq] === 0;
  }

  /**
   * Whether it ended there with that crc once, so far as can be known: of what was compacted away, all who tell it must agree. For what
   * somebody was told, or went through with.
   */
  readonly agrees = ({ seq, crc }: Head): boolean => {
    const { found, oldest } = this.#parts;
    if (crc === undefined || found[seq - oldest]?.crc === crc) return true;
    const known = this.crcsOf(seq);
    if (known.includes(crc)) return true;
    // The log is empty before its first entry, which tells what that follows.
    const canBeRead = seq >= oldest || (seq === 0 && known.length > 0);
    if (canBeRead) return known.length === 0;
    if (known.length === MOST_CRCS) return false;
    this.#told.set(seq, (this.#told.get(seq) ?? new Set()).add(crc));
    return true;
  };

  /** Whether it surely had that crc all the time that it ended there. */
  isOnly({ seq, crc }: Head): boolean {
    const known = this.crcsOf(seq);
    return known.length === 1 && known[0] === crc;
  }

  /** The crcs with which it ended there, so far as they are known. */
  crcsOf(seq: number): string[] {
    const { found, oldest, end } = this.#parts;
    const next = seq === end?.seq ? end.crc : found[seq + 1 - oldest]?.prev;
    const crcs = [seq < oldest ? undefined : found[seq - oldest]?.crc, next, ...(this.#told.get(seq) ?? [])];
    return [...new Set(crcs.filter((crc) => crc !== undefined))];
  }
}
