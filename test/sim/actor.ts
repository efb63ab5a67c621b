import { type Entry, lastData, type Table, Wal, type WalError } from '../../src/index.ts';
import { type Dice, hexDigits, pick, seeded } from '../../src/lab/seeded.ts';
import { systemError } from '../../src/lab/wrapped-storage.ts';
import type { Lock } from '../../src/lock/lock.ts';
import type { Environment } from '../../src/setup/environment.ts';
import { LOG } from '../crash/workload.ts';
import { isRepair, type OperationName, type Trouble } from './decisions.ts';
import { expectedOf, OF_DAMAGE } from './expected.ts';
import type { Call } from './fault-rates.ts';
import { faultyStorage } from './faulty-storage.ts';
import { type Durability, idsOf, type KeyAnswer } from './key-oracle.ts';
import type { SimWorld } from './model.ts';
import { entriesOf, type Hand, keyedEntries, refused, takenBy, WORK } from './operations.ts';
import { REPAIRS, type Repairer } from './repairs.ts';

const MOST_AT_ONCE = 3;
/** After these a process opens the log anew. */
const OVER: readonly string[] = ['ERR_WAL_LATCHED', 'ERR_WAL_SYNC', 'ERR_WAL_IO'];
const INTERLOPER_BYTES = [0, 10, 100, 1000, 1000];

/** One process that writes to the log, and does what it is told. */
export class Actor {
  readonly name: string;
  readonly slot: number;
  readonly #world: SimWorld;
  /** Its own chance. */
  readonly #dice: Dice;
  readonly #durability: Durability;
  killed = false;
  #wal: Wal | undefined;
  #table: Promise<Table<number>> | undefined;
  #opening = false;
  #leaving = false;
  #stop = new AbortController();
  /** What it waits for. */
  readonly #doing: OperationName[] = [];
  /** True while its own code is in the middle of something, and cannot do anything else. */
  #inside = false;
  /** What it began last; and how often it has made each call since. */
  #since = 'it began';
  #calls = new Map<Call, number>();
  #entries = 0;
  /** Until word is left of a failed sync nobody else can know of it: what comes in these microseconds is in doubt. */
  #leavesWord = false;
  /** The latest checkout after which it has looked where the log's path leads, has also read there, has begun a sync. */
  #looked = 0;
  #read = 0;
  #synced = 0;

  constructor(world: SimWorld, name: string, slot: number) {
    this.#world = world;
    this.name = name;
    this.slot = slot;
    this.#dice = world.diceOf(name);
    this.#durability = world.climate.os && this.#dice() < 0.5 ? 'os' : 'sync';
  }

  get isThere(): boolean {
    return !this.killed && (this.#wal !== undefined || this.#opening || this.isRepairing);
  }

  get isFree(): boolean {
    return !this.killed && !this.#opening && this.#doing.length < MOST_AT_ONCE;
  }

  get doing(): string {
    return this.#doing.join(', ') || 'opening';
  }

  get isRepairing(): boolean {
    return !this.killed && this.#doing.some(isRepair);
  }

  get canInterlope(): boolean {
    return this.isFree && !this.#inside && this.#wal !== undefined;
  }

  /** A step is over: what it did in one stretch is done. */
  rest(): void {
    this.#leavesWord = false;
  }

  open(): void {
    void this.#open();
  }

  /** Does something that waits for others. */
  act(name: OperationName, step: number, seed: number): void {
    this.#since = `step ${step}`;
    this.#calls = new Map();
    const wal = this.#wal;
    if (isRepair(name)) void this.#do(name, () => REPAIRS[name](this.#repairer(seed)));
    else if (wal === undefined) void this.#open();
    else if (name === 'close') void this.#do(name, () => this.#close());
    else void this.#do(name, () => WORK[name](this.#hand(wal, seed)));
  }

  /** Closes the log when what it is doing is done, and does nothing else. */
  leave(): void {
    this.#leaving = true;
    this.#stop.abort();
    if (this.#wal !== undefined) void this.#do('close', () => this.#close());
  }

  /** Where it stands at such a call: of all that happened before, only what it is in the middle of counts. */
  placeOf(call: Call): string {
    return `${call} ${this.#calls.get(call)} of ${this.name} since ${this.#since}`;
  }

  /** Appends in one stretch, between two calls that another makes; `meanwhile`: what that one is in the middle of. */
  interlope(seed: number, meanwhile: string): void {
    const before = { since: this.#since, calls: this.#calls };
    this.#since = `(${meanwhile})`;
    this.#calls = new Map();
    this.#interlope(seed);
    this.#since = before.since;
    this.#calls = before.calls;
  }

  #interlope(seed: number): void {
    const world = this.#world;
    const wal = this.#wal as Wal;
    const dice = seeded(seed);
    const singles = [...world.unsettled].filter((each) => idsOf(each).length === 1);
    const key = dice() < 0.1 ? pick(dice, singles) : undefined;
    const ids = key === undefined ? this.#newIds(1) : [key];
    const bytes = pick(dice, INTERLOPER_BYTES) as number;
    const [entry] = key === undefined ? entriesOf(ids, bytes) : keyedEntries(key, 'usual');
    world.oracle.tried(ids);
    const { highest } = world.oracle;
    world.tell(`  meanwhile ${this.name} appends ${ids}`);
    this.#inside = true;
    const { count: began } = world.checkouts;
    try {
      const { seq, duplicate = false } = wal.appendSync(entry as Entry, key === undefined ? {} : { key });
      const keyed: KeyAnswer | undefined =
        key === undefined ? undefined : { key, content: 'usual', seq, duplicate, highest };
      if (!this.killed) this.#acknowledged(ids, seq, began, true, keyed);
    } catch (error) {
      if (this.killed) return;
      if (key === undefined) refused(world, ids, error as WalError);
      if (takenBy(error) !== undefined) return;
      this.#ended('append', error);
    } finally {
      this.#inside = false;
    }
  }

  /** What comes between it and the disk, or the lock. Throws where it is dead, or dies of it. */
  #meet(call: Call, path: string): Trouble | undefined {
    if (this.killed) throw systemError('EKILLED');
    const world = this.#world;
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    world.note(this.name, call, path);
    let trouble: Trouble | undefined;
    if (!this.#leavesWord) {
      const was = this.#inside;
      this.#inside = true;
      trouble = world.meet(this, call, path);
      this.#inside = was;
      if (this.killed) throw systemError('EKILLED');
    }
    if (call === 'look') this.#looked = world.checkouts.count;
    if (call === 'read') this.#read = this.#looked;
    if (call === 'syncNow') this.#synced = world.checkouts.count;
    if (trouble?.kind === 'sync-fails' && call !== 'sync') this.#leavesWord = true;
    return trouble;
  }

  #letOthersIn(dice: number): void {
    const was = this.#inside;
    this.#inside = true;
    this.#world.comeBetween(this, seeded(dice));
    this.#inside = was;
    if (this.killed) throw systemError('EKILLED');
  }

  #environment(): Environment {
    const world = this.#world;
    const { scheduler } = world;
    const storage = faultyStorage(world.disk, {
      meet: (call, path) => this.#meet(call, path),
      pause: () => scheduler.pause(this),
      endsCut: () => {
        world.leaveOut(this);
        throw systemError('EKILLED');
      },
      comeBetween: (dice) => this.#letOthersIn(dice),
      syncFailed: () => {
        this.#leavesWord = true;
      },
    });
    const random = seeded(Math.floor(this.#dice() * 2 ** 32));
    const clock = scheduler.clockOf(this);
    return { storage: world.change(storage), clock, random, randomHex: hexDigits(random) };
  }

  #lock(): Lock {
    return this.#world.lock.of(this, (call) => this.#meet(call, '')?.kind);
  }

  async #open(): Promise<void> {
    const world = this.#world;
    const { segmentBytes, lock, git, autoCompact, keyWindow } = world.climate;
    const isThere = world.disk.look(`${LOG}/wal.json`) !== undefined;
    const environment = this.#environment();
    this.#opening = true;
    this.#stop = new AbortController();
    try {
      const wal = await Wal.openIn(environment, LOG, {
        lock: this.#lock(),
        lockTimeoutMs: lock.timeoutMs,
        strictLock: lock.strict,
        durability: this.#durability,
        segmentBytes,
        git,
        keyWindow: isThere ? undefined : keyWindow,
        autoCompact: autoCompact && { minBytes: segmentBytes, ratio: 0.5 },
        fold: lastData,
        onRewound: ({ from, to, head }) => {
          if (!this.killed)
            world.rewound(this.name, `entries ${from} to ${to} are gone of a log that ends at ${head.seq}`);
        },
      });
      world.isMade = true;
      if (this.killed) return;
      world.count('open');
      this.#wal = wal;
      if (this.#leaving) await this.#close();
    } catch (error) {
      this.#ended('open', error);
    } finally {
      this.#opening = false;
    }
  }

  #repairer(seed: number): Repairer {
    const actor = this;
    return {
      world: this.#world,
      dice: seeded(seed),
      environment: this.#environment(),
      lock: this.#lock(),
      get isAlive() {
        return !actor.killed;
      },
    };
  }

  #hand(wal: Wal, seed: number): Hand {
    const world = this.#world;
    const actor = this;
    const dice = seeded(seed);
    return {
      wal,
      world,
      dice,
      durability: this.#durability,
      signal: this.#stop.signal,
      newIds: (count) => this.#newIds(count),
      pause: () => world.scheduler.pause(this),
      table: () => {
        if (this.#table === undefined || dice() < 0.2) this.#table = wal.table<number>();
        return this.#table;
      },
      get isAlive() {
        return !actor.killed;
      },
      acknowledged: (ids, seq, began, keyed) => this.#acknowledged(ids, seq, began, false, keyed),
    };
  }

  #newIds(count: number): string[] {
    return Array.from({ length: count }, () => `${this.name}-${++this.#entries}`);
  }

  /** `began`: after which checkout the append was called for. `atOnce`: nobody came between the log's answer and this. */
  #acknowledged(
    ids: readonly string[],
    seq: number,
    began: number,
    atOnce: boolean,
    keyed?: KeyAnswer,
  ): void {
    const world = this.#world;
    world.count('acknowledged', ids.length);
    world.tell(`  ${this.name} is told that ${ids} is entry ${seq}`);
    world.note(this.name, 'acknowledged', String(seq));
    const { checkouts, oracle } = world;
    const { count } = checkouts;
    if (began === count || (atOnce && this.#read === count)) {
      // What had been acknowledged before was so in another commit.
      const answer = keyed && { ...keyed, highest: began === count ? keyed.highest : 0 };
      const wrong = oracle.acknowledged(ids, seq, this.#durability, answer);
      if (wrong !== undefined) world.fault(wrong);
      if (this.#durability === 'sync') checkouts.keep();
    } else if (!checkouts.holds(world.disk, ids, began)) {
      world.fault(`${ids} was acknowledged, and is in none of the logs that lay there meanwhile`);
    } else if (atOnce && this.#synced === count) {
      world.fault(`${ids} was acknowledged, though the log had been replaced before it was synced`);
    }
  }

  async #do(name: OperationName, work: () => Promise<void>): Promise<void> {
    this.#doing.push(name);
    this.#world.count(name);
    this.#world.tell(`${this.name} begins to ${name}`);
    try {
      await work();
    } catch (error) {
      this.#ended(name, error);
    } finally {
      this.#doing.splice(this.#doing.indexOf(name), 1);
    }
  }

  async #close(): Promise<void> {
    const wal = this.#wal;
    if (wal === undefined) return;
    this.#wal = undefined;
    this.#table = undefined;
    this.#opening = true;
    try {
      await wal.close();
    } finally {
      this.#opening = false;
    }
  }

  /** What it did was rejected: that must be of what can go wrong here. */
  #ended(doing: OperationName | 'open', error: unknown): void {
    if (this.killed) return;
    const world = this.#world;
    const { code, message } = error as WalError;
    world.count(`${doing} ${code}`);
    world.tell(`  ${this.name} is told: ${code}: ${message}`);
    const isNoLog = code === 'ERR_WAL_NOT_FOUND' && !world.isMade;
    if (!isNoLog && !expectedOf(world.climate, doing).has(code) && !(world.isMarred && OF_DAMAGE.has(code)))
      world.fault(
        `${this.name}: ${doing} was rejected: ${error instanceof Error ? `${code}: ${message}` : error}`,
      );
    if (OVER.includes(code)) void this.#do('close', () => this.#close());
    else if (code === undefined) world.fault((error as Error).stack ?? String(error));
    else this.#table = undefined;
  }
}
