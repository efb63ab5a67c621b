import type { WalError } from '../errors/errors.ts';
import { isSize } from '../format/snapshot.ts';
import { SortedLines } from '../format/sorted-lines.ts';
import { freezeParsed } from './freeze.ts';
import type { Item } from './item.ts';
import type { Entry } from './view.ts';

/** A block of a snapshot: lines of items, by id. Each line is parsed when its item is asked for. */
export class Block<V> {
  readonly #lines: SortedLines;
  readonly #damaged: () => WalError;

  /** `damaged` makes the error for lines that hold no items. */
  constructor(bytes: Buffer, damaged: () => WalError) {
    this.#lines = new SortedLines(bytes, damaged);
    this.#damaged = damaged;
  }

  /** In bytes. */
  get length(): number {
    return this.#lines.bytes.length;
  }

  /** The line of an id; undefined if the block has none. */
  find(id: string): BlockLine<V> | undefined {
    const start = this.#lines.lastUpTo(id);
    return start !== undefined && this.#lines.idAt(start) === id ? this.#lineAt(start) : undefined;
  }

  *lines(): Generator<BlockLine<V>, void, undefined> {
    const { length } = this.#lines.bytes;
    for (let start = 0; start < length; start = this.#lines.endOf(start)) yield this.#lineAt(start);
  }

  /** The lines that contain these bytes. */
  *linesHolding(needle: Buffer): Generator<BlockLine<V>, void, undefined> {
    const { bytes } = this.#lines;
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, this.#lines.endOf(at)))
      yield this.#lineAt(this.#lines.startOf(at));
  }

  #lineAt(start: number): BlockLine<V> {
    return new BlockLine(this.#lines.idAt(start), this.#lines.lineAt(start), this.#damaged);
  }
}

/** The line of an item, with its newline. */
export class BlockLine<V> implements Entry<V> {
  readonly id: string;
  readonly bytes: Buffer;
  readonly #damaged: () => WalError;

  constructor(id: string, bytes: Buffer, damaged: () => WalError) {
    this.id = id;
    this.bytes = bytes;
    this.#damaged = damaged;
  }

  get item(): Item<V> {
    const item = this.#parse();
    if (item === undefined) throw this.#damaged();
    return freezeParsed(item) as Item<V>;
  }

  #parse(): Item<V> | undefined {
    try {
      const item = JSON.parse(this.bytes.toString('utf8')) as Item<V>;
      const { rev, ts, version } = item;
      return Number.isSafeInteger(ts) && isSize(rev) && isSize(version) && 'value' in item ? item : undefined;
    } catch {
      return undefined;
    }
  }
}
