import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { messageOf } from '../../src/errors/errors.ts';
import { META_FILE, REPAIRING_FILE, segmentSeq, snapshotSeq } from '../../src/format/names.ts';
import { Wal, type WalError } from '../../src/index.ts';
import { type Dice, pick, seeded } from '../../src/lab/seeded.ts';
import { noLock } from '../../src/lock/lock.ts';
import { repairLog } from '../../src/repair/repair.ts';
import { readWhole } from '../../src/storage/files.ts';
import type { Storage } from '../../src/storage/storage.ts';
import { imageAfter } from '../crash/crash-states.ts';
import { environmentOn, LOG } from '../crash/workload.ts';
import { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import './loaded.ts';
import { Actor } from './actor.ts';
import { Checkouts } from './checkouts.ts';
import { Copies } from './copies.ts';
import { crashStateOf } from './crash-state.ts';
import {
  type Decision,
  type Decisions,
  GivenDecisions,
  isRepair,
  RolledDecisions,
  rollSeed,
  type Trouble,
  type Work,
} from './decisions.ts';
import { type Call, type Climate, climateOf, isCalm } from './fault-rates.ts';
import { type Harm, inflict, takesCounted } from './harm.ts';
import type { SimWorld } from './model.ts';
import { Oracle } from './oracle.ts';
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
const MOST_DAMAGES = 3;
/** Steps in which all come to an end, however long the log has grown: verifying yields once a segment. */
const HANGS_AFTER = 100_000;
const LONGEST_JUMP_MS = 3 * 3_600_000;
const BURST = 12;

/** Some processes and a disk, in which everything that happens follows from a seed. */
export class World implements SimWorld {
  readonly scheduler = new Scheduler();
  readonly climate: Climate;
  readonly checkouts = new Checkouts();
  readonly copies = new Copies();
  readonly lock: SimLock;
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  /** Keys of what nobody knows to be in the log, and everybody may append again. */
  readonly unsettled = new Set<string>();
  readonly change: (storage: Storage) => Storage;
  readonly tell: (line: string) => void;
  readonly decisions: Decision[] = [];
  oracle: Oracle;
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
  #damages = 0;
  /** Whether anybody ever opened the log: until then there may be none. */
  isMade = false;

  constructor({ seed, decisions, change, tell }: WorldOptions) {
    this.#seed = seed;
    this.climate = climateOf(this.diceOf('climate'), this.diceOf('damages'));
    const { slots, lock, keyWindow } = this.climate;
    this.oracle = new Oracle(keyWindow);
    this.#decider =
      decisions === undefined ? new RolledDecisions(seed, this.climate) : new GivenDecisions(decisions);
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

  /** A process was told that acknowledged entries are gone: only damage, a checkout, or a crash where syncs are not waited for, takes any. */
  rewound(who: string, what: string): void {
    this.count('rewound');
    const { os, faultRates } = this.climate;
    if (faultRates.checkout === 0 && !os && !this.isMarred) this.fault(`${who} was told that ${what}`);
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
        if (this.#isInSwap || !this.#checkout(where, dice, call === 'sync')) takeBack();
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

  /** What it is about to do would leave a log that only a tail repair mends, as the docs say. */
  leaveOut(actor: Actor): void {
    this.tell(`  ${actor.name} would end a line that another has just cut: it is killed`);
    this.count('left-out');
    this.#kill(actor);
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
    const crashState = crashStateOf(effects, dice);
    this.tell(
      `  lost are ${crashState.lost.size} writes and names, damaged are ${crashState.damaged?.length ?? 0} writes`,
    );
    this.#before = imageAfter(this.#before, effects, effects.length, crashState);
    this.disk = this.#newDisk();
    this.oracle.crashed();
    // What it has of what the log lost then, its numbers given anew, is nobody's fault.
    this.copies.heldTo(this.oracle.highest);
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

  /** A checkout after a salvage's last look, or before the salvage that goes on with replaced files, is undone. */
  get #isInSwap(): boolean {
    const marker = readWhole(this.disk, `${LOG}/${REPAIRING_FILE}`)?.toString();
    if (marker === undefined) return false;
    return /"phase":"(replacing|ending)"/.test(marker) || this.#actors.some((each) => each?.isRepairing);
  }

  /** `outside`: whoever makes the call is not in the middle of a turn. */
  #checkout(where: string, dice: Dice, outside: boolean): boolean {
    // What a writer between its last look and its write would do to a file rewritten in place nobody can undo; and what a
    // crash would leave of it is anybody's guess.
    const inPlace = outside && this.#depth === 0 && this.climate.faultRates.crash === 0;
    const done = this.checkouts.work(this.disk, this.oracle, dice, inPlace);
    if (done === undefined) return false;
    this.count(done.oracle === this.oracle ? 'commits' : 'checkouts');
    this.oracle = done.oracle;
    this.tell(`  ${where}, ${done.how}`);
    return true;
  }

  /** Lives through so many steps, and then looks what became of it all. */
  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.faults.length === 0; step++) {
      await this.#damage(step);
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
    await this.#repairAtLast();
    await this.#look();
    await this.#lookAtCopies();
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
    if (!actor.isFree || (isRepair(name) && this.#actors.some((each) => each?.isRepairing))) return false;
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
    return this.climate.faultRates.checkout === 0 ? this.copies.newBackup() : undefined;
  }

  /** Where a log is to be restored; undefined where there are enough. */
  newRestore(): string | undefined {
    return this.climate.faultRates.checkout === 0 ? this.copies.newRestore() : undefined;
  }

  /** A backup was made, up to entry `seq`. `harms`: `copies.harms` when it began. */
  async backedUp(path: string, seq: number, linked: boolean, harms: number): Promise<void> {
    this.copies.backedUp(path, seq, linked, harms);
    await this.#lookAtCopies();
  }

  /** A log was restored, up to entry `seq`. */
  async restored(path: string, seq: number): Promise<void> {
    this.count('restored');
    this.copies.restored(path, seq);
    await this.#lookAtCopies();
  }

  async #lookAtCopies(): Promise<void> {
    for (const { path, seq } of this.copies.there(this.disk))
      await this.#lookAt(path, (wal) => this.oracle.faultsInCopy(wal, seq));
  }

  /** Whether the log, or another commit of it, was damaged at any time. */
  get isMarred(): boolean {
    return this.#damages > 0;
  }

  /** Whether wal.json is away: damage took it, or a repair that is not done. */
  get #isClosed(): boolean {
    const names = this.disk.look(LOG) === undefined ? [] : this.disk.list(LOG);
    return !names.includes(META_FILE) && names.some((name) => segmentSeq(name) !== undefined);
  }

  /** Damages the log, where that is decided, and nothing of what was done to it before is left to mend. */
  async #damage(step: number): Promise<void> {
    const dice = this.#decider.damageAt(step);
    const isWhole = this.disk.look(`${LOG}/${META_FILE}`) !== undefined && !this.oracle.isDamaged;
    if (dice === undefined || !isWhole || this.#damages >= MOST_DAMAGES) return;
    const { git } = this.climate;
    // What is lost without proof is no damage that anybody could tell of.
    const trial = new SimDisk(this.disk.image.copy());
    const tried = inflict(trial, seeded(dice), git);
    if (tried === undefined || !takesCounted(this.disk, trial, tried) || (await isSound(trial))) return;
    const harm = inflict(this.disk, seeded(dice), git) as Harm;
    this.decisions.push({ kind: 'damage', step, dice });
    this.#damages++;
    this.count('damages');
    this.tell(`the log is damaged: ${harm.how}`);
    if (harm.inPlace) this.copies.harmed();
    this.copies.heldTo(Math.min(...harm.seqs) - 1);
    const stoodFor = this.disk.list(LOG).map((name) => snapshotSeq(name) ?? 0);
    this.oracle = this.oracle.damaged(harm, Math.max(0, ...stoodFor));
  }

  /** A repair says that the log is whole; `reasons`: what was wrong with it. `began`: what was known when it began. */
  async repaired(mode: string, reasons: readonly string[], began: Oracle): Promise<void> {
    this.tell(`  a ${mode} says that the log is whole${reasons.length > 0 ? ' again' : ''}`);
    if (began !== this.oracle || !began.isDamaged) return;
    if (reasons.length > 0) this.count('repairs');
    this.oracle = began.repaired();
    this.checkouts.keep();
    await this.#look();
  }

  /** What is damaged still, or what a repair left that did not come to its end, the next can mend. */
  async #repairAtLast(): Promise<void> {
    if (!this.oracle.isDamaged && !this.#isClosed) return;
    const salvage = () => repairLog(environmentOn(this.disk, 0), LOG, { mode: 'salvage' }, noLock());
    try {
      const { reasons } = await salvage();
      await this.repaired('last salvage', reasons, this.oracle);
      const [more] = (await salvage()).reasons;
      if (more !== undefined) this.fault(`a second salvage finds something to repair: ${more}`);
    } catch (error) {
      this.fault(`the log cannot be repaired: ${(error as WalError).code}: ${messageOf(error)}`);
    }
  }

  #newDisk(): SimDisk {
    return new SimDisk(this.#before.copy(), this.scheduler.now);
  }

  /** Holds what is on the disk against what was told. */
  async #look(): Promise<void> {
    if (this.disk.look(`${LOG}/${META_FILE}`) === undefined) return;
    // Whoever opens a damaged log, or what is left of a repair, is refused, or has all of it.
    if (this.oracle.isDamaged && !(await isSound(this.disk))) return;
    this.count('looks');
    const calm = isCalm(this.climate) && !this.isMarred;
    await this.#lookAt(LOG, (wal) => this.oracle.faultsIn(wal, calm));
  }

  async #lookAt(path: string, faultsIn: (wal: Wal) => Promise<string[]>): Promise<void> {
    try {
      const wal = await Wal.openIn(environmentOn(this.disk, 0), path, { readOnly: true });
      try {
        for (const fault of await faultsIn(wal)) this.fault(path === LOG ? fault : `in ${path}: ${fault}`);
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

/** Whether nothing is wrong with the log that anybody could tell of. */
async function isSound(disk: SimDisk): Promise<boolean> {
  try {
    const wal = await Wal.openIn(environmentOn(disk, 0), LOG, { readOnly: true });
    const { error } = await wal.verify();
    await wal.close();
    return error === undefined;
  } catch {
    return false;
  }
}

/** Lives through the world of a seed. */
export async function simulate(options: WorldOptions): Promise<WorldReport> {
  const world = new World(options);
  await world.run(options.steps);
  return world.report;
}
