import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import {
  blocksOf,
  indexOf,
  indexPlace,
  isBlock,
  isIndex,
  isWhole,
  parseLines,
  type Section,
  type SnapshotBlock,
} from '../format/snapshot-index.ts';
import { SortedLines } from '../format/sorted-lines.ts';
import { type SnapshotFile, wholeBody } from '../store/snapshot-file.ts';
import type { LineStore } from '../store/store.ts';

/** Opens a snapshot; `whole`: checks everything in it first. Other work of this thread runs between two blocks. */
export async function openBlocks(
  store: LineStore,
  clock: Clock,
  header: SnapshotHeader,
  whole: boolean,
): Promise<SnapshotBlocks> {
  const file = await store.openSnapshot(header);
  try {
    if (whole) for (const _ of wholeBody(header, file)) await clock.yield();
  } catch (error) {
    file.close();
    throw error;
  }
  return new SnapshotBlocks(header, file);
}

/**
 * An open snapshot, read one block at a time, each checked by its crc: to find one id, not all blocks need to be
 * read.
 */
export class SnapshotBlocks {
  readonly header: SnapshotHeader;
  readonly #file: SnapshotFile;
  readonly #index: Buffer;
  readonly #ids: SortedLines;

  /** Takes ownership of the file. Throws ERR_WAL_CORRUPT if the index is damaged. */
  constructor(header: SnapshotHeader, file: SnapshotFile) {
    this.header = header;
    this.#file = file;
    const { at, bytes } = indexPlace(header.body);
    try {
      this.#index = file.read(at, bytes);
      if (!isIndex(header.body, this.#index)) throw this.damaged(at);
    } catch (error) {
      file.close();
      throw error;
    }
    this.#ids = new SortedLines(indexOf('ids', header.body, this.#index), () => this.damaged(at));
  }

  /** The blocks of one section, in order. */
  blocks(of: Section): SnapshotBlock[] {
    const blocks = blocksOf(of, this.header.body, this.#index);
    if (blocks === undefined) throw this.#indexDamaged();
    return blocks;
  }

  /** The only block that can contain an id; undefined if none can. */
  blockFor(id: string): SnapshotBlock | undefined {
    const start = this.#ids.lastUpTo(id);
    if (start === undefined) return undefined;
    const [block] = parseLines<SnapshotBlock>(this.#ids.lineAt(start), isBlock) ?? [];
    if (block === undefined) throw this.#indexDamaged();
    return block;
  }

  /** A block's bytes, in a buffer of the caller's own; undefined if their crc is wrong. */
  read(block: SnapshotBlock): Buffer | undefined {
    const bytes = this.#file.read(block.at, block.bytes);
    return isWhole(block, bytes) ? bytes : undefined;
  }

  #indexDamaged(): WalError {
    return this.damaged(indexPlace(this.header.body).at);
  }

  /** The error for damage at an offset after the first line. */
  damaged(offset: number): WalError {
    const { seq } = this.header.head;
    const segment = snapshotName(seq);
    return new WalError(
      'ERR_WAL_CORRUPT',
      `${segment} is damaged at byte ${offset} after its first line. A table falls back to an older snapshot, and to the segments it was made from, where those remain: refresh it, or try again; else restore a backup.`,
      { segment, seq, offset },
    );
  }

  close(): void {
    this.#file.close();
  }
}
