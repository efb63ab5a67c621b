import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { META_FILE, segmentName, snapshotName } from '../format/names.ts';
import { SegmentScan } from '../format/scan.ts';
import { failedSyncIn } from '../layout/failed-sync.ts';
import { refuseInside } from '../layout/inside.ts';
import { layoutOf } from '../layout/layout.ts';
import type { Layout } from '../layout/log-place.ts';
import { Staging } from '../layout/staging.ts';
import { fileError } from '../storage/error.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import type { BackupFiles, BackupRequest, LineStore } from '../store/store.ts';

export interface BackupParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  /** A random part for temporary names. */
  readonly token: string;
  /** Opens the copy for reading. */
  readonly open: (directory: string) => LineStore;
}

/**
 * How a file of a backup was made. A segment that was cut had not been sealed: it may have grown by the next try. One
 * that was begun may be there in part.
 */
type Way = 'linked' | 'reflinked' | 'copied' | 'cut' | 'begun';

/** Compactions may interrupt this many tries in a row before the backup gives up. */
const MOST_TRIES = 100;
const CHUNK_BYTES = 1024 * 1024;
/** An end that looks damaged may be a line still being written. */
const DOUBT_MS = 100;
const MOST_DOUBTS = 10;

/**
 * Copies a log while others write it. Sealed segments and snapshots never change and are linked where possible; the
 * last segment is copied up to its last accepted line. Rotation and compaction meanwhile do no harm: the copy counts
 * only if the directory, listed again, still holds the files that it was made of. It is renamed into place once the
 * caller has checked it.
 */
export async function backupLog(
  parts: BackupParts,
  destination: string,
  request: BackupRequest,
): Promise<BackupFiles> {
  const { storage, directory, token, open } = parts;
  let staging: Staging | undefined;
  try {
    refuseInside(storage, directory, destination);
    staging = new Staging(storage, destination, token, storage.look(directory));
    const files = await new Backup(parts, staging.path, request).make();
    const copy = open(staging.path);
    await request.check(copy).finally(() => copy.close());
    staging.commit();
    return { directory: destination, ...files };
  } catch (error) {
    staging?.discard();
    throw fileError(error, 'make a backup of', directory);
  }
}

/** The files of the log at one listing. */
interface Look extends Layout {
  /** From this segment on, what was written may be only in the cache, even if a later sync succeeded. */
  readonly failedSync: number;
}

class Backup {
  readonly #parts: BackupParts;
  readonly #target: string;
  readonly #link: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #ways = new Map<string, Way>();

  constructor(parts: BackupParts, target: string, { link, signal }: BackupRequest) {
    this.#parts = parts;
    this.#target = target;
    this.#link = link;
    this.#signal = signal;
  }

  async make(): Promise<Omit<BackupFiles, 'directory'>> {
    await this.#copy(META_FILE, 'copied');
    await this.#takeAll();
    let bytes = 0;
    for (const name of this.#ways.keys()) bytes += await this.#keep(name);
    const ways = [...this.#ways.values()];
    const count = (way: Way) => ways.filter((each) => each === way).length;
    const [linked, reflinked] = [count('linked'), count('reflinked')];
    const copied = ways.length - linked - reflinked;
    return { bytes, files: ways.length, linked, reflinked, copied };
  }

  async #takeAll(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const look = this.#look();
      this.#dropWhatIsNotIn(look);
      try {
        const last = look.segments.at(-1);
        for (const seq of look.segments)
          if (seq !== last) await this.#take(segmentName(seq), seq < look.failedSync);
        for (const seq of look.snapshots) await this.#take(snapshotName(seq), true);
        if (last !== undefined) await this.#copy(segmentName(last), 'cut', await this.#endOf(last));
        if (isStill(look, this.#look())) return;
      } catch (error) {
        // A file that a compaction deleted since it was listed is no reason to fail.
        if (isStill(look, this.#look())) throw error;
      }
      if (tries === MOST_TRIES) throw restlessError(this.#parts.directory);
    }
  }

  #look(): Look {
    const { storage, directory } = this.#parts;
    return { ...layoutOf(storage, directory), failedSync: failedSyncIn(storage, directory) ?? Infinity };
  }

  /** Of the files taken at an earlier look, keeps those that are still sealed and not affected by a failed sync. */
  #dropWhatIsNotIn({ segments, snapshots, failedSync }: Look): void {
    const lasting = new Set([
      META_FILE,
      ...snapshots.map(snapshotName),
      ...segments.slice(0, -1).map(segmentName),
    ]);
    const doubtful = new Set(segments.filter((seq) => seq >= failedSync).map(segmentName));
    for (const [name, way] of this.#ways) {
      const shared = way === 'linked' || way === 'reflinked';
      const isWhole = way !== 'cut' && way !== 'begun';
      if (lasting.has(name) && isWhole && !(shared && doubtful.has(name))) continue;
      this.#parts.storage.remove(join(this.#target, name));
      this.#ways.delete(name);
    }
  }

  /**
   * Takes a file that is no longer written to. A symbolic link that leads nowhere is skipped: that file is missing.
   */
  async #take(name: string, mayShare: boolean): Promise<void> {
    if (this.#ways.has(name)) return;
    this.#checkAborted();
    const { storage, directory } = this.#parts;
    const [from, to] = [join(directory, name), join(this.#target, name)];
    if (storage.isLink(from) && storage.look(from) === undefined) return;
    if (this.#link && mayShare) {
      // Refuses a pipe or a device: it would be linked, and a reflink of a pipe waits for a process at its other end.
      storage.open(from, 'read').close();
      // The target of a symbolic link may be written to by others, so it is not linked.
      if (!storage.isLink(from) && succeeds(() => storage.link(from, to)))
        return void this.#ways.set(name, 'linked');
      if (succeeds(() => storage.reflink(from, to))) return void this.#ways.set(name, 'reflinked');
    }
    await this.#copy(name, 'copied');
  }

  /** Copies a file to its end, or to `end`. */
  async #copy(name: string, way: 'copied' | 'cut', end = Infinity): Promise<void> {
    const { storage, clock, directory } = this.#parts;
    const path = join(this.#target, name);
    const source = storage.open(join(directory, name), 'read');
    try {
      // An earlier try may have left a part of it.
      storage.remove(path);
      this.#ways.set(name, 'begun');
      const target = storage.open(path, 'create', source.look());
      try {
        for (const piece of this.#pieces(source, end)) {
          for (let rest = piece; rest.length > 0; ) rest = rest.subarray(target.append([rest]));
          await clock.yield();
        }
      } finally {
        target.close();
      }
      this.#ways.set(name, way);
    } finally {
      source.close();
    }
  }

  *#pieces(source: StorageFile, end: number): Generator<Buffer, void> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let position = 0; position < end; ) {
      this.#checkAborted();
      const count = Math.min(source.read(chunk, position), end - position);
      if (count === 0) return;
      yield chunk.subarray(0, count);
      position += count;
    }
  }

  /**
   * Where the last accepted line of the active segment ends; Infinity if the segment is damaged: then all of it is
   * copied.
   */
  async #endOf(firstSeq: number): Promise<number> {
    const { storage, clock, directory } = this.#parts;
    const source = storage.open(join(directory, segmentName(firstSeq)), 'read');
    try {
      for (let doubts = 0; doubts <= MOST_DOUBTS; doubts++) {
        if (doubts > 0) await clock.sleep(DOUBT_MS);
        let accepted = 0;
        const scan = new SegmentScan(firstSeq, {
          accepted: (_line, _bytes, start, end, offset) => {
            accepted = offset + end - start + 1;
          },
        });
        for (const piece of this.#pieces(source, Infinity)) {
          scan.push(piece);
          await clock.yield();
        }
        // A line that lacks only its newline is copied without it: the next writer to the copy ends it.
        if (scan.unended?.verdict === 'accepted' && scan.unended.chain.corruption === undefined)
          return scan.unended.offset + scan.unended.length;
        if (scan.corruption === undefined) return accepted;
      }
      // Cut before the damage, the copy would pass for undamaged.
      return Infinity;
    } finally {
      source.close();
    }
  }

  /**
   * Syncs a file of the backup, also a linked one: the log itself may have been copied here a moment ago. Returns its
   * size.
   */
  async #keep(name: string): Promise<number> {
    this.#checkAborted();
    const file = this.#parts.storage.open(join(this.#target, name), 'read');
    try {
      await file.sync();
      return file.size();
    } finally {
      file.close();
    }
  }

  #checkAborted(): void {
    if (!this.#signal?.aborted) return;
    throw new WalError('ERR_WAL_ABORTED', 'The backup was aborted: no copy was made.', {
      cause: this.#signal.reason,
    });
  }
}

/** Whether all files that were listed are still there, and only later segments were added. */
function isStill(before: Look, now: Look): boolean {
  const last = before.segments.at(-1) ?? Infinity;
  const facts = ({ segments, snapshots, failedSync }: Look) =>
    JSON.stringify([segments.filter((seq) => seq <= last), snapshots, failedSync]);
  return facts(before) === facts(now);
}

/** If one way of sharing fails, the next one is tried; copying, the last, reports what is wrong. */
function succeeds(share: () => void): boolean {
  try {
    share();
    return true;
  } catch {
    return false;
  }
}

function restlessError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_COMPACTED',
    `The log in ${directory} was compacted repeatedly while it was copied. Make the backup again when no compaction is running.`,
  );
}
