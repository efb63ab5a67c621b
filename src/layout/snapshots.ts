import { join } from 'node:path';
import { NEWLINE } from '../format/line.ts';
import { snapshotName, temporaryName } from '../format/names.ts';
import { decodeHeader, encodeHeader, MAX_HEADER_BYTES, type SnapshotHeader } from '../format/snapshot.ts';
import { fileError } from '../storage/error.ts';
import { readFully, removeQuietly } from '../storage/files.ts';
import type { Permissions, Storage, StorageFile } from '../storage/storage.ts';
import { deletedError } from '../store/refusals.ts';
import { damagedError, type SnapshotFile, wholeBody } from '../store/snapshot-file.ts';

/**
 * Reads the header of the snapshot at `seq`; undefined if it is damaged or missing, or, if `log` is given, another
 * log's.
 */
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
    // A snapshot whose header has another seq than its name covers other entries.
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

const SYNC_BYTES = 256 * 1024;

/** The body of a snapshot in a directory, checked as it is read: see `wholeBody`. */
export function readBody(
  storage: Storage,
  directory: string,
  header: SnapshotHeader,
): Generator<Buffer, void> {
  return bodyIn(storage, join(directory, snapshotName(header.head.seq)), header);
}

function* bodyIn(storage: Storage, path: string, header: SnapshotHeader): Generator<Buffer, void> {
  const file = openBody(storage, path, header);
  try {
    yield* wholeBody(header, file);
  } finally {
    file.close();
  }
}

/** Opens a snapshot to read its body in parts. */
export function openBody(storage: Storage, path: string, header: SnapshotHeader): SnapshotFile {
  const file = openIfThere(storage, path);
  if (file === undefined) throw deletedError(path, header);
  try {
    const line = firstLine(file);
    const there = line && decodeHeader(line, path);
    if (there === undefined) throw damagedError(path, header, 'its first line is not what was written');
    if (there.body.index.crc !== header.body.index.crc) throw deletedError(path, header);
    const start = (line as Buffer).length + 1;
    const bytes = file.size() - start;
    return {
      path,
      bytes,
      read: (offset, length) => {
        // The length of a part comes from bytes that may be damaged, so no more memory is allocated than the file has
        // bytes.
        const part = Buffer.allocUnsafeSlow(Math.min(length, Math.max(0, bytes - offset)));
        try {
          return part.subarray(0, readFully(file, part, start + offset));
        } catch (error) {
          throw fileError(error, 'read', path);
        }
      },
      close: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw fileError(error, 'read', path);
  }
}

/** How a snapshot is made. */
export interface SnapshotPlace {
  /** A random part for its temporary name. */
  readonly token: string;
  /** The permissions of the file. */
  readonly as: Permissions | undefined;
  readonly pause: () => Promise<void>;
  /** Throws if the snapshot does not fit the log. */
  readonly fits: () => void;
  /** Throws if the snapshot, which now has its name, must not stay. */
  readonly stays: () => void;
}

/**
 * Writes a snapshot under a temporary name, syncs it, reads it back, and only then gives it its own name. It syncs a
 * little at a time, because a writer's fdatasync waits for all that the file system has yet to write of the snapshot.
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
    // Otherwise a faulty write would be found only after the entries that the snapshot covers are deleted.
    for (const _ of bodyIn(storage, temporary, header)) await pause();
    // The log may have been replaced meanwhile.
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
