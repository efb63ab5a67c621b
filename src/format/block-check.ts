import { crc32 } from 'node:zlib';
import { crcOf, hex8 } from './crc.ts';
import { isPlaced } from './order.ts';
import type { SnapshotBody } from './snapshot.ts';
import {
  indexOf,
  indexPlace,
  isBlock,
  parseLines,
  type Section,
  type SnapshotBlock,
} from './snapshot-body.ts';

/** Whether an index line of each section has what a reader looks for. */
const FITS: Readonly<Record<Section, (block: SnapshotBlock) => boolean>> = {
  ids: (block) => isBlock(block) && typeof block.id === 'string',
  order: (block) => isBlock(block) && isPlaced(block),
  keys: isBlock,
};

/**
 * Checks the blocks of a snapshot's body, which comes in pieces, by the index at its end: who reads a part of the snapshot
 * relies on both.
 */
export class BlockCheck {
  readonly #blocks: readonly SnapshotBlock[];
  /** Whether the index has its crc and its blocks end where it begins. */
  readonly #isIndexWhole: boolean;
  #number = 0;
  #crc = 0;
  #position = 0;
  #isWhole = true;

  constructor(body: SnapshotBody, index: Buffer) {
    const place = indexPlace(body);
    const isAsSaid = index.length === place.bytes && crcOf(index) === body.index.crc;
    const sections = (Object.keys(FITS) as Section[]).map((of) =>
      isAsSaid ? parseLines<SnapshotBlock>(indexOf(of, body, index), FITS[of]) : undefined,
    );
    const [ids = []] = sections;
    this.#blocks = sections.flatMap((blocks) => blocks ?? []);
    const last = this.#blocks.at(-1);
    const end = last === undefined ? 0 : last.at + last.bytes;
    const areSorted = ids.every(({ id }, i) => i === 0 || id > (ids[i - 1]?.id as string));
    this.#isIndexWhole = !sections.includes(undefined) && end === place.at && areSorted;
  }

  push(piece: Buffer): void {
    for (let from = 0; from < piece.length; ) {
      const block = this.#blocks[this.#number];
      if (block === undefined) return;
      const part = piece.subarray(from, from + block.at + block.bytes - this.#position);
      this.#crc = crc32(part, this.#crc);
      this.#position += part.length;
      from += part.length;
      if (this.#position < block.at + block.bytes) return;
      this.#isWhole &&= hex8(this.#crc) === block.crc;
      this.#crc = 0;
      this.#number++;
    }
  }

  /** What is wrong, once all pieces were pushed; undefined where nothing is. */
  get fault(): string | undefined {
    if (!this.#isIndexWhole) return 'its index is not what its first line says';
    return this.#isWhole && this.#number === this.#blocks.length
      ? undefined
      : 'a block does not have the crc that its index says';
  }
}
