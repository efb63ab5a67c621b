import {
  type AppendOptions,
  type AppendResult,
  type Entry,
  Wal,
  WalError,
  type WalOptions,
} from '../../index.ts';
import { noLock } from '../../lock/lock.ts';
import type { Surroundings } from '../../wal/surroundings.ts';
import { simulatedClock } from '../disk/sim-clock.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import { hexDigits, seeded } from '../seeded.ts';
import { COUNTER, type Note } from './promise.ts';

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
    const entries = this.#entries(bytes, Math.max(1, batch));
    const [first] = entries;
    this.#told(entries, await (batch > 0 ? wal.appendBatch(entries) : wal.append(first as Entry)));
  }

  /** Appends an entry whose data has so many bytes, in one stretch. */
  appendNow(wal: Wal, options: AppendOptions = {}, bytes = 10): AppendResult {
    const [entry] = this.#entries(bytes, 1) as [Entry];
    return this.#told([entry], wal.appendSync(entry, options));
  }

  /** Appends a small entry with options, and answers what came of it. */
  async appendWith(wal: Wal, options: AppendOptions): Promise<AppendResult | WalError> {
    const [entry] = this.#entries(10, 1) as [Entry];
    try {
      return this.#told([entry], await wal.append(entry, options));
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      if (error.outcome === 'not-written') this.#note({ kind: 'refused', ids: [entry.id] });
      return error;
    }
  }

  /** Adds one to a counter, and answers what it made of it. */
  async increment(wal: Wal): Promise<number> {
    this.#note({ kind: 'tried', ids: [COUNTER] });
    const table = await wal.table<number>();
    const item = await table.update(COUNTER, (value = 0) => value + 1);
    table.close();
    return item?.value ?? 0;
  }

  /** Makes the counter that, in one stretch. */
  setCounter(wal: Wal, value: number): void {
    wal.appendSync({ op: 'set', id: COUNTER, data: value });
  }

  /** Does something just before bytes reach the end of a file for the next time. */
  beforeNextAppend(work: () => void): void {
    this.#disk.meanwhile.append = work;
  }

  /** Does something while the next sync is under way. */
  duringNextSync(work: () => void): void {
    this.#disk.meanwhile.sync = work;
  }

  /** Notes that a durable follower has had this entry. */
  saw(id: string, seq: number): void {
    this.#note({ kind: 'acknowledged', ids: [id], seq });
  }

  #entries(bytes: number, count: number): Entry[] {
    const ids = Array.from({ length: count }, () => `${this.#prefix}-${++this.#ids}`);
    this.#note({ kind: 'tried', ids });
    return ids.map((id) => ({ op: 'add', id, data: 'x'.repeat(bytes) }));
  }

  /** Notes what was acknowledged. What was there already, by its key, was not written again. */
  #told(entries: readonly Entry[], result: AppendResult): AppendResult {
    const ids = entries.map(({ id }) => id);
    const { seq, durability, duplicate } = result;
    if (duplicate) this.#note({ kind: 'refused', ids });
    else if (durability === 'sync') this.#note({ kind: 'acknowledged', ids, seq });
    return result;
  }

  async backup(wal: Wal): Promise<void> {
    const { seq } = await wal.backup(COPY, { link: false });
    this.#note({ kind: 'copied', seq });
  }

  #note(note: Note): void {
    this.#disk.note(note);
  }
}
