import { isMainThread } from 'node:worker_threads';
import { instant } from '../operations/instant.ts';
import type { Journal } from '../operations/journal.ts';
import type { TurnJournal } from '../operations/turn-journal.ts';
import type { Dice } from '../seeded.ts';
import type { Probe } from '../target.ts';

/** When in its write turn something happens to a client: see `Probe`. */
export type TurnMoment = 'taken' | 'writing' | 'syncing';

/** What happens; `put` writes a share of the bytes, and is there only for `writing`. */
export type Act = (put: (share: number) => void) => void;

/** Thrown on purpose, while the lock is held. */
export class SimulatedFailure extends Error {
  static {
    SimulatedFailure.prototype.name = 'SimulatedFailure';
  }

  constructor() {
    super('Simulated failure');
  }
}

/** Whether an error is one, or came of one. */
export function isSimulated(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof SimulatedFailure) return true;
  return false;
}

/** What the probes of a client have in common. */
export interface ProbeParts {
  readonly journal: Journal;
  /** The chance that a write fails. */
  readonly failRate: number;
  readonly dice: Dice;
  /** Whether a write of the client is under way: opening and compacting take turns, too. */
  readonly isWriting: () => boolean;
  /** What is to happen next at each moment: taken from there when it does. */
  readonly acts: Map<TurnMoment, Act>;
  /** Undefined where turns are not noted. */
  readonly turns: TurnJournal | undefined;
}

/** At one store of a client: notes its write turns, and makes happen there what its scenario wants, or chance. */
export class TurnProbe implements Probe {
  readonly #parts: ProbeParts;
  #asked = 0;

  constructor(parts: ProbeParts) {
    this.#parts = parts;
  }

  asked(): void {
    this.#asked = instant();
  }

  taken(): void {
    this.#parts.turns?.taken(this.#asked);
    this.#act('taken');
    const { failRate, dice, isWriting } = this.#parts;
    if (failRate > 0 && isWriting() && dice() < failRate) this.#fail();
  }

  writing(put: (share: number) => void): void {
    this.#act('writing', put);
  }

  syncing(): void {
    this.#act('syncing');
  }

  left(): void {
    this.#parts.turns?.left();
  }

  bypassed(): void {
    this.#parts.journal.mark('takeover');
  }

  #act(moment: TurnMoment, put: (share: number) => void = () => {}): void {
    const { acts, isWriting } = this.#parts;
    const act = isWriting() ? acts.get(moment) : undefined;
    if (act === undefined) return;
    acts.delete(moment);
    act(put);
  }

  /** Half of the failures end the process; a thread cannot end so without taking the others along. */
  #fail(): void {
    if (this.#parts.dice() < 0.5 || !isMainThread) throw new SimulatedFailure();
    dieNow(this.#parts.journal);
  }
}

/** Ends this process as kill -9 does. */
export function dieNow(journal: Journal): void {
  journal.mark('killed');
  process.kill(process.pid, 'SIGKILL');
  // It may take the system a moment.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** Stops this process, as SIGSTOP does; returns once it is continued. */
export function stopNow(journal: Journal): void {
  journal.mark('stopped');
  process.kill(process.pid, 'SIGSTOP');
}
