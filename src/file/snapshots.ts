import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WalError } from '../errors/errors.ts';
import { BlockCheck } from '../format/block-check.ts';
import { hex8 } from '../format/crc.ts';
import { NEWLINE } from '../format/line.ts';
import { snapshotName, temporaryName } from '../format/names.ts';
import { decodeHeader, encodeHeader, MAX_HEADER_BYTES, type SnapshotHeader } from '../format/snapshot.ts';
import { indexPlace } from '../format/snapshot-body.ts';
import { fileError } from '../storage/error.ts';
import { readFully, removeQuietly } from '../storage/files.ts';
import type { Permissions, Storage, StorageFile } from '../storage/storage.ts';
import type { SnapshotFile } from '../store/store.ts';

/** The first line of the snapshot at `seq`; undefined where it is damaged, gone, or another log's than `log`, where that is given. */
export function readHeader(
  storage: Storage,
  directory: string,
  seq: number,
  log: string | undefined,
): SnapshotHeader | undefined {
  const path = join(directory, snapshotName(seq));
  const file = openIfThere(storage, path);
  if (file === undefined) return undefined;
  try {
    const line = firstLine(file);
    const header = line && decodeHeader(line, path);
    // A snapshot by another's name stands for something else.
    return header?.head.seq === seq && header.log === (log ?? header.log) ? header : undefined;
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    file.close();
  }
}

function firstLine(file: StorageFile): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  for (let count = 0; count < bytes.length; ) {
    const more = file.read(bytes.subarray(count), count);
    if (more === 0) break;
    count += more;
    const end = bytes.subarray(0, count).indexOf(NEWLINE);
    if (end >= 0) return bytes.subarray(0, end);
  }
  return undefined;
}

function openIfThere(storage: Storage, path: string): StorageFile | undefined {
  try {
    return storage.open(path, 'read');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'open', path);
  }
}

const CHUNK_BYTES = 1024 * 1024;
const SYNC_BYTES = 256 * 1024;

/** The body of a snapshot, in pieces that are used again; at its end it throws where the body, its index or a block is not as the header and the index say. */
export function readBody(
  storage: Storage,
  directory: string,
  header: SnapshotHeader,
): Generator<Buffer, void, undefined> {
  return bodyOf(storage, join(directory, snapshotName(header.head.seq)), header);
}

/** Opens a snapshot, to read its body in parts. */
export function openBody(storage: Storage, directory: string, header: SnapshotHeader): SnapshotFile {
  const path = join(directory, snapshotName(header.head.seq));
  const file = openThere(storage, path, header);
  let start: number;
  try {
    const line = firstLine(file);
    if (line === undefined || decodeHeader(line, path)?.body.crc !== header.body.crc)
      throw goneError(path, header);
    start = line.length + 1;
  } catch (error) {
    file.close();
    throw fileError(error, 'read', path);
  }
  return {
    read(offset, length) {
      try {
        // What says how long a part is may be damaged: no more is made room for than is there.
        const left = Math.max(0, file.size() - start - offset);
        const bytes = Buffer.allocUnsafeSlow(Math.min(length, left));
        return bytes.subarray(0, readFully(file, bytes, start + offset));
      } catch (error) {
        throw fileError(error, 'read', path);
      }
    },
    close: () => file.close(),
  };
}

function openThere(storage: Storage, path: string, header: SnapshotHeader): StorageFile {
  const file = openIfThere(storage, path);
  if (file === undefined) throw goneError(path, header);
  return file;
}

function goneError(path: string, { head }: SnapshotHeader): WalError {
  return new WalError(
    'ERR_WAL_COMPACTED',
    `${path} was deleted: a newer snapshot took its place. Read that one.`,
    { seq: head.seq },
  );
}

function* bodyOf(storage: Storage, path: string, header: SnapshotHeader): Generator<Buffer, void> {
  const { head, body } = header;
  const file = openThere(storage, path, header);
  const damaged = (why: string) =>
    new WalError(
      'ERR_WAL_CORRUPT',
      `${path} is damaged: ${why}. A table falls back to an older snapshot, and to the segments it was made from, where those remain.`,
      { segment: snapshotName(head.seq), seq: head.seq },
    );
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let crc = 0;
    let left = body.bytes;
    let position = (firstLine(file)?.length ?? -1) + 1;
    const blocks = new BlockCheck(body, readIndex(file, position, header));
    while (left > 0) {
      const count = Math.min(file.read(chunk, position), left);
      if (count === 0) throw damaged(`${left} of ${body.bytes} bytes are missing`);
      const piece = chunk.subarray(0, count);
      crc = crc32(piece, crc);
      blocks.push(piece);
      position += count;
      left -= count;
      yield piece;
    }
    if (hex8(crc) !== body.crc) throw damaged('its bytes do not have the crc that its first line says');
    if (!file.endsAt(position)) throw damaged('it is longer than its first line says');
    if (blocks.fault !== undefined) throw damaged(blocks.fault);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    file.close();
  }
}

/** As much of the index as is there. `start`: where the body begins. */
function readIndex(file: StorageFile, start: number, { body }: SnapshotHeader): Buffer {
  const { at, bytes } = indexPlace(body);
  const left = Math.max(0, file.size() - start - at);
  const index = Buffer.allocUnsafeSlow(Math.min(bytes, left));
  return index.subarray(0, readFully(file, index, start + at));
}

/** Where a snapshot is made, and how. */
export interface SnapshotPlace {
  /** A random part for its temporary name. */
  readonly token: string;
  /** What it is made with. */
  readonly as: Permissions | undefined;
  readonly pause: () => Promise<void>;
  /** Throws where the log has no place for it. */
  readonly fits: () => void;
  /** The same, once it has its name. */
  readonly stays: () => void;
}

/**
 * Writes a snapshot under a temporary name, syncs it, reads it back, and only then gives it its own. A little is
 * synced at a time: a writer's fdatasync would wait for all that the file system has yet to write of it.
 */
export async function writeSnapshot(
  storage: Storage,
  directory: string,
  header: SnapshotHeader,
  body: Iterable<Buffer>,
  { token, as, pause, fits, stays }: SnapshotPlace,
): Promise<void> {
  const path = join(directory, snapshotName(header.head.seq));
  const temporary = temporaryName(path, storage.maker, token);
  try {
    fits();
    const file = storage.open(temporary, 'create', as);
    try {
      writeAll(file, Buffer.from(encodeHeader(header)));
      let unsynced = 0;
      for (const piece of body) {
        writeAll(file, piece);
        unsynced += piece.length;
        if (unsynced < SYNC_BYTES) continue;
        await file.sync();
        unsynced = 0;
      }
      await file.sync();
    } finally {
      file.close();
    }
    // What was written wrong would be found when what it stands for is gone.
    for (const _ of bodyOf(storage, temporary, header)) await pause();
    // All that took a while, in which the log may have been replaced.
    fits();
    storage.rename(temporary, path);
    try {
      stays();
    } catch (error) {
      removeQuietly(storage, path);
      throw error;
    }
    storage.syncDirectory(directory);
  } catch (error) {
    throw fileError(error, 'make', path);
  } finally {
    removeQuietly(storage, temporary);
  }
}

function writeAll(file: StorageFile, bytes: Buffer): void {
  for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(file.append([rest]));
}
