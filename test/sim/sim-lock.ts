import { systemError } from '../../src/lab/wrapped-storage.ts';
import type { Lock } from '../../src/lock/lock.ts';
import type { LockClimate, TroubleKind } from './fault-rates.ts';
import type { Scheduler } from './scheduler.ts';

/** A lockfile this old is taken from its holder, who may be alive. */
const STALE_MS = 30;

/** The lock of a world, which all its processes try to take. */
export class SimLock {
  readonly #kind: LockClimate['kind'];
  readonly #scheduler: Scheduler;
  #holder: object | undefined;
  #since = 0;

  constructor(kind: LockClimate['kind'], scheduler: Scheduler) {
    this.#kind = kind;
    this.#scheduler = scheduler;
  }

  /** `meet` is told of each call, and answers what goes wrong with it. */
  of(who: object, meet: (call: 'lock' | 'unlock') => TroubleKind | undefined): Lock {
    return {
      kind: 'simulated',
      tryAcquire: () => {
        const trouble = meet('lock');
        if (trouble === 'fails') throw systemError('EIO');
        if (trouble === 'stolen') this.#holder = undefined;
        if (this.#kind === 'none') return true;
        const isStale = this.#kind === 'lockfile' && this.#scheduler.elapsed - this.#since > STALE_MS;
        if (this.#holder !== undefined && !isStale) return trouble === 'lies';
        this.#holder = who;
        this.#since = this.#scheduler.elapsed;
        return true;
      },
      release: () => {
        meet('unlock');
        // A lockfile is taken away by its name, whoever it was that made it.
        if (this.#kind === 'lockfile' || this.#holder === who) this.#holder = undefined;
      },
      close: () => {},
    };
  }

  /** A process has died. */
  died(who: object): void {
    if (this.#kind === 'kernel' && this.#holder === who) this.#holder = undefined;
  }
}
