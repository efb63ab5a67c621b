import { join } from 'node:path';
import type { Head } from '../format/chain.ts';
import type { Envelope } from '../format/line.ts';
import {
  decodeMark,
  decodeRewinds,
  encodeMark,
  encodeRewind,
  MARK_BYTES,
  type Mark,
  type NotedRewind,
  type Rewind,
} from '../format/mark.ts';
import { MARK_FILE, META_FILE, REWOUND_FILE, segmentName } from '../format/names.ts';
import { SegmentScan } from '../format/scan.ts';
import { openIfThere, readFully, readWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Storage, StorageFile } from '../storage/storage.ts';
import type { Marks } from '../store/store.ts';
import { layoutOf } from './layout.ts';
import type { Layout } from './log-place.ts';

export interface MarkFileParts {
  readonly storage: Storage;
  readonly directory: string;
  /** The log's id. */
  readonly log: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /**
   * Whether the path still leads to the file that the log was read from, and that file still holds the last line read.
   */
  readonly holds?: () => boolean;
}

const CHUNK_BYTES = 256 * 1024;
/** Bytes read of wal.rewound, from its end. */
const MOST_NOTED_BYTES = 1024 * 1024;

/** Removes the record of what was acknowledged on this machine. Throws the system's error. */
export function forgetMarks(storage: Storage, directory: string): void {
  for (const name of [REWOUND_FILE, MARK_FILE]) storage.remove(join(directory, name));
}

/**
 * wal.mark and wal.rewound in a log's directory. Both are only information, and are never synced: a file that cannot be
 * read counts as absent, and one that cannot be written stays as it was.
 */
export class MarkFile implements Marks {
  readonly #parts: MarkFileParts;

  constructor(parts: MarkFileParts) {
    this.#parts = parts;
  }

  read(): Mark | undefined {
    const { storage, directory, log } = this.#parts;
    const bytes = quietly(() => readWhole(storage, join(directory, MARK_FILE), MARK_BYTES));
    return bytes && decodeMark(bytes, log);
  }

  #markIn(file: StorageFile): Mark | undefined {
    const bytes = Buffer.alloc(MARK_BYTES);
    return decodeMark(bytes.subarray(0, readFully(file, bytes, 0)), this.#parts.log);
  }

  get place(): 'here' | 'away' | 'elsewhere' {
    const { storage, directory, holds } = this.#parts;
    if (holds && quietly(holds)) return 'here';
    return quietly(() => storage.look(join(directory, META_FILE))) === undefined ? 'away' : 'elsewhere';
  }

  raise(mark: Mark, stale: Head | undefined, rewind: Rewind | undefined): void {
    this.#replace((there) => {
      const isStale = stale !== undefined && isSameHead(there, stale);
      if (isStale && rewind !== undefined) this.note(rewind);
      if (there === undefined || isStale) return mark;
      return there.seq >= mark.seq ? undefined : { ...mark, kept: mark.kept || there.kept };
    });
  }

  set(head: Head): void {
    this.#replace(() => ({ ...head, kept: true }));
  }

  #replace(next: (there: Mark | undefined) => Mark | undefined): void {
    quietly(() => {
      const file = this.#openToWrite();
      try {
        const mark = next(this.#markIn(file));
        if (mark !== undefined) file.writeAt(encodeMark(this.#parts.log, mark), 0);
      } finally {
        file.close();
      }
    });
  }

  /**
   * A link in the mark's place, which a checkout may bring, leads to a file that the log must not write to: it is
   * removed.
   */
  #openToWrite(): StorageFile {
    const { storage, directory } = this.#parts;
    const path = join(directory, MARK_FILE);
    if (storage.isLink(path)) storage.remove(path);
    const there = openIfThere(storage, path, 'update');
    if (there !== undefined) return there;
    storage.open(path, 'append', permissionsIn(storage, directory)).close();
    return storage.open(path, 'update');
  }

  note(rewind: Rewind): void {
    const { storage, directory, log, now } = this.#parts;
    quietly(() => {
      const path = join(directory, REWOUND_FILE);
      if (storage.isLink(path)) storage.remove(path);
      const file = storage.open(path, 'append', permissionsIn(storage, directory));
      try {
        file.append([encodeRewind(log, { ...rewind, ts: now() })]);
      } finally {
        file.close();
      }
    });
  }

  /** The rewinds noted and not forgotten since, oldest first. Throws the system's error. */
  noted(): NotedRewind[] {
    const { storage, directory, log } = this.#parts;
    const file = openIfThere(storage, join(directory, REWOUND_FILE), 'read');
    if (file === undefined) return [];
    try {
      const size = file.size();
      const bytes = Buffer.alloc(Math.min(size, MOST_NOTED_BYTES));
      return decodeRewinds(bytes.toString('utf8', 0, readFully(file, bytes, size - bytes.length)), log);
    } finally {
      file.close();
    }
  }

  goesOn(firstSeq: number): boolean {
    const { storage, directory } = this.#parts;
    const isLater = ({ segments, snapshots }: Layout) =>
      segments.some((seq) => seq > firstSeq) || snapshots.some((seq) => seq >= firstSeq);
    return quietly(() => isLater(layoutOf(storage, directory))) ?? true;
  }

  has(seq: number, isIt: (line: Envelope) => boolean): boolean {
    // If the log cannot be read, nothing is reported missing.
    return quietly(() => this.#has(seq, isIt)) ?? true;
  }

  #has(seq: number, isIt: (line: Envelope) => boolean): boolean {
    const { storage, directory } = this.#parts;
    const { segments, snapshots } = layoutOf(storage, directory);
    if (seq <= (snapshots.at(-1) ?? 0)) return true;
    const firstSeq = segments.findLast((first) => first <= seq);
    const file = firstSeq && openIfThere(storage, join(directory, segmentName(firstSeq)), 'read');
    if (!file) return false;
    try {
      let found = false;
      const accepted = (line: Envelope) => {
        found ||= line.seq + line.count - 1 === seq && isIt(line);
      };
      const scan = new SegmentScan(firstSeq, { accepted });
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let position = 0; !found; ) {
        const count = file.read(chunk, position);
        if (count === 0) break;
        scan.push(chunk.subarray(0, count));
        position += count;
      }
      return found;
    } finally {
      file.close();
    }
  }
}

function isSameHead(a: Head | undefined, b: Head): boolean {
  return a?.seq === b.seq && a.crc === b.crc;
}

function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
