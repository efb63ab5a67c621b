import type { Dice } from '../../src/lab/seeded.ts';
import type { Storage } from '../../src/storage/storage.ts';
import type { SimDisk } from '../disk/sim-disk.ts';
import type { Checkouts } from './checkouts.ts';
import type { Copies } from './copies.ts';
import type { Trouble } from './decisions.ts';
import type { Call, Climate } from './fault-rates.ts';
import type { Oracle } from './oracle.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimLock } from './sim-lock.ts';

/** A process, as its world sees it. */
export interface SimProcess {
  readonly name: string;
  readonly slot: number;
  killed: boolean;
  /** Which of its calls of that kind the next one is, for people. */
  placeOf(call: Call): string;
}

/** The world of a seed, as its processes see it. */
export interface SimWorld {
  readonly scheduler: Scheduler;
  readonly climate: Climate;
  readonly checkouts: Checkouts;
  readonly copies: Copies;
  readonly lock: SimLock;
  readonly disk: SimDisk;
  oracle: Oracle;
  /** Whether anybody ever opened the log: until then there may be none. */
  isMade: boolean;
  readonly isCompacted: boolean;
  readonly isMarred: boolean;
  /** Keys of what nobody knows to be in the log, and everybody may append again. */
  readonly unsettled: Set<string>;
  readonly change: (storage: Storage) => Storage;
  readonly tell: (line: string) => void;
  /** Dice of its own for whatever has that name. */
  diceOf(name: string): Dice;
  count(what: string, times?: number): void;
  fault(what: string): void;
  note(who: string, what: string, about: string): void;
  meet(process: SimProcess, call: Call, path: string): Trouble | undefined;
  comeBetween(process: SimProcess, dice: Dice): void;
  leaveOut(process: SimProcess): void;
  rewound(who: string, what: string): void;
  newBackup(): string | undefined;
  newRestore(): string | undefined;
  backedUp(path: string, seq: number, linked: boolean, harms: number): Promise<void>;
  restored(path: string, seq: number): Promise<void>;
  repaired(mode: string, reasons: readonly string[], began: Oracle): Promise<void>;
}
