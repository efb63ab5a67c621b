import type { Clock } from '../clock/clock.ts';
import { hasCode, WalError, withOutcome } from '../errors/errors.ts';
import type { Head } from '../format/chain.ts';
import type { LineStore } from '../store/store.ts';
import type { Pending } from './pending.ts';
import type { Stats } from './stats.ts';
import type { Tail } from './tail.ts';

export interface LandedParts {
  readonly store: LineStore;
  readonly clock: Clock;
  readonly stats: Stats;
  readonly tail: Tail;
  readonly durability: 'sync' | 'os';
  readonly resolve: (pending: Pending) => void;
  /** Called with what was resolved, and the head that the log had when that was synced. */
  readonly acknowledged: (pending: readonly Pending[], head: Head) => void;
  readonly reject: (pending: Pending, error: WalError) => void;
  readonly syncFailed: (error: WalError) => void;
}

/** A lone append is synced on this thread where syncs take less: handing over costs as much. */
const QUICK_SYNC_MS = 2;
/** A sync this slow keeps the next ones off this thread for a while. */
const STALL_MS = 25;

/** The appends whose lines are in the log, until they are acknowledged: synced, and the log looked at once more. */
export class Landed {
  readonly #parts: LandedParts;
  #pending: Pending[] = [];
  #usualSyncMs = 0;

  constructor(parts: LandedParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0;
  }

  add(pending: Pending): void {
    this.#pending.push(pending);
  }

  /** The log was replaced: gives back all, to be looked for in the new one. */
  unland(): Pending[] {
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) each.unland();
    return pending;
  }

  /** `lone`: nothing else waits for this thread to write it. */
  async acknowledge(lone: boolean): Promise<void> {
    const { store, tail } = this.#parts;
    const covered = this.#cover();
    try {
      if (this.#mustSync(covered)) {
        await store.sync(lone && covered.pending.length === 1 && this.#usualSyncMs < QUICK_SYNC_MS);
        this.#synced(covered);
      }
      // A look at what lies there now: an acknowledgement is about that file, not about one that was replaced.
      await store.catchUp(tail);
      this.#confirm(covered);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** The same, blocking. */
  acknowledgeNow(): void {
    const { store, tail } = this.#parts;
    const covered = this.#cover();
    try {
      if (this.#mustSync(covered)) {
        store.syncNow();
        this.#synced(covered);
      }
      store.catchUpNow(tail);
      this.#confirm(covered);
    } catch (error) {
      this.#failed(error);
    }
  }

  #cover(): Covered {
    const { tail, clock } = this.#parts;
    return { pending: [...this.#pending], epoch: tail.epoch, head: tail.head, start: clock.elapsed() };
  }

  #mustSync({ pending }: Covered): boolean {
    const { durability, tail } = this.#parts;
    return durability === 'sync' && pending.some(({ seq }) => seq > tail.syncedHere);
  }

  /** A sync that began when `covered` was taken has ended. */
  #synced({ epoch, head, start }: Covered): void {
    const { stats, clock, tail } = this.#parts;
    const ms = clock.elapsed() - start;
    stats.syncMs.add(ms);
    this.#pace(ms);
    if (epoch === tail.epoch) tail.raiseSynced(head.seq);
  }

  /** Learns how long a sync takes. One slow one among quick ones is not the disk's pace, unless it is very slow. */
  #pace(ms: number): void {
    if (ms >= STALL_MS) this.#usualSyncMs = STALL_MS;
    else this.#usualSyncMs += (Math.min(ms, 2 * QUICK_SYNC_MS) - this.#usualSyncMs) / 8;
  }

  /** Syncs what is there already, before the first append. */
  async begin(): Promise<void> {
    const { store, clock, tail } = this.#parts;
    const start = clock.elapsed();
    await store.sync(false);
    this.#pace(clock.elapsed() - start);
    // The Wal is not open yet: nobody has read on meanwhile.
    tail.raiseSynced(tail.head.seq);
  }

  #confirm({ pending, epoch, head }: Covered): void {
    const { resolve, acknowledged } = this.#parts;
    const confirmed = pending.filter((each) => !each.settled && each.epoch === epoch);
    for (const each of confirmed) resolve(each);
    acknowledged(confirmed, head);
    this.#pending = this.#pending.filter(({ settled }) => !settled);
  }

  #failed(error: unknown): void {
    if (hasCode(error, 'ERR_WAL_SYNC')) this.#parts.syncFailed(error as WalError);
    else this.reject(error);
  }

  /** Rejects all: they are in the log, and nobody can say whether they stay there. */
  reject(error: unknown): void {
    const failure =
      error instanceof WalError ? error : new WalError('ERR_WAL_IO', String(error), { cause: error });
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) this.#parts.reject(each, withOutcome(failure, 'unknown'));
  }
}

interface Covered {
  readonly pending: readonly Pending[];
  readonly epoch: number;
  /** As it was when the sync began. */
  readonly head: Head;
  readonly start: number;
}
