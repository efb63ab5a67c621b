import { join } from 'node:path';
import { crcOf } from '../format/crc.ts';
import { cutLines } from '../format/cut-lines.ts';
import { NEWLINE } from '../format/line.ts';
import { snapshotName } from '../format/names.ts';
import type { Placed } from '../format/order.ts';
import { MAX_HEADER_BYTES, type SnapshotHeader, type SnapshotKey } from '../format/snapshot.ts';
import { type SnapshotBlock, SnapshotBodyMaker } from '../format/snapshot-body.ts';
import { readWhole } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';

/** A snapshot, made anew of those parts of a damaged one whose checksums are right. */
export interface MendedSnapshot {
  readonly header: SnapshotHeader;
  readonly body: readonly Buffer[];
  /** Ids whose state is lost with the other parts. */
  readonly lost: number;
}

/** `header`: its first line, which must be whole. */
export function mendSnapshot(storage: Storage, directory: string, header: SnapshotHeader): MendedSnapshot {
  const bytes = readWhole(storage, join(directory, snapshotName(header.head.seq))) ?? Buffer.alloc(0);
  const body = bytes.subarray(bytes.subarray(0, MAX_HEADER_BYTES).indexOf(NEWLINE) + 1);
  const items: [id: string, line: Buffer][] = [];
  const placed: Placed[] = [];
  const keys: SnapshotKey[] = [];
  for (const line of wholeBlocks(body).flatMap(cutLines)) {
    const value = JSON.parse(line.toString()) as { id: string; rev?: number; key?: string };
    if (value.key !== undefined) keys.push(value as unknown as SnapshotKey);
    else if (value.rev !== undefined) items.push([value.id, line]);
    else placed.push(value as unknown as Placed);
  }
  const maker = new SnapshotBodyMaker();
  const ids = new Set(items.map(([id]) => id));
  for (const [id, line] of items) maker.addItem(id, line);
  for (const place of placed) if (ids.has(place.id)) maker.addPlaced(place);
  for (const key of keys) maker.addKey(key);
  const made = maker.end(header.body.ordered !== undefined);
  return { header: { ...header, body: made }, body: maker.pieces, lost: header.body.ids - ids.size };
}

/** The blocks that a line of the index gives the right checksum of, in their order. */
function wholeBlocks(body: Buffer): Buffer[] {
  const blocks = new Map<number, Buffer>();
  for (const line of cutLines(body)) {
    const place = blockOf(line);
    if (place === undefined) continue;
    const block = body.subarray(place.at, place.at + place.bytes);
    if (crcOf(block) === place.crc) blocks.set(place.at, block);
  }
  return [...blocks].sort(([a], [b]) => a - b).map(([, block]) => block);
}

/** What a line of the index says; undefined where it is none that can be read. */
function blockOf(line: Buffer): Pick<SnapshotBlock, 'at' | 'bytes' | 'crc'> | undefined {
  try {
    const { at, bytes, crc } = JSON.parse(line.toString()) as Partial<SnapshotBlock>;
    if (!Number.isSafeInteger(at) || !Number.isSafeInteger(bytes) || typeof crc !== 'string')
      return undefined;
    return { at: at as number, bytes: bytes as number, crc };
  } catch {
    return undefined;
  }
}
