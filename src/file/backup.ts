import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import { META_FILE, segmentName, snapshotName } from '../format/names.ts';
import { SegmentScan } from '../format/scan.ts';
import { fileError } from '../storage/error.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import type { BackupReport, BackupRequest } from '../store/store.ts';
import { refuseInside } from './inside.ts';
import { type Layout, layoutOf, newestStart } from './layout.ts';
import { Staging } from './staging.ts';
import { suspectIn } from './suspect.ts';

export interface BackupParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  /** A random part for temporary names. */
  readonly token: string;
}

/**
 * How a file of a backup came to be. What was cut had not been sealed: it may have grown by the next try. What was begun
 * may be there in part.
 */
type Way = 'linked' | 'reflinked' | 'copied' | 'cut' | 'begun';

/** Compactions that come between, one try after the other, before it is given up. */
const MOST_TRIES = 100;
const CHUNK_BYTES = 1024 * 1024;
/** An end that looks damaged may be a line on its way. */
const DOUBT_MS = 100;
const MOST_DOUBTS = 10;

/**
 * Copies a log while others write it. What is sealed never changes, and is linked where that can be done; of the last
 * segment the lines up to the last accepted one are copied. Rotation and compaction meanwhile do no harm: a copy counts
 * if the directory, listed again, still holds what it was made of.
 */
export async function backupLog(
  parts: BackupParts,
  destination: string,
  request: BackupRequest,
): Promise<BackupReport> {
  const { storage, directory, token } = parts;
  let staging: Staging | undefined;
  try {
    refuseInside(storage, directory, destination);
    staging = new Staging(storage, destination, token, storage.look(directory)?.mode);
    const report = await new Backup(parts, staging.path, request).make();
    staging.commit();
    return { directory: destination, ...report };
  } catch (error) {
    staging?.discard();
    throw fileError(error, 'make a backup of', directory);
  }
}

/** What lies in the log at one look. */
interface Look extends Layout {
  /** From this segment on, what was written may be in the cache only, whatever a sync says. */
  readonly suspect: number;
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

  async make(): Promise<Omit<BackupReport, 'directory'>> {
    await this.#copy(META_FILE, 'copied');
    const seq = await this.#takeAll();
    let bytes = 0;
    for (const name of this.#ways.keys()) bytes += await this.#keep(name);
    const ways = [...this.#ways.values()];
    const count = (way: Way) => ways.filter((each) => each === way).length;
    const [linked, reflinked] = [count('linked'), count('reflinked')];
    const copied = ways.length - linked - reflinked;
    return { seq, bytes, files: ways.length, linked, reflinked, copied };
  }

  /** Returns the last entry that was taken. */
  async #takeAll(): Promise<number> {
    const { storage, directory } = this.#parts;
    for (let tries = 1; ; tries++) {
      const look = this.#look();
      this.#dropWhatIsNotIn(look);
      try {
        newestStart(storage, directory);
        const last = look.segments.at(-1);
        for (const seq of look.segments)
          if (seq !== last) await this.#take(segmentName(seq), seq < look.suspect);
        for (const seq of look.snapshots) await this.#take(snapshotName(seq), true);
        const reached = last === undefined ? 0 : await this.#takeLast(last);
        if (isStill(look, this.#look())) return Math.max(reached, look.snapshots.at(-1) ?? 0);
      } catch (error) {
        // What a compaction deleted since it was listed is no reason to fail.
        if (isStill(look, this.#look())) throw error;
      }
      if (tries === MOST_TRIES) throw restlessError(directory);
    }
  }

  #look(): Look {
    const { storage, directory } = this.#parts;
    return { ...layoutOf(storage, directory), suspect: suspectIn(storage, directory) ?? Infinity };
  }

  /** Of what was taken at an earlier look, keeps what is sealed still, and not in doubt. */
  #dropWhatIsNotIn({ segments, snapshots, suspect }: Look): void {
    const lasting = new Set([
      META_FILE,
      ...snapshots.map(snapshotName),
      ...segments.slice(0, -1).map(segmentName),
    ]);
    const doubtful = new Set(segments.filter((seq) => seq >= suspect).map(segmentName));
    for (const [name, way] of this.#ways) {
      const shared = way === 'linked' || way === 'reflinked';
      const isWhole = way !== 'cut' && way !== 'begun';
      if (lasting.has(name) && isWhole && !(shared && doubtful.has(name))) continue;
      this.#parts.storage.remove(join(this.#target, name));
      this.#ways.delete(name);
    }
  }

  /** Takes a file that nobody writes to any more. */
  async #take(name: string, mayShare: boolean): Promise<void> {
    if (this.#ways.has(name)) return;
    this.#checkAborted();
    const { storage, directory } = this.#parts;
    const [from, to] = [join(directory, name), join(this.#target, name)];
    if (this.#link && mayShare) {
      // Refuses a pipe or a device: it would be linked, and a reflink of a pipe waits for somebody at its other end.
      storage.open(from, 'read').close();
      if (succeeds(() => storage.link(from, to))) return void this.#ways.set(name, 'linked');
      if (succeeds(() => storage.reflink(from, to))) return void this.#ways.set(name, 'reflinked');
    }
    await this.#copy(name, 'copied');
  }

  /** Copies a file as far as it goes, or to `end`. */
  async #copy(name: string, way: 'copied' | 'cut', end = Infinity): Promise<void> {
    const { storage, clock, directory } = this.#parts;
    const path = join(this.#target, name);
    const source = storage.open(join(directory, name), 'read');
    try {
      // What an earlier try may have left of it.
      storage.remove(path);
      this.#ways.set(name, 'begun');
      const target = storage.open(path, 'create', source.look().mode);
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

  /** Copies the segment that is written now, up to its last accepted line; returns that line's last entry. */
  async #takeLast(firstSeq: number): Promise<number> {
    const name = segmentName(firstSeq);
    const { end, seq } = await this.#lastLine(firstSeq);
    await this.#copy(name, 'cut', end);
    return seq;
  }

  async #lastLine(firstSeq: number): Promise<{ readonly end: number; readonly seq: number }> {
    const { storage, clock, directory } = this.#parts;
    const source = storage.open(join(directory, segmentName(firstSeq)), 'read');
    try {
      for (let doubts = 0; ; doubts++) {
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
        if (scan.trouble === undefined) return { end: accepted, seq: scan.chain.seq };
        if (doubts === MOST_DOUBTS) throw damagedError(directory, firstSeq, scan.trouble.offset);
        await clock.sleep(DOUBT_MS);
      }
    } finally {
      source.close();
    }
  }

  /** Syncs a file of the backup, one that is linked too: the log may have been copied here a moment ago. Returns its size. */
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
    throw new WalError('ERR_WAL_ABORTED', 'The backup was aborted: there is none.', {
      cause: this.#signal.reason,
    });
  }
}

/** Whether all is still there that was listed, and nothing came but later segments. */
function isStill(before: Look, now: Look): boolean {
  const last = before.segments.at(-1) ?? Infinity;
  const facts = ({ segments, snapshots, suspect }: Look) =>
    JSON.stringify([segments.filter((seq) => seq <= last), snapshots, suspect]);
  return facts(before) === facts(now);
}

/** What goes wrong with one way of sharing, the next one, or copying, tells. */
function succeeds(share: () => void): boolean {
  try {
    share();
    return true;
  } catch {
    return false;
  }
}

function damagedError(directory: string, firstSeq: number, offset: number): WalError {
  const segment = segmentName(firstSeq);
  return new WalError(
    'ERR_WAL_CORRUPT',
    `${segment} in ${directory} ends in damage, or proves that acknowledged entries are missing (byte ${offset}): a backup would pass for a good one. Run "jsonl-wal verify" for the whole picture; to keep the log as it is, copy its directory.`,
    { segment, offset },
  );
}

function restlessError(directory: string): WalError {
  return new WalError(
    'ERR_WAL_COMPACTED',
    `The log in ${directory} was compacted again and again while it was copied. Make the backup once that is over.`,
  );
}
