import { restoreLog } from '../../src/copy/restore.ts';
import { META_FILE, segmentName, segmentSeq } from '../../src/format/names.ts';
import {
  type AppendOptions,
  type AppendResult,
  type Entry,
  Wal,
  WalError,
  type WalOptions,
} from '../../src/index.ts';
import { hexDigits, seeded } from '../../src/lab/seeded.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import type { Environment } from '../../src/setup/environment.ts';
import { readWhole } from '../../src/storage/files.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { simulatedClock } from '../disk/sim-clock.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { COUNTER, type Note, type RepairMode } from './oracle.ts';

export const LOG = '/disk/.beads';
export const COPY = '/disk/copy';
/** Segments of a few lines. */
export const SMALL = { segmentBytes: 4096 } as const;
const FIRST = `${LOG}/${segmentName(1)}`;

/** What is done on a disk that crashes. Everything in it is the engine itself. */
export interface Workload {
  readonly name: string;
  readonly run: (author: Author) => Promise<void>;
  /** How much of it is tried where it takes long: each recovery is a repair. */
  readonly bounds?: { readonly levels: number; readonly oneByOne: number };
}

/** What a workload sees for itself. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** Surroundings on a simulated disk: no time passes but that of the log, and what is random comes from a seed. */
export function environmentOn(storage: Storage, seed: number): Environment {
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
    return Wal.openIn(environmentOn(this.#disk, this.#seed++), LOG, { lock: noLock(), ...options });
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

  /** Appends an entry of which nothing is promised, and answers what came of it. */
  async appendUntold(wal: Wal): Promise<string> {
    const [entry] = this.#entries(10, 1) as [Entry];
    try {
      await wal.append(entry);
      return 'appended';
    } catch (error) {
      return error instanceof WalError ? error.code : String(error);
    }
  }

  /** Notes that entries of these ids may turn up. */
  tried(ids: readonly string[]): void {
    this.#note({ kind: 'tried', ids });
  }

  /** Does something just before bytes reach the end of a file for the next time. */
  beforeNextAppend(work: () => void): void {
    this.#disk.meanwhile.append = work;
  }

  /** Does something while the next sync is under way. */
  duringNextSync(work: () => void): void {
    this.#disk.meanwhile.sync = work;
  }

  /** Another dies in the middle of a line. */
  tear(): void {
    this.#disk.open(FIRST, 'append-existing').append([Buffer.from('{"crc":"0badcafe","id":"torn')]);
  }

  /** The bytes of the first segment. */
  segment(): Buffer {
    const file = this.#disk.open(FIRST, 'read');
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0);
    return bytes;
  }

  /** Puts another file in the place of the first segment, as a checkout does, and syncs that. */
  replace(bytes: Buffer): void {
    const file = this.#disk.open(`${FIRST}.new`, 'create');
    file.append([bytes]);
    file.syncNow();
    this.#disk.rename(`${FIRST}.new`, FIRST);
    this.#disk.syncDirectory(LOG);
  }

  /** Writes over the first segment in place, and syncs that. */
  rewrite(bytes: Buffer): void {
    const file = this.#disk.open(FIRST, 'update');
    file.writeAt(bytes, 0);
    file.syncNow();
  }

  /** Does something during the next sync in which a file has its temporary name. */
  whileFileIsMade(work: (name: string) => void): void {
    this.duringNextSync(() => {
      const name = this.#disk.list(LOG).find((each) => each.endsWith('.tmp'));
      if (name === undefined) this.whileFileIsMade(work);
      else work(name);
    });
  }

  /** Changes the byte in the middle of a file of the log. */
  spoil(name: string): void {
    const file = this.#disk.open(`${LOG}/${name}`, 'update');
    file.writeAt(Buffer.from('?'), file.size() >> 1);
  }

  /** An author on a copy of the disk, which goes its own way from here. */
  fork(prefix: string): Author {
    return new Author(new SimDisk(this.#disk.image.copy()), prefix, this.#seed + 100);
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

  async restore(): Promise<void> {
    const { seq } = await restoreLog(environmentOn(this.#disk, this.#seed++), LOG, COPY);
    this.#note({ kind: 'copied', seq });
  }

  /** A byte of an entry's line, by its number among this author's, is another now: the entry is lost. */
  damage(number: number, repair: RepairMode): void {
    const id = `${this.#prefix}-${number}`;
    const lies = (name: string) => this.#bytesOf(name).indexOf(`"id":"${id}"`);
    const name = this.#segments().find((each) => lies(each) >= 0) as string;
    const at = lies(name) - 10;
    this.#note({ kind: 'damaged', ids: [id], repair });
    const file = this.#disk.open(`${LOG}/${name}`, 'update');
    file.writeAt(Buffer.from('"'), at);
    file.syncNow();
  }

  takeMetaAway(): void {
    this.#note({ kind: 'damaged', ids: [], repair: 'salvage' });
    this.#disk.remove(`${LOG}/${META_FILE}`);
    this.#disk.syncDirectory(LOG);
  }

  async repair(mode: RepairMode): Promise<void> {
    await repairLog(environmentOn(this.#disk, this.#seed++), LOG, { mode }, noLock());
  }

  #segments(): string[] {
    return this.#disk.list(LOG).filter((name) => segmentSeq(name) !== undefined);
  }

  #bytesOf(name: string): Buffer {
    return readWhole(this.#disk, `${LOG}/${name}`) ?? Buffer.alloc(0);
  }

  #note(note: Note): void {
    this.#disk.note(note);
  }
}
