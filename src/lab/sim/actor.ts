import { Wal, type WalError } from '../../index.ts';
import { noLock } from '../../lock/lock.ts';
import { LOG } from '../crash/workload.ts';
import { hexDigits, pick, seeded } from '../seeded.ts';
import { COUNTER } from './beliefs.ts';
import { faultyStorage } from './faulty-storage.ts';
import type { World } from './world.ts';

const MOST_AT_ONCE = 3;
/** After these a process opens the log anew. */
const OVER: readonly string[] = ['ERR_WAL_LATCHED', 'ERR_WAL_SYNC', 'ERR_WAL_IO'];

/** What an actor does, and what that is called. */
type Work = readonly [name: string, work: () => Promise<void>];

/** One process that writes to the log, and does what the dice say. */
export class Actor {
  readonly name: string;
  readonly #world: World;
  killed = false;
  #wal: Wal | undefined;
  #opening = false;
  #leaving = false;
  /** What it waits for. */
  readonly #doing: string[] = [];
  /** True while its own code is in the middle of something, and cannot do anything else. */
  #inside = false;
  #entries = 0;
  /** Until word is left of a failed sync nobody else can know of it: what comes in these microseconds is in doubt. */
  #leavesWord = false;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    void this.#open();
  }

  get isThere(): boolean {
    return !this.killed && (this.#wal !== undefined || this.#opening);
  }

  get isFree(): boolean {
    return !this.killed && !this.#opening && this.#doing.length < MOST_AT_ONCE;
  }

  get doing(): string {
    return this.#doing.join(', ') || 'opening';
  }

  get canInterlope(): boolean {
    return this.isFree && !this.#inside && this.#wal !== undefined;
  }

  /** A step is over: what it did in one stretch is done. */
  rest(): void {
    this.#leavesWord = false;
  }

  /** Does something that waits for others. */
  act(): void {
    const { dice } = this.#world;
    if (this.#wal === undefined) {
      void this.#open();
      return;
    }
    const append: Work = ['append', () => this.#append(1)];
    const works: readonly Work[] = [
      append,
      append,
      append,
      ['batch', () => this.#append(3)],
      ['increment', () => this.#increment()],
      ['read', () => this.#read()],
      ['compact', () => this.#compact()],
      ['close', () => this.#close()],
    ];
    void this.#do(...(pick(dice, works) as Work));
  }

  /** Closes the log when what it is doing is done, and does nothing else. */
  leave(): void {
    this.#leaving = true;
    if (this.#wal !== undefined) void this.#do('close', () => this.#close());
  }

  /** Appends in one stretch, between two calls that another makes. */
  interlope(): void {
    const { wal, ids, entries } = this.#newEntries(1);
    const { beliefs } = this.#world;
    this.#inside = true;
    try {
      const { seq } = wal.appendSync(entries[0] as { op: string; id: string });
      if (!this.killed) beliefs.acknowledged(ids, seq);
    } catch (error) {
      this.#rejected(ids, error);
    } finally {
      this.#inside = false;
    }
  }

  async #do(...[name, work]: Work): Promise<void> {
    this.#doing.push(name);
    this.#world.count(name);
    try {
      await work();
    } finally {
      this.#doing.splice(this.#doing.indexOf(name), 1);
    }
  }

  async #open(): Promise<void> {
    const world = this.#world;
    const { scheduler, dice, disk, segmentBytes } = world;
    const own = seeded(Math.floor(dice() * 2 ** 32));
    const actor = this;
    const storage = faultyStorage(disk, scheduler, {
      before: () => {
        if (this.#leavesWord) return;
        const was = this.#inside;
        this.#inside = true;
        world.between(this);
        this.#inside = was;
      },
      get killed() {
        return actor.killed;
      },
      room: (bytes) => (world.chance(world.hardships.full) ? Math.floor(dice() * bytes) : bytes),
      syncFails: () => {
        const fails = world.chance(world.hardships.syncFails);
        this.#leavesWord ||= fails;
        return fails;
      },
    });
    this.#opening = true;
    try {
      const surroundings = { storage, clock: scheduler.clock, random: own, randomHex: hexDigits(own) };
      const wal = await Wal.openIn(surroundings, LOG, { lock: noLock(), segmentBytes });
      if (this.killed) return;
      this.#wal = wal;
      if (this.#leaving) await this.#close();
    } catch (error) {
      if (!this.killed) this.#unexpected('open', error, ['ERR_WAL_NO_SPACE', 'ERR_WAL_SYNC', 'ERR_WAL_IO']);
    } finally {
      this.#opening = false;
    }
  }

  #newEntries(count: number) {
    const ids = Array.from({ length: count }, () => `${this.name}-${++this.#entries}`);
    const size = pick(this.#world.dice, [0, 10, 100, 1000]) as number;
    const entries = ids.map((id) => ({ op: 'add', id, data: 'x'.repeat(size) }));
    this.#world.beliefs.tried(ids);
    return { wal: this.#wal as Wal, ids, entries };
  }

  async #append(count: number): Promise<void> {
    const { wal, ids, entries } = this.#newEntries(count);
    try {
      const [first] = entries;
      const single = count === 1 && first !== undefined;
      const { seq } = await (single ? wal.append(first) : wal.appendBatch(entries));
      if (!this.killed) this.#world.beliefs.acknowledged(ids, seq);
    } catch (error) {
      this.#rejected(ids, error);
    }
  }

  #rejected(ids: readonly string[], error: unknown): void {
    if (this.killed) return;
    const { outcome, code } = error as WalError;
    this.#world.count(`append ${code}`);
    if (outcome === 'not-written') this.#world.beliefs.refused(ids);
    else if (outcome !== 'unknown')
      this.#world.fault(`${this.name}: an append was rejected without an outcome: ${error}`);
    if (OVER.includes(code)) void this.#close();
  }

  async #increment(): Promise<void> {
    try {
      const table = await (this.#wal as Wal).table<number>();
      await table.update(COUNTER, (value = 0) => value + 1);
      table.close();
      if (!this.killed) this.#world.beliefs.incremented();
    } catch (error) {
      this.#unexpected('update', error, [...OVER, 'ERR_WAL_NO_SPACE', 'ERR_WAL_CLOSED', 'ERR_WAL_CONFLICT']);
    }
  }

  async #read(): Promise<void> {
    const wal = this.#wal as Wal;
    try {
      let last = 0;
      for await (const { seq } of wal.read({ from: await wal.oldest() })) {
        if (last !== 0 && seq !== last + 1) this.#world.fault(`${this.name} read entry ${seq} after ${last}`);
        last = seq;
      }
    } catch (error) {
      this.#unexpected('read', error, ['ERR_WAL_COMPACTED', 'ERR_WAL_CLOSED']);
    }
  }

  async #compact(): Promise<void> {
    try {
      await (this.#wal as Wal).compact({ retain: pick(this.#world.dice, [1, 2]) as number });
    } catch (error) {
      this.#unexpected('compact', error, [...OVER, 'ERR_WAL_NO_SPACE', 'ERR_WAL_CLOSED']);
    }
  }

  async #close(): Promise<void> {
    const wal = this.#wal;
    if (wal === undefined) return;
    this.#wal = undefined;
    this.#opening = true;
    try {
      await wal.close();
    } catch (error) {
      this.#unexpected('close', error, []);
    } finally {
      this.#opening = false;
    }
  }

  #unexpected(doing: string, error: unknown, expected: readonly string[]): void {
    if (this.killed) return;
    const { code } = error as WalError;
    this.#world.count(`${doing} ${code}`);
    if (OVER.includes(code)) void this.#close();
    if (!expected.includes(code)) this.#world.fault(`${this.name}: ${doing} was rejected: ${error}`);
  }
}
