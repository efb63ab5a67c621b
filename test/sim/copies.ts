import { COPY } from '../crash/workload.ts';
import type { SimDisk } from '../disk/sim-disk.ts';

const MOST_BACKUPS = 2;
const MOST_RESTORES = 2;

/** A copy of the log, and up to which entry it must hold what was acknowledged. */
export interface Copy {
  readonly path: string;
  readonly seq: number;
}

/** The backups of a log, and the logs that were restored of it or of them. */
export class Copies {
  /** How often bytes of the log's files were changed in place. */
  harms = 0;
  #backups = 0;
  #restores = 0;
  #backup: (Copy & { readonly linked: boolean }) | undefined;
  /** By path: of one whose making was cut short nothing is promised but that it is whole, if it is there. */
  readonly #restored = new Map<string, number>();

  /** Where a backup is to be made; undefined where there are enough. */
  newBackup(): string | undefined {
    return this.#backups < MOST_BACKUPS ? `${COPY}-${++this.#backups}` : undefined;
  }

  /** Where a log is to be restored; undefined where there are enough. */
  newRestore(): string | undefined {
    if (this.#restores >= MOST_RESTORES) return undefined;
    const path = `${COPY}-restored-${++this.#restores}`;
    this.#restored.set(path, 0);
    return path;
  }

  get backup(): string | undefined {
    return this.#backup?.path;
  }

  /** `harms`: how many there had been when it began. */
  backedUp(path: string, seq: number, linked: boolean, harms: number): void {
    if (!linked || harms === this.harms) this.#backup = { path, seq, linked };
  }

  restored(path: string, seq: number): void {
    this.#restored.set(path, seq);
  }

  /** Entries after that one are not acknowledged any more, and their numbers may be given again. */
  heldTo(seq: number): void {
    if (this.#backup !== undefined) this.#backup = { ...this.#backup, seq: Math.min(this.#backup.seq, seq) };
    for (const [path, reached] of this.#restored) this.#restored.set(path, Math.min(reached, seq));
  }

  /** Bytes of the log's files were changed in place: what is linked to them, or being linked, has changed with them. */
  harmed(): void {
    this.harms++;
    if (this.#backup?.linked) this.#backup = undefined;
  }

  /** Those that are there, or must be. */
  *there(disk: SimDisk): Generator<Copy> {
    if (this.#backup !== undefined) yield this.#backup;
    for (const [path, seq] of this.#restored)
      if (seq > 0 || disk.look(path) !== undefined) yield { path, seq };
  }
}
