import { crcOf } from './crc.ts';
import { stringify } from './json.ts';
import { KeyLine, type SnapshotKey } from './key-lines.ts';
import type { OrderKey, Placed } from './order.ts';
import { encodePlaced, type SnapshotBody } from './snapshot.ts';
import { SECTIONS, type Section } from './snapshot-index.ts';

/**
 * A block ends with the line that brings it to this many bytes. Small, because a block is read whole for a single id.
 */
const BLOCK_BYTES = 8 * 1024;

/** Builds a snapshot's body. Lines must be added in the order items, places, keys. */
export class SnapshotBodyMaker {
  readonly #keys = new KeyLine();
  /** The blocks' bytes and, after `end`, the index. */
  readonly pieces: Buffer[] = [];
  readonly #counts = { ids: 0, order: 0, keys: 0 };
  #lines: Buffer[] = [];
  #gathered = 0;
  #bytes = 0;
  #of: Section = 'ids';
  #first: { id?: string; order?: OrderKey } = {};
  /** Lines of the index, by section. */
  readonly #index = { ids: '', order: '', keys: '' };

  /** Returns true if the line ended a block. */
  addItem(id: string, line: Buffer): boolean {
    return this.#add('ids', { id }, line);
  }

  addPlaced(placed: Placed): boolean {
    return this.#add('order', placed, Buffer.from(encodePlaced(placed)));
  }

  addKey(key: SnapshotKey): boolean {
    if (!this.#keys.takes(key)) this.#endKeys();
    this.#keys.add(key);
    if (this.#keys.bytes < BLOCK_BYTES) return false;
    this.#endKeys();
    return true;
  }

  /** Ends the line of keys, which is a block of its own. */
  #endKeys(): void {
    const made = this.#keys.take();
    if (made === undefined) return;
    this.#add('keys', {}, made.line, made.count);
    this.#cut();
  }

  #add(of: Section, first: { id?: string; order?: OrderKey }, line: Buffer, count = 1): boolean {
    if (of !== this.#of) this.#cut();
    if (this.#gathered === 0) {
      this.#of = of;
      this.#first = first;
    }
    this.#lines.push(line);
    this.#gathered += line.length;
    this.#counts[of] += count;
    if (this.#gathered < BLOCK_BYTES) return false;
    this.#cut();
    return true;
  }

  #cut(): void {
    if (this.#gathered === 0) return;
    const block = Buffer.concat(this.#lines, this.#gathered);
    const { id, order } = this.#first;
    // The id comes first, so that a line can be found by it as an item's line is.
    const line = { id, at: this.#bytes, bytes: block.length, crc: crcOf(block), order };
    this.#index[this.#of] += `${stringify(line)}\n`;
    this.#put(block);
    this.#lines = [];
    this.#gathered = 0;
  }

  #put(piece: Buffer): void {
    this.#bytes += piece.length;
    this.pieces.push(piece);
  }

  /** `ordered`: whether the fold has an order. */
  end(ordered: boolean): SnapshotBody {
    this.#endKeys();
    this.#cut();
    const sections = SECTIONS.map((of) => Buffer.from(this.#index[of]));
    const index = Buffer.concat(sections);
    if (index.length > 0) this.#put(index);
    const [idsBytes = 0, orderBytes = 0, keysBytes = 0] = sections.map(({ length }) => length);
    const { ids, order, keys } = this.#counts;
    return {
      bytes: this.#bytes,
      ids,
      ...(ordered && { ordered: order }),
      keys,
      index: { crc: crcOf(index), ids: idsBytes, order: orderBytes, keys: keysBytes },
    };
  }
}
