import { join } from 'node:path';
import { correctedHeader } from '../format/corrected-header.ts';
import { cutLines } from '../format/cut-lines.ts';
import { keysOfLine, lastOf, type SnapshotKey } from '../format/key-lines.ts';
import { snapshotName } from '../format/names.ts';
import { isPlaced, type Placed } from '../format/order.ts';
import { MAX_HEADER_BYTES, type SnapshotHeader, type SnapshotItem } from '../format/snapshot.ts';
import { SnapshotBodyMaker } from '../format/snapshot-body.ts';
import { isBlock, isWhole, type SnapshotBlock } from '../format/snapshot-index.ts';
import { readWhole } from '../storage/files.ts';
import type { Storage } from '../storage/storage.ts';

/** A snapshot, rebuilt from the parts of a damaged one whose checksums are right. */
export interface RepairedSnapshot {
  readonly header: SnapshotHeader;
  readonly body: readonly Buffer[];
  /** Number of ids whose state is lost with the other parts. */
  readonly lost: number;
}

/**
 * Reads the header of a snapshot, even if one byte of it was changed; undefined if more of it is damaged, or it is
 * another log's.
 */
export function headerIn(
  storage: Storage,
  directory: string,
  seq: number,
  log: string | undefined,
): SnapshotHeader | undefined {
  const path = join(directory, snapshotName(seq));
  const bytes = readWhole(storage, path, MAX_HEADER_BYTES) ?? Buffer.alloc(0);
  const header = correctedHeader(bytes, path)?.header;
  return header?.head.seq === seq && header.log === (log ?? header.log) ? header : undefined;
}

/** Rebuilds a damaged snapshot. `header` is its first line: see `headerIn`. */
export function repairSnapshot(
  storage: Storage,
  directory: string,
  header: SnapshotHeader,
): RepairedSnapshot {
  const path = join(directory, snapshotName(header.head.seq));
  const bytes = readWhole(storage, path, MAX_HEADER_BYTES + header.body.bytes) ?? Buffer.alloc(0);
  const body = bytes.subarray(correctedHeader(bytes.subarray(0, MAX_HEADER_BYTES), path)?.bodyAt);
  const items: [id: string, line: Buffer][] = [];
  const placed: Placed[] = [];
  const keys: SnapshotKey[] = [];
  for (const line of wholeBlocks(body).flatMap(cutLines)) {
    const value = jsonIn(line);
    // A block may have a right checksum and yet lines that no snapshot has; readers of the repaired snapshot rely on
    // their shape.
    const found = keysOfLine(value);
    if (found !== undefined) keys.push(...found);
    else if (isItem(value, line)) items.push([value.id, line]);
    else if (typeof value === 'object' && value !== null && isPlaced(value as Placed))
      placed.push(value as Placed);
  }
  const maker = new SnapshotBodyMaker();
  const sorted = items.filter(([id], i) => i === 0 || id > (items[i - 1]?.[0] as string));
  const ids = new Set(sorted.map(([id]) => id));
  for (const [id, line] of sorted) maker.addItem(id, line);
  for (const place of placed) if (ids.has(place.id)) maker.addPlaced(place);
  let last = 0;
  for (const key of keys) {
    if (key.seq <= last) continue;
    maker.addKey(key);
    last = lastOf(key);
  }
  const made = maker.end(header.body.ordered !== undefined);
  return { header: { ...header, body: made }, body: maker.pieces, lost: header.body.ids - ids.size };
}

/**
 * Number of ids whose state can be read in a snapshot whose first line is unreadable. 0 if the first line is readable,
 * also if it names another log.
 */
export function readableIds(storage: Storage, directory: string, seq: number): number {
  if (headerIn(storage, directory, seq, undefined) !== undefined) return 0;
  const bytes = readWhole(storage, join(directory, snapshotName(seq))) ?? Buffer.alloc(0);
  return cutLines(bytes).filter((line) => isItem(jsonIn(line), line)).length;
}

function jsonIn(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString());
  } catch {
    return undefined;
  }
}

const ITEM_START = '{"id":"';

function isItem(value: unknown, line: Buffer): value is Omit<SnapshotItem, 'json'> {
  const { id, rev, ts, version, value: state } = (value ?? {}) as Partial<SnapshotItem> & { value?: unknown };
  if (typeof id !== 'string' || line.toString('latin1', 0, ITEM_START.length) !== ITEM_START) return false;
  return state !== undefined && [rev, ts, version].every(Number.isSafeInteger);
}

/** Bytes, per byte of the body, that may be checked in vain: an index can name the same bytes again and again. */
const MOST_IN_VAIN = 8;

/** The blocks whose checksum in a line of the index is right, in order, without overlaps. */
function wholeBlocks(body: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  let end = 0;
  let left = MOST_IN_VAIN * body.length;
  for (const line of cutLines(body)) {
    const place = blockOf(line);
    if (place === undefined || place.at < end || place.at + place.bytes > body.length) continue;
    const block = body.subarray(place.at, place.at + place.bytes);
    if (left < block.length) break;
    if (isWhole(place, block)) {
      blocks.push(block);
      end = place.at + place.bytes;
    } else left -= block.length;
  }
  return blocks;
}

/** The block that a line of the index describes; undefined if the line is not readable as one. */
function blockOf(line: Buffer): SnapshotBlock | undefined {
  const value = jsonIn(line) as SnapshotBlock | null | undefined;
  return typeof value === 'object' && value !== null && isBlock(value) ? value : undefined;
}
