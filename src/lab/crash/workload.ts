import { Wal, type WalOptions } from '../../index.ts';
import { noLock } from '../../lock/lock.ts';
import type { Surroundings } from '../../wal/surroundings.ts';
import { simulatedClock } from '../disk/sim-clock.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import { hexDigits, seeded } from '../seeded.ts';
import type { Note } from './promise.ts';

export const LOG = '/disk/.beads';
export const COPY = '/disk/copy';

/** What is done on a disk that crashes. Everything in it is the engine itself. */
export interface Workload {
  readonly name: string;
  readonly run: (author: Author) => Promise<void>;
}

/** Surroundings on a simulated disk: no time passes but that of the log, and what is random comes from a seed. */
export function surroundingsOn(storage: SimDisk, seed: number): Surroundings {
  const dice = seeded(seed);
  return { storage, clock: simulatedClock(), random: dice, randomHex: hexDigits(dice) };
}

/** Opens and appends for a workload, and notes what it tried and what it was told. */
export class Author {
  readonly #disk: SimDisk;
  readonly #prefix: string;
  #seed: number;
  #ids = 0;

  /** `prefix`: of its ids, and `seed`: no other author on the disk has the same. */
  constructor(disk: SimDisk, prefix: string, seed: number) {
    this.#disk = disk;
    this.#prefix = prefix;
    this.#seed = seed;
  }

  open(options: WalOptions = {}): Promise<Wal> {
    return Wal.openIn(surroundingsOn(this.#disk, this.#seed++), LOG, { lock: noLock(), ...options });
  }

  /** Appends an entry whose data has so many bytes; in a batch, that many. */
  async append(wal: Wal, bytes = 10, batch = 0): Promise<void> {
    const ids = Array.from({ length: Math.max(1, batch) }, () => `${this.#prefix}-${++this.#ids}`);
    const entries = ids.map((id) => ({ op: 'add', id, data: 'x'.repeat(bytes) }));
    this.#note({ kind: 'tried', ids });
    const { seq, durability } = await (batch > 0
      ? wal.appendBatch(entries)
      : wal.append(entries[0] as { op: string; id: string }));
    if (durability === 'sync') this.#note({ kind: 'acknowledged', ids, seq });
  }

  async backup(wal: Wal): Promise<void> {
    const { seq } = await wal.backup(COPY, { link: false });
    this.#note({ kind: 'copied', seq });
  }

  #note(note: Note): void {
    this.#disk.note(note);
  }
}
