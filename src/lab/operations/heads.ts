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

/** With which entries the log ended once, and the crcs of these heads. */
export class Heads {
  readonly #parts: HeadsParts;
  /** 1 for an entry that others of the same write follow: the log never ended there. */
  readonly #isInner: Uint8Array;
  /** What was told of heads whose crcs cannot be read any more. */
  readonly #told = new Map<number, string>();

  /** @internal */
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
   * Whether it ended there with that crc, so far as can be known: of what was compacted away, all who tell it must agree. For what
   * somebody was told, or went through with.
   */
  readonly agrees = ({ seq, crc }: Head): boolean => {
    if (crc === undefined) return true;
    const known = this.crcOf(seq);
    if (known === undefined && seq < this.#parts.oldest) this.#told.set(seq, crc);
    return known === undefined || known === crc;
  };

  /** Whether it surely had that crc. */
  isOnly({ seq, crc }: Head): boolean {
    return crc !== undefined && this.crcOf(seq) === crc;
  }

  /** The crc with which it ended there, so far as that is known. */
  crcOf(seq: number): string | undefined {
    const { found, oldest, end } = this.#parts;
    const told = seq === end?.seq ? end.crc : this.#told.get(seq);
    return (seq < oldest ? undefined : found[seq - oldest]?.crc) ?? told;
  }
}
