import { crcOf } from './crc.ts';
import { isPlaced, type OrderKey } from './order.ts';
import { isSize, type SnapshotBody } from './snapshot.ts';

/** The kind of a block's lines: items by id, places in the fold's order, or idempotency keys. */
export type Section = 'ids' | 'order' | 'keys';
/** In the order in which a snapshot has them. */
export const SECTIONS: readonly Section[] = ['ids', 'order', 'keys'];

/** Consecutive lines of one section, as a line of the index describes them. */
export interface SnapshotBlock {
  /** Offset of the first byte, from the end of the snapshot's first line. */
  readonly at: number;
  readonly bytes: number;
  readonly crc: string;
  /** The id of its first line. */
  readonly id: string;
  /** The first line's place in the fold's order. */
  readonly order: OrderKey;
}

/** Whether a line of the index has the fields that a reader of its section needs. */
const FITS: Readonly<Record<Section, (block: SnapshotBlock) => boolean>> = {
  ids: (block) => isBlock(block) && typeof block.id === 'string',
  order: (block) => isBlock(block) && isPlaced(block),
  keys: isBlock,
};

export function isBlock({ at, bytes, crc }: SnapshotBlock): boolean {
  return isSize(at) && isSize(bytes) && typeof crc === 'string';
}

/** The offset of the index, from the end of the snapshot's first line, and its length. */
export function indexPlace({ bytes, index }: SnapshotBody): { readonly at: number; readonly bytes: number } {
  const length = index.ids + index.order + index.keys;
  return { at: bytes - length, bytes: length };
}

/** Whether these bytes are the index that the snapshot's first line describes. */
export function isIndex(body: SnapshotBody, index: Buffer): boolean {
  return index.length === indexPlace(body).bytes && crcOf(index) === body.index.crc;
}

/** The part of the index that describes a section. */
export function indexOf(of: Section, { index }: SnapshotBody, bytes: Buffer): Buffer {
  const start = { ids: 0, order: index.ids, keys: index.ids + index.order }[of];
  return bytes.subarray(start, start + index[of]);
}

/** The blocks of a section, in order; undefined if a line of the index is unusable. */
export function blocksOf(of: Section, body: SnapshotBody, index: Buffer): SnapshotBlock[] | undefined {
  return parseLines<SnapshotBlock>(indexOf(of, body, index), FITS[of]);
}

/** All blocks, in order; undefined unless they fill all bytes before the index, and the blocks of ids are sorted. */
export function allBlocks(body: SnapshotBody, index: Buffer): SnapshotBlock[] | undefined {
  if (!isIndex(body, index)) return undefined;
  const [ids, order, keys] = SECTIONS.map((of) => blocksOf(of, body, index));
  if (ids === undefined || order === undefined || keys === undefined) return undefined;
  const blocks = [...ids, ...order, ...keys];
  const ends = blocks.map(({ at, bytes }) => at + bytes);
  const areInPlace =
    blocks.every(({ at }, i) => at === (ends[i - 1] ?? 0)) && (ends.at(-1) ?? 0) === indexPlace(body).at;
  const areSorted = ids.every(({ id }, i) => i === 0 || id > (ids[i - 1]?.id as string));
  return areInPlace && areSorted ? blocks : undefined;
}

/** Whether a block has the length and crc that the index says. */
export function isWhole({ bytes, crc }: SnapshotBlock, block: Buffer): boolean {
  return block.length === bytes && crcOf(block) === crc;
}

/** Parses lines of JSON; undefined unless every value is an object that `fits`. */
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
