import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../errors/errors.ts';
import { snapshotSeq } from '../../format/names.ts';
import { Wal, type WalError } from '../../index.ts';
import type { Storage } from '../../storage/storage.ts';
import { imageAfter } from '../crash/fates.ts';
import { COPY, LOG, surroundingsOn } from '../crash/workload.ts';
import { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { type Dice, pick, seeded } from '../seeded.ts';
import { Actor } from './actor.ts';
import { Beliefs } from './beliefs.ts';
import { Checkouts } from './checkouts.ts';
import {
  type Decision,
  type Decisions,
  GivenDecisions,
  RolledDecisions,
  rollSeed,
  type Trouble,
  type Work,
} from './decisions.ts';
import { fateOf } from './fate.ts';
import { type Call, type Climate, climateOf, isCalm } from './hardships.ts';
import { Scheduler } from './scheduler.ts';
import { SimLock } from './sim-lock.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly steps: number;
  /** What happens. Default: as the seed's dice fall. */
  readonly decisions?: readonly Decision[] | undefined;
  /** What the engine has for a disk in place of the simulated one: to see that what it breaks is found. */
  readonly change?: ((storage: Storage) => Storage) | undefined;
  /** Called with what happens, line by line. */
  readonly tell?: ((line: string) => void) | undefined;
}

/** What was seen of one seed. */
export interface WorldReport {
  readonly seed: number;
  /** How often a process began something, went on from where it waited, or came between two calls of another. */
  readonly steps: number;
  /** How often the disk or the lock was called. */
  readonly calls: number;
  /** How often each thing happened, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
  /** All that was decided, and came to pass. */
  readonly decisions: readonly Decision[];
  /** The same for two runs in which the same calls were made, in the same order, with the same end. */
  readonly digest: string;
}

const LOOK_EVERY = 100;
/** What leaves half a line. */
const TEARING = { fails: true, full: true, split: true };
const MOST_DEPTH = 2;
const MOST_BACKUPS = 2;
const HANGS_AFTER = 10_000;
const LONGEST_JUMP_MS = 3 * 3_600_000;
const BURST = 12;

/** Some processes and a disk, in which everything that happens follows from a seed. */
export class World {
  readonly scheduler = new Scheduler();
  readonly climate: Climate;
  readonly checkouts = new Checkouts();
  readonly lock: SimLock;
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  /** Keys of what nobody knows to be in the log, and everybody may append again. */
  readonly unsettled = new Set<string>();
  readonly change: (storage: Storage) => Storage;
  readonly tell: (line: string) => void;
  readonly decisions: Decision[] = [];
  beliefs: Beliefs;
  disk: SimDisk;
  steps = 0;
  calls = 0;
  readonly #seed: number;
  readonly #decider: Decisions;
  /** What the disk began with. */
  #before = new Image();
  readonly #actors: (Actor | undefined)[];
  #depth = 0;
  /** Whether others append in the middle of a write. */
  #isBetween = false;
  #trace = 0;
  #backups = 0;
  #backup: { readonly path: string; seq: number } | undefined;

  constructor({ seed, decisions, change, tell }: WorldOptions) {
    this.#seed = seed;
    this.climate = climateOf(this.diceOf('climate'));
    const { slots, hardships, lock, keyWindow } = this.climate;
    this.beliefs = new Beliefs(keyWindow);
    this.#decider =
      decisions === undefined ? new RolledDecisions(seed, slots, hardships) : new GivenDecisions(decisions);
    this.change = change ?? ((storage) => storage);
    this.tell = tell ?? (() => {});
    this.lock = new SimLock(lock.kind, this.scheduler);
    this.#actors = new Array(slots).fill(undefined);
    this.disk = this.#newDisk();
    // What lies above the log was there before, and kept.
    this.disk.makeDirectory(dirname(LOG));
    this.disk.syncDirectory('/');
  }

  /** Dice of its own for whatever has that name. */
  diceOf(name: string): Dice {
    return seeded(crc32(name, this.#seed));
  }

  count(what: string, times = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + times;
  }

  fault(what: string): void {
    this.faults.push(what);
    this.tell(`FAULT: ${what}`);
  }

  /** A process was told that acknowledged entries are gone: only a checkout, or a crash where syncs are not waited for, takes any. */
  rewound(who: string, what: string): void {
    this.count('rewound');
    if (this.climate.hardships.checkout === 0 && !this.climate.os) this.fault(`${who} was told that ${what}`);
  }

  /** Something that is the same whenever the same happens. */
  note(who: string, what: string, about: string): void {
    this.#trace = crc32(`${who} ${what} ${about}\n`, this.#trace);
  }

  /** Between two calls of an actor anything may happen. Answers what goes wrong with the call itself. */
  meet(actor: Actor, call: Call, path: string): Trouble | undefined {
    this.calls++;
    const trouble = this.#decider.troubleAt(call, () => actor.placeOf(call));
    if (trouble === undefined) return undefined;
    const place = actor.placeOf(call);
    const decision = { kind: 'trouble', place, trouble } as const;
    this.decisions.push(decision);
    const before = this.#trace;
    const takeBack = () => {
      this.decisions.splice(this.decisions.indexOf(decision), 1);
      this.#trace = before;
    };
    this.note(actor.name, 'meets', trouble.kind);
    const where = `at ${place} (${path.slice(LOG.length + 1)})`;
    const dice = seeded(trouble.dice);
    // Half a line between the two parts of another's write is a doubt.
    if (this.#isBetween && call === 'append' && trouble.kind in TEARING) {
      takeBack();
      return undefined;
    }
    switch (trouble.kind) {
      case 'crash':
        this.#crash(where, dice);
        break;
      case 'kill':
        this.tell(`  ${where}, it is killed`);
        this.#kill(actor);
        break;
      case 'interloper':
        if (!this.#interlope(actor, where, place, dice)) takeBack();
        break;
      case 'pages':
        this.count('pages');
        this.#interlope(actor, where, place, dice);
        return trouble;
      case 'jump':
        this.#jump(where, dice);
        break;
      case 'checkout':
        if (!this.#checkout(where, dice, call === 'sync')) takeBack();
        break;
      default:
        this.count(trouble.kind);
        this.tell(`  ${where}: ${trouble.kind}`);
        return trouble;
    }
    return undefined;
  }

  /** Others append in the middle of an actor's write. */
  comeBetween(actor: Actor, dice: Dice): void {
    const place = `the middle of ${actor.placeOf('append')}`;
    this.#isBetween = true;
    this.#interlope(actor, `in ${place}`, place, dice);
    this.#isBetween = false;
  }

  #interlope(actor: Actor, where: string, place: string, dice: Dice): boolean {
    if (this.#depth >= MOST_DEPTH) return false;
    const other = pick(
      dice,
      this.#actors.filter((each) => each !== actor && each?.canInterlope),
    );
    if (other === undefined) return false;
    const times = dice() < 0.1 ? Math.ceil(dice() * BURST) : 1;
    this.tell(`  ${where}, ${other.name} comes first`);
    this.#depth++;
    for (let i = 0; i < times && other.canInterlope; i++) {
      this.count('interlopers');
      this.steps++;
      other.interlope(rollSeed(dice), `${place}, ${i}`);
    }
    this.#depth--;
    return true;
  }

  #kill(actor: Actor): void {
    this.count('kills');
    actor.killed = true;
    this.#actors[actor.slot] = undefined;
    this.scheduler.forget(actor);
    this.lock.died(actor);
  }

  /** The power goes: what was not synced is kept, lost or cut by the dice, and nobody lives on. */
  #crash(where: string, dice: Dice): void {
    this.tell(`  ${where}, the power goes`);
    for (const actor of this.#actors) if (actor !== undefined) this.#kill(actor);
    this.count('crashes');
    const { effects } = this.disk;
    const fate = fateOf(effects, dice);
    this.tell(
      `  lost are ${fate.lost.size} writes and names, damaged are ${fate.damaged?.length ?? 0} writes`,
    );
    this.#before = imageAfter(this.#before, effects, effects.length, fate);
    this.disk = this.#newDisk();
    this.beliefs.crashed();
    // What it has of what the log lost then, its numbers given anew, is nobody's fault.
    if (this.#backup !== undefined) this.#backup.seq = Math.min(this.#backup.seq, this.beliefs.highest);
    this.checkouts.crashed(this.disk);
  }

  #jump(where: string, dice: Dice): void {
    this.count('jumps');
    if (dice() < 0.3) {
      const ms = dice() * LONGEST_JUMP_MS;
      this.tell(`  ${where}, all sleep for ${Math.round(ms)} ms`);
      this.scheduler.pass(ms);
      return;
    }
    const ms = Math.round((2 * dice() - 1) * LONGEST_JUMP_MS);
    this.tell(`  ${where}, the wall clock is set by ${ms} ms`);
    this.scheduler.setWallClock(ms);
  }

  /** `outside`: whoever makes the call is not in the middle of a turn. */
  #checkout(where: string, dice: Dice, outside: boolean): boolean {
    // What a writer between its last look and its write would do to a file rewritten in place nobody can undo; and what a
    // crash would leave of it is anybody's guess.
    const inPlace = outside && this.#depth === 0 && this.climate.hardships.crash === 0;
    const done = this.checkouts.work(this.disk, this.beliefs, dice, inPlace);
    if (done === undefined) return false;
    this.count(done.beliefs === this.beliefs ? 'commits' : 'checkouts');
    this.beliefs = done.beliefs;
    this.tell(`  ${where}, ${done.how}`);
    return true;
  }

  /** Lives through so many steps, and then looks what became of it all. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.faults.length === 0; step++) {
      const work = this.#decider.workAt(step);
      if (work !== undefined && this.#begin(work)) {
        this.decisions.push(work);
        this.steps++;
        await this.#settle();
      }
      await this.#goOn(step);
      if (step % LOOK_EVERY === LOOK_EVERY - 1) await this.#look();
    }
    for (const actor of this.#actors) actor?.leave();
    await this.#settle();
    for (let i = 0; i < HANGS_AFTER && this.#actors.some((actor) => actor?.isThere); i++)
      await this.#goOn(steps + i);
    for (const actor of this.#actors) {
      if (actor?.isThere) this.fault(`${actor.name} does not come to an end: it hangs in ${actor.doing}`);
    }
    await this.#look();
    await this.#lookAtBackup();
  }

  #begin({ step, slot, name, dice }: Work): boolean {
    const actor = this.#actors[slot];
    if (actor === undefined) {
      const opener = new Actor(this, `p${step}`, slot);
      this.#actors[slot] = opener;
      this.tell(`${opener.name} opens the log`);
      opener.open();
      return true;
    }
    if (!actor.isFree) return false;
    actor.act(name, step, dice);
    return true;
  }

  /** Lets one of those that wait go on. */
  async #goOn(step: number): Promise<void> {
    const { waiting } = this.scheduler;
    if (waiting === 0) return;
    const which = waiting === 1 ? 0 : this.#decider.turnAt(step, waiting);
    if (which > 0) this.decisions.push({ kind: 'turn', step, which });
    this.steps++;
    this.scheduler.letGo(which);
    await this.#settle();
  }

  /** Runs until everybody waits. */
  async #settle(): Promise<void> {
    // All microtasks, however many follow each other.
    await new Promise((resolve) => setImmediate(resolve));
    for (const actor of this.#actors) actor?.rest();
  }

  /** Whether a snapshot lies there. */
  get isCompacted(): boolean {
    return this.disk.list(LOG).some((name) => snapshotSeq(name) !== undefined);
  }

  /** Where a backup is to be made; undefined where there are enough. */
  newBackup(): string | undefined {
    // Of a log that is replaced meanwhile nobody can say which it is a copy of.
    const may = this.climate.hardships.checkout === 0 && this.#backups < MOST_BACKUPS;
    return may ? `${COPY}-${++this.#backups}` : undefined;
  }

  /** A backup was made, up to entry `seq`; `highest` had been acknowledged before it was begun. */
  async backedUp(path: string, seq: number, highest: number): Promise<void> {
    if (seq < highest)
      this.fault(`a backup ends at entry ${seq}, though ${highest} had been acknowledged before`);
    this.#backup = { path, seq };
    await this.#lookAtBackup();
  }

  async #lookAtBackup(): Promise<void> {
    if (this.#backup === undefined) return;
    const { path, seq } = this.#backup;
    await this.#lookAt(path, (wal) => this.beliefs.faultsInCopy(wal, seq));
  }

  #newDisk(): SimDisk {
    return new SimDisk(this.#before.copy(), this.scheduler.now);
  }

  /** Holds what is on the disk against what was told. */
  async #look(): Promise<void> {
    if (this.disk.look(`${LOG}/wal.json`) === undefined) return;
    this.count('looks');
    await this.#lookAt(LOG, (wal) => this.beliefs.faultsIn(wal, isCalm(this.climate)));
  }

  async #lookAt(path: string, faultsIn: (wal: Wal) => Promise<string[]>): Promise<void> {
    try {
      const wal = await Wal.openIn(surroundingsOn(this.disk, 0), path, { readOnly: true });
      try {
        for (const fault of await faultsIn(wal)) this.fault(path === LOG ? fault : `in the backup: ${fault}`);
      } finally {
        await wal.close();
      }
    } catch (error) {
      this.fault(`${path} cannot be read: ${(error as WalError).code}: ${messageOf(error)}`);
    }
  }

  get report(): WorldReport {
    const { steps, calls, counts, faults, decisions } = this;
    const digest = `${this.#trace.toString(16)} ${this.disk.image.digest()}`;
    return { seed: this.#seed, steps, calls, counts, faults: [...new Set(faults)], decisions, digest };
  }
}

/** Lives through the world of a seed. */
export async function simulate(options: WorldOptions): Promise<WorldReport> {
  const world = new World(options);
  await world.run(options.steps);
  return world.report;
}
