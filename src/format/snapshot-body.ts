import { crc32 } from 'node:zlib';
import { crcOf, hex8 } from './crc.ts';
import { KeyLine, type SnapshotKey } from './key-lines.ts';
import type { OrderKey, Placed } from './order.ts';
import { encodePlaced, isSize, type SnapshotBody } from './snapshot.ts';

/** What the lines of a block are: items by id, the fold's order, or idempotency keys. */
export type Section = 'ids' | 'order' | 'keys';
const SECTIONS: readonly Section[] = ['ids', 'order', 'keys'];

/** Lines of one section that lie together. */
export interface SnapshotBlock {
  /** Offset of the first byte, from the end of the snapshot's first line. */
  readonly at: number;
  readonly bytes: number;
  readonly crc: string;
  /** The id that its first line is of. */
  readonly id: string;
  /** The place of that, in the fold's order. */
  readonly order: OrderKey;
}

/** A block is ended by the line that makes it so long. Small, as one is read whole for a single id. */
const BLOCK_BYTES = 8 * 1024;

/** Puts a snapshot's lines together, in the order: items, places, keys. */
export class SnapshotBodyMaker {
  readonly #keys = new KeyLine();
  /** The blocks' bytes and, after `end`, the index. */
  readonly pieces: Buffer[] = [];
  readonly #counts = { ids: 0, order: 0, keys: 0 };
  #lines: Buffer[] = [];
  #gathered = 0;
  #bytes = 0;
  #crc = 0;
  #of: Section = 'ids';
  #first: { id?: string; order?: OrderKey } = {};
  /** Lines of the index, by section. */
  readonly #index = { ids: '', order: '', keys: '' };

  /** True where the line ended a block. */
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
    // The id stands first, so that a line is found by it as an item's is.
    const line = { id, at: this.#bytes, bytes: block.length, crc: crcOf(block), order };
    this.#index[this.#of] += `${JSON.stringify(line)}\n`;
    this.#put(block);
    this.#lines = [];
    this.#gathered = 0;
  }

  #put(piece: Buffer): void {
    this.#crc = crc32(piece, this.#crc);
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
      crc: hex8(this.#crc),
      ids,
      ...(ordered && { ordered: order }),
      keys,
      index: { crc: crcOf(index), ids: idsBytes, order: orderBytes, keys: keysBytes },
    };
  }
}

/** Where the index begins, from the end of the snapshot's first line, and how long it is. */
export function indexPlace({ bytes, index }: SnapshotBody): { readonly at: number; readonly bytes: number } {
  const length = index.ids + index.order + index.keys;
  return { at: bytes - length, bytes: length };
}

/** The part of the index that tells of a section. */
export function indexOf(of: Section, { index }: SnapshotBody, bytes: Buffer): Buffer {
  const start = { ids: 0, order: index.ids, keys: index.ids + index.order }[of];
  return bytes.subarray(start, start + index[of]);
}

/** The JSON values that lines hold, parsed; undefined where they are not all such as `fits` takes. */
export function parseLines<T>(lines: Buffer, fits: (value: T) => boolean): T[] | undefined {
  try {
    const values = JSON.parse(`[${lines.toString('utf8').trimEnd().replaceAll('\n', ',')}]`) as T[];
    return values.every((value) => typeof value === 'object' && value !== null && fits(value))
      ? values
      : undefined;
  } catch {
    return undefined;
  }
}

export function isBlock({ at, bytes, crc }: SnapshotBlock): boolean {
  return isSize(at) && isSize(bytes) && typeof crc === 'string';
}
