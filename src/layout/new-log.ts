import { join } from 'node:path';
import { NEWLINE } from '../format/line.ts';
import { encodeMeta, type Meta } from '../format/meta.ts';
import { META_FILE, segmentName } from '../format/names.ts';
import type { SnapshotHeader } from '../format/snapshot.ts';
import { fileError } from '../storage/error.ts';
import { writeWhole } from '../storage/files.ts';
import { permissionsIn } from '../storage/permissions.ts';
import type { Permissions, Storage, StorageFile } from '../storage/storage.ts';
import { refuseInside } from './inside.ts';
import { writeSnapshot } from './snapshots.ts';
import { Staging } from './staging.ts';

const BUFFER_BYTES = 1024 * 1024;
/** The permissions if the source has no file to take them from. */
const OWNER_ONLY: Permissions = { mode: 0o600 };

/**
 * Makes a log in a new directory from another log's lines. It appears as a whole or not at all, and is readable only
 * for those who may read the other log.
 */
export class NewLog {
  readonly #storage: Storage;
  readonly #destination: string;
  readonly #token: string;
  readonly #staging: Staging;
  readonly #as: Permissions;
  readonly #segments: string[] = [];
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #used = 0;
  #file: StorageFile | undefined;

  /** Throws what `Staging` and `refuseInside` throw. */
  constructor(storage: Storage, source: string, destination: string, token: string) {
    this.#storage = storage;
    this.#destination = destination;
    this.#token = token;
    try {
      refuseInside(storage, source, destination);
      this.#as = permissionsIn(storage, source) ?? OWNER_ONLY;
      this.#staging = new Staging(storage, destination, token, storage.look(source) ?? OWNER_ONLY);
    } catch (error) {
      throw fileError(error, 'make', destination);
    }
  }

  /** Begins a segment: the lines that follow belong to it. */
  segment(firstSeq: number): void {
    this.#doing(() => {
      this.#end();
      const path = join(this.#staging.path, segmentName(firstSeq));
      this.#file = this.#storage.open(path, 'create', this.#as);
      this.#segments.push(path);
    });
  }

  /** Adds the line `bytes[start, end)`, without its newline. */
  line(bytes: Buffer, start: number, end: number): void {
    this.#doing(() => {
      for (let from = start; from < end; ) {
        if (this.#used === BUFFER_BYTES) this.#flush();
        const to = Math.min(end, from + BUFFER_BYTES - this.#used);
        this.#used += bytes.copy(this.#buffer, this.#used, from, to);
        from = to;
      }
      if (this.#used === BUFFER_BYTES) this.#flush();
      this.#buffer[this.#used++] = NEWLINE;
    });
  }

  #flush(): void {
    for (let rest = this.#buffer.subarray(0, this.#used); rest.length > 0; )
      rest = rest.subarray((this.#file as StorageFile).append([rest]));
    this.#used = 0;
  }

  #end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#flush();
    this.#file = undefined;
    file.close();
  }

  async snapshot(header: SnapshotHeader, body: Iterable<Buffer>, pause: () => Promise<void>): Promise<void> {
    const place = { token: this.#token, as: this.#as, pause, fits: () => {}, stays: () => {} };
    await writeSnapshot(this.#storage, this.#staging.path, header, body, place);
  }

  /** Gives the log its name. Once this resolves, the log survives a crash. */
  async finish(meta: Meta): Promise<void> {
    try {
      this.#end();
      for (const path of this.#segments) {
        const file = this.#storage.open(path, 'read');
        await file.sync().finally(() => file.close());
      }
      const path = join(this.#staging.path, META_FILE);
      writeWhole(this.#storage, path, Buffer.from(encodeMeta(meta)), this.#as);
    } catch (error) {
      throw fileError(error, 'make', this.#destination);
    }
    this.#staging.commit();
  }

  discard(): void {
    this.#used = 0;
    this.#file?.close();
    this.#staging.discard();
  }

  #doing(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw fileError(error, 'make', this.#destination);
    }
  }
}
