import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { WalError } from '../errors/errors.ts';
import type { Meta } from '../format/meta.ts';
import { segmentName, snapshotName } from '../format/names.ts';
import { type Stray, straysAmong } from '../format/strays.ts';
import type { Survey } from '../format/survey.ts';
import { layoutOf, startAtEnd } from '../layout/layout.ts';
import type { MarkFile } from '../layout/mark-file.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';
import type {
  BackupFiles,
  BackupRequest,
  BlockingStore,
  FileSize,
  LineStore,
  LogFiles,
  Salvaged,
} from '../store/store.ts';
import { metaNow } from './settling.ts';

export interface DirectoryFilesParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly directory: string;
  readonly meta: Meta;
  readonly marks: MarkFile;
  readonly blocking: BlockingStore;
  /** Returns `count` random hex digits. */
  readonly randomHex: (count: number) => string;
  /** Opens a copy of the log for reading. */
  readonly openCopy: (directory: string) => LineStore;
}

/** Rare operations on a log's directory: each answers from one look at what is there now. */
export class DirectoryFiles implements LogFiles {
  readonly #parts: DirectoryFilesParts;
  readonly marks: MarkFile;
  readonly blocking: BlockingStore;

  constructor(parts: DirectoryFilesParts) {
    this.#parts = parts;
    this.marks = parts.marks;
    this.blocking = parts.blocking;
  }

  metaNow(): Meta {
    const { storage, directory, meta } = this.#parts;
    return metaNow(storage, directory, meta);
  }

  snapshots(): FileSize[] {
    return this.#listing((storage, directory) =>
      sizesOf(storage, directory, layoutOf(storage, directory).snapshots.toReversed(), snapshotName),
    );
  }

  segmentSizes(after: number): number[] {
    return this.#listing((storage, directory) => {
      const later = layoutOf(storage, directory).segments.filter((first) => first > after);
      const sizes = sizesOf(storage, directory, later, segmentName).map(({ bytes }) => bytes);
      return sizes.filter((bytes) => bytes > 0);
    });
  }

  nextSegment(firstSeq: number): number | undefined {
    return this.#listing((storage, directory) =>
      layoutOf(storage, directory).segments.find((seq) => seq > firstSeq),
    );
  }

  strays(): Stray[] {
    return this.#listing((storage, directory) => straysAmong(storage.list(directory)));
  }

  refusal(): WalError | undefined {
    return this.#listing((storage, directory) => {
      try {
        startAtEnd({ storage, directory, log: this.#parts.meta.id }, true);
        return undefined;
      } catch (error) {
        if (error instanceof WalError) return error;
        throw error;
      }
    });
  }

  #listing<T>(look: (storage: Storage, directory: string) => T): T {
    const { storage, directory } = this.#parts;
    try {
      return look(storage, directory);
    } catch (error) {
      throw fileError(error, 'list', directory);
    }
  }

  async survey(onProgress?: (bytes: number) => void): Promise<Survey> {
    const { storage, clock, directory } = this.#parts;
    const { surveySegments } = await import('../recovery/survey.ts');
    try {
      return await surveySegments(storage, clock, directory, onProgress);
    } catch (error) {
      throw fileError(error, 'read', directory);
    }
  }

  async *salvaged(from: number | undefined): AsyncGenerator<Salvaged, void, undefined> {
    const { salvagedIn } = await import('../recovery/salvaged.ts');
    try {
      yield* salvagedIn(this.#parts, from);
    } catch (error) {
      throw fileError(error, 'read', this.#parts.directory);
    }
  }

  async backup(destination: string, request: BackupRequest): Promise<BackupFiles> {
    const { randomHex, openCopy: open } = this.#parts;
    const { backupLog } = await import('./backup.ts');
    return backupLog({ ...this.#parts, token: randomHex(12), open }, destination, request);
  }
}

/** The sizes of those files that exist. */
function sizesOf(
  storage: Storage,
  directory: string,
  seqs: readonly number[],
  nameOf: (seq: number) => string,
): FileSize[] {
  return seqs.flatMap((seq) => {
    const look = storage.look(join(directory, nameOf(seq)));
    return look === undefined ? [] : [{ seq, bytes: look.size }];
  });
}
