import { dirname } from 'node:path';
import { messageOf } from '../../errors/errors.ts';
import { Wal, type WalError } from '../../index.ts';
import { type Fate, imageAfter, unsynced } from '../crash/fates.ts';
import { LOG, surroundingsOn } from '../crash/workload.ts';
import type { Effect } from '../disk/effect.ts';
import { Image } from '../disk/image.ts';
import { SimDisk } from '../disk/sim-disk.ts';
import { type Dice, pick, seeded } from '../seeded.ts';
import { Actor } from './actor.ts';
import { Beliefs } from './beliefs.ts';
import { Scheduler } from './scheduler.ts';

/** How often things go wrong: chances, 0 to 1. */
export interface Hardships {
  /** Before a call of the disk, another process appends. */
  readonly interloper: number;
  /** Before a call of the disk, the process that makes it is killed. */
  readonly kill: number;
  /** Before a call of the disk, the power goes. */
  readonly crash: number;
  /** A write finds room for a part of it at most. */
  readonly full: number;
  /** A sync of a file fails. */
  readonly syncFails: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly steps: number;
}

/** What was seen of one seed. */
export interface WorldReport {
  readonly seed: number;
  readonly steps: number;
  /** How often each thing happened, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

const MOST_ACTORS = 4;
const SETTINGS = [
  { interloper: 0.03, kill: 0.001, crash: 0.0005, full: 0, syncFails: 0 },
  { interloper: 0.1, kill: 0, crash: 0, full: 0.02, syncFails: 0 },
  { interloper: 0.02, kill: 0, crash: 0.0005, full: 0, syncFails: 0.01 },
  { interloper: 0.05, kill: 0.002, crash: 0, full: 0, syncFails: 0 },
] as const satisfies readonly Hardships[];

/** Some processes and a disk, in which everything that happens follows from a seed. */
export class World {
  readonly dice: Dice;
  readonly scheduler: Scheduler;
  readonly beliefs = new Beliefs();
  readonly hardships: Hardships;
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  /** How many bytes make a segment full, for all of them. */
  readonly segmentBytes: number;
  disk: SimDisk;
  /** What the disk began with. */
  #before = new Image();
  #actors: Actor[] = [];
  #names = 0;
  #depth = 0;

  constructor(seed: number) {
    this.dice = seeded(seed);
    this.scheduler = new Scheduler(this.dice);
    this.disk = this.#newDisk();
    // What lies above the log was there before, and kept.
    this.disk.makeDirectory(dirname(LOG));
    this.disk.syncDirectory('/');
    this.hardships = pick(this.dice, SETTINGS) as Hardships;
    this.segmentBytes = pick(this.dice, [4096, 4096, 16_384]) as number;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  fault(what: string): void {
    this.faults.push(what);
  }

  chance(share: number): boolean {
    return this.dice() < share;
  }

  /** Between two calls of an actor to the disk anything may happen. */
  between(actor: Actor): void {
    const { interloper, kill, crash } = this.hardships;
    if (this.chance(crash)) this.crash();
    else if (this.chance(kill)) this.kill(actor);
    else if (this.#depth < 2 && this.chance(interloper)) {
      const other = pick(
        this.dice,
        this.#actors.filter((each) => each !== actor && each.canInterlope),
      );
      if (other === undefined) return;
      this.#depth++;
      this.count('interlopers');
      other.interlope();
      this.#depth--;
    }
  }

  kill(actor: Actor): void {
    this.count('kills');
    actor.killed = true;
    this.#actors = this.#actors.filter((each) => each !== actor);
  }

  /** The power goes: what was not synced is kept, lost or cut by the dice, and nobody lives on. */
  crash(): void {
    this.count('crashes');
    for (const actor of this.#actors) actor.killed = true;
    this.#actors = [];
    const { effects } = this.disk;
    this.#before = imageAfter(this.#before, effects, effects.length, this.#fate(effects));
    this.disk = this.#newDisk();
  }

  #fate(effects: readonly Effect[]): Fate {
    const open = unsynced(effects, effects.length);
    const share = this.dice();
    const lost = new Set(open.filter(() => this.chance(share)));
    const kept = open.filter((number) => effects[number]?.kind === 'write' && !lost.has(number));
    const effect = this.chance(0.5) ? pick(this.dice, kept) : undefined;
    if (effect === undefined) return { lost };
    const { length } = (effects[effect] as Extract<Effect, { kind: 'write' }>).bytes;
    const at = Math.floor(this.dice() * length);
    const damage = this.chance(0.5)
      ? ({ kind: 'cut', bytes: at } as const)
      : ({ kind: 'zeros', from: at - (at % 512), to: length } as const);
    return { lost, damaged: { effect, damage } };
  }

  /** Lives through so many steps, and then looks what became of it all. */
  async run(steps: number): Promise<void> {
    for (let i = 0; i < steps && this.faults.length === 0; i++) {
      if (this.#actors.length < MOST_ACTORS && this.chance(0.05)) this.#actors.push(this.#newActor());
      const idle = this.#actors.filter((actor) => actor.isFree);
      if (idle.length > 0 && this.chance(0.4)) pick(this.dice, idle)?.act();
      if (!(await this.scheduler.step()) && this.#actors.length === 0) this.#actors.push(this.#newActor());
      for (const actor of this.#actors) actor.rest();
      if (this.chance(0.01)) await this.#look();
    }
    for (const actor of this.#actors) actor.leave();
    for (let i = 0; i < 10_000 && this.#actors.some((actor) => actor.isThere); i++)
      await this.scheduler.step();
    for (const actor of this.#actors) {
      if (actor.isThere) this.fault(`${actor.name} does not come to an end: it hangs in ${actor.doing}`);
    }
    await this.#look();
  }

  #newDisk(): SimDisk {
    return new SimDisk(this.#before.copy(), () => this.scheduler.clock.now());
  }

  #newActor(): Actor {
    return new Actor(this, `p${this.#names++}`);
  }

  /** Holds what is on the disk against what was told. */
  async #look(): Promise<void> {
    if (this.disk.look(`${LOG}/wal.json`) === undefined) return;
    this.count('looks');
    try {
      const wal = await Wal.openIn(surroundingsOn(this.disk, 0), LOG, { readOnly: true });
      try {
        for (const fault of await this.beliefs.faultsIn(wal)) this.fault(fault);
      } finally {
        await wal.close();
      }
    } catch (error) {
      this.fault(`it cannot be read: ${(error as WalError).code}: ${messageOf(error)}`);
    }
  }
}

/** Lives through the world of a seed. */
export async function simulate({ seed, steps }: WorldOptions): Promise<WorldReport> {
  const world = new World(seed);
  await world.run(steps);
  return { seed, steps, counts: world.counts, faults: [...new Set(world.faults)] };
}
