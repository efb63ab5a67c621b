import type { WalError } from '../errors/errors.ts';
import { comparePlaced, isPlaced, type Placed } from '../format/order.ts';
import { parseLines, type SnapshotBlock } from '../format/snapshot-index.ts';
import type { SnapshotBlocks } from '../log/snapshot-blocks.ts';
import { Block, type BlockLine } from './block.ts';
import type { Item } from './item.ts';
import { lastIndexWhere } from './sorted.ts';
import type { View } from './view.ts';

/** The most bytes of blocks that stay in memory; the blocks used longest ago go first. */
const MOST_KEPT_BYTES = 32 * 1024 * 1024;

/**
 * The items in a snapshot, left in its file: a block is read when an id in it is asked for, so that the cost of opening a
 * table does not grow with the items. All methods that read throw ERR_WAL_CORRUPT at a damaged block.
 */
export class Run<V> implements View<V> {
  /** A snapshot never changes. */
  readonly changes = 0;
  readonly #snapshot: SnapshotBlocks;
  /** By the offset at which they begin; those used last are last. */
  readonly #kept = new Map<number, Block<V>>();
  #ordered: readonly SnapshotBlock[] | undefined;
  /** The block of places that was read most recently. */
  #places: { readonly at: number; readonly of: readonly Placed[] } | undefined;
  #keptBytes = 0;
  #damaged = false;

  /** The run owns the snapshot from here on, and closes it. */
  constructor(snapshot: SnapshotBlocks) {
    this.#snapshot = snapshot;
  }

  /** Whether a damaged block was found. */
  get isDamaged(): boolean {
    return this.#damaged;
  }

  get size(): number {
    return this.#snapshot.header.body.ids;
  }

  item(id: string): Item<V> | undefined {
    return this.#find(id)?.item;
  }

  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  #find(id: string): BlockLine<V> | undefined {
    const where = this.#snapshot.blockFor(id);
    return where && this.#block(where).find(id);
  }

  *entries(holding?: Buffer, after = ''): Generator<BlockLine<V>, void, undefined> {
    const blocks = this.#snapshot.blocks('ids');
    const first = lastIndexWhere(blocks, ({ id }) => id <= after);
    for (const where of blocks.slice(Math.max(0, first))) {
      const block = this.#kept.get(where.at) ?? this.#open(where);
      const lines = holding === undefined ? block.lines() : block.linesHolding(holding);
      for (const line of lines) if (line.id > after || after === '') yield line;
    }
  }

  *ordered(after: Placed | undefined): Generator<Placed, void, undefined> {
    this.#ordered ??= this.#snapshot.blocks('order');
    const blocks = this.#ordered;
    const first = after && lastIndexWhere(blocks, (block) => comparePlaced(block, after) <= 0);
    for (let i = Math.max(0, first ?? 0); i < blocks.length; i++) {
      const places = this.#placesIn(blocks[i] as SnapshotBlock);
      const passed =
        after === undefined ? -1 : lastIndexWhere(places, (placed) => comparePlaced(placed, after) <= 0);
      for (let at = passed + 1; at < places.length; at++) yield places[at] as Placed;
    }
  }

  #placesIn(where: SnapshotBlock): readonly Placed[] {
    if (this.#places?.at === where.at) return this.#places.of;
    const places = parseLines<Placed>(this.#read(where), isPlaced);
    if (places === undefined) throw this.#damage(where);
    this.#places = { at: where.at, of: places };
    return places;
  }

  #block(where: SnapshotBlock): Block<V> {
    const kept = this.#kept.get(where.at);
    const block = kept ?? this.#open(where);
    // Moved to the end: the first ones are dropped first.
    this.#kept.delete(where.at);
    this.#kept.set(where.at, block);
    if (kept === undefined) this.#keptBytes += where.bytes;
    for (const [at, { length }] of this.#kept) {
      if (this.#keptBytes <= MOST_KEPT_BYTES || at === where.at) break;
      this.#kept.delete(at);
      this.#keptBytes -= length;
    }
    return block;
  }

  #open(where: SnapshotBlock): Block<V> {
    return new Block(this.#read(where), () => this.#damage(where));
  }

  #read(where: SnapshotBlock): Buffer {
    try {
      const bytes = this.#snapshot.read(where);
      if (bytes !== undefined) return bytes;
    } catch (error) {
      // A block that cannot be read counts as damaged: another snapshot may serve.
      this.#damaged = true;
      throw error;
    }
    throw this.#damage(where);
  }

  #damage(where: SnapshotBlock): WalError {
    this.#damaged = true;
    return this.#snapshot.damaged(where.at);
  }

  close(): void {
    this.#snapshot.close();
  }
}
