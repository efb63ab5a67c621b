import { WalError } from '../errors/errors.ts';
import { snapshotName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { allBlocks, indexPlace, isWhole } from '../format/snapshot-index.ts';

/** A snapshot that is open: the bytes after its first line. */
export interface SnapshotFile {
  /** What errors call it. */
  readonly path: string;
  /** How many bytes there are. */
  readonly bytes: number;
  /**
   * Returns `bytes` bytes from `offset` in a buffer of the caller's own; fewer where the file ends. Blocking,
   * because tables answer synchronously.
   */
  read(offset: number, bytes: number): Buffer;
  close(): void;
}

/**
 * Yields the blocks and then the index of an open snapshot, each checked first. Throws ERR_WAL_CORRUPT at the
 * first that the header or the index contradicts.
 */
export function* wholeBody(header: SnapshotHeader, file: SnapshotFile): Generator<Buffer, void> {
  const { body } = header;
  const damaged = (why: string) => damagedError(file.path, header, why);
  const missing = body.bytes - file.bytes;
  if (missing > 0) throw damaged(`${missing} of ${body.bytes} bytes are missing`);
  if (missing < 0) throw damaged('it is longer than its first line says');
  const { at, bytes } = indexPlace(body);
  const index = file.read(at, bytes);
  const blocks = allBlocks(body, index);
  if (blocks === undefined) throw damaged('its index is not what its first line says');
  for (const block of blocks) {
    const there = file.read(block.at, block.bytes);
    if (!isWhole(block, there)) throw damaged('a block does not have the crc that its index says');
    yield there;
  }
  yield index;
}

/** The error for a snapshot that is not as its header says. */
export function damagedError(path: string, { head }: SnapshotHeader, why: string): WalError {
  return new WalError(
    'ERR_WAL_CORRUPT',
    `${path} is damaged: ${why}. A table falls back to an older snapshot, and to the segments it was made from, where those remain.`,
    { segment: snapshotName(head.seq), seq: head.seq },
  );
}
