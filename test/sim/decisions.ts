import { type Dice, pick, seeded } from '../../src/lab/seeded.ts';
import { type Call, type Climate, type TroubleKind, troublesAt } from './fault-rates.ts';

/** What a process does of its own accord. More often named, more often done. */
export const WORKS = [
  'append',
  'append',
  'append',
  'append',
  'batch',
  'keyed',
  'again',
  'expect',
  'abort',
  'claim',
  'increment',
  'increment',
  'glance',
  'strange-fold',
  'transfer',
  'read',
  'follow',
  'verify',
  'compact',
  'backup',
  'close',
] as const;

/** What mends a damaged log, or makes another of a copy: in worlds in which logs are damaged. */
export const REPAIR_NAMES = ['salvage', 'tail', 'restore'] as const;

export type RepairName = (typeof REPAIR_NAMES)[number];

export function isRepair(name: OperationName): name is RepairName {
  return (REPAIR_NAMES as readonly string[]).includes(name);
}

export type OperationName = (typeof WORKS)[number] | RepairName;

/** `dice`: the seed of all that is chosen in it. */
export interface Trouble {
  readonly kind: TroubleKind;
  readonly dice: number;
}

/** Something that happened in a world, and need not have. Without any, nothing happens there. */
export type Decision =
  /** At that step the process in that place begins to do something; where there is none, one begins. */
  | {
      readonly kind: 'work';
      readonly step: number;
      readonly slot: number;
      readonly name: OperationName;
      readonly dice: number;
    }
  /** At that step not the one goes on that has waited longest, but the one that came so many places after. */
  | { readonly kind: 'turn'; readonly step: number; readonly which: number }
  /** At that step the log is damaged. */
  | { readonly kind: 'damage'; readonly step: number; readonly dice: number }
  /** At a call to the disk or the lock a process meets trouble. */
  | { readonly kind: 'trouble'; readonly place: string; readonly trouble: Trouble };

export type Work = Extract<Decision, { kind: 'work' }>;

/** Where decisions come from. */
export interface Decisions {
  workAt(step: number): Work | undefined;
  /** Which of so many goes on. */
  turnAt(step: number, waiting: number): number;
  /** The dice by which the log is damaged at that step. */
  damageAt(step: number): number | undefined;
  /** `place`: tells the call from all others, also in a world where less happens before it. */
  troubleAt(call: Call, place: () => string): Trouble | undefined;
}

const WORK_SHARE = 0.4;
const SEEDS = 2 ** 32;

/** A seed for something that is to have dice of its own. */
export function rollSeed(dice: Dice): number {
  return Math.floor(dice() * SEEDS);
}

/** Decisions as the dice fall. */
export class RolledDecisions implements Decisions {
  readonly #dice: Dice;
  readonly #slots: number;
  readonly #works: readonly OperationName[];
  readonly #damage: number;
  readonly #troublesAt: (call: Call) => readonly (readonly [below: number, kind: TroubleKind])[];

  constructor(seed: number, { slots, faultRates, damage }: Climate) {
    this.#dice = seeded(seed);
    this.#slots = slots;
    this.#works = damage > 0 ? [...WORKS, ...REPAIR_NAMES] : WORKS;
    this.#damage = damage;
    this.#troublesAt = troublesAt(faultRates);
  }

  workAt(step: number): Work | undefined {
    const dice = this.#dice;
    if (dice() >= WORK_SHARE) return undefined;
    const slot = Math.floor(dice() * this.#slots);
    return { kind: 'work', step, slot, name: pick(dice, this.#works) as OperationName, dice: rollSeed(dice) };
  }

  turnAt(_step: number, waiting: number): number {
    return Math.floor(this.#dice() * waiting);
  }

  damageAt(): number | undefined {
    if (this.#damage === 0 || this.#dice() >= this.#damage) return undefined;
    return rollSeed(this.#dice);
  }

  troubleAt(call: Call): Trouble | undefined {
    const thrown = this.#dice();
    const kinds = this.#troublesAt(call);
    // Mostly there is none.
    if (thrown >= (kinds.at(-1)?.[0] ?? 0)) return undefined;
    const kind = kinds.find(([below]) => thrown < below)?.[1];
    return kind && { kind, dice: rollSeed(this.#dice) };
  }
}

/** Just these decisions, and no others. */
export class GivenDecisions implements Decisions {
  readonly #works = new Map<number, Work>();
  readonly #turns = new Map<number, number>();
  readonly #damages = new Map<number, number>();
  readonly #troubles = new Map<string, Trouble>();

  constructor(given: readonly Decision[]) {
    for (const decision of given) {
      if (decision.kind === 'work') this.#works.set(decision.step, decision);
      else if (decision.kind === 'turn') this.#turns.set(decision.step, decision.which);
      else if (decision.kind === 'damage') this.#damages.set(decision.step, decision.dice);
      else this.#troubles.set(decision.place, decision.trouble);
    }
  }

  workAt(step: number): Work | undefined {
    return this.#works.get(step);
  }

  turnAt(step: number, waiting: number): number {
    const which = this.#turns.get(step) ?? 0;
    return which < waiting ? which : 0;
  }

  damageAt(step: number): number | undefined {
    return this.#damages.get(step);
  }

  troubleAt(_call: Call, place: () => string): Trouble | undefined {
    return this.#troubles.size === 0 ? undefined : this.#troubles.get(place());
  }
}
