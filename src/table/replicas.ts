import { checkFold, type Fold } from './fold.ts';
import type { Replica, ReplicaParts } from './replica.ts';

interface Shared {
  readonly opening: Promise<Replica<unknown>>;
  /** Undefined until it is open. */
  replica?: Replica<unknown>;
  users: number;
}

/** A replica that others may use too. */
export interface Loan<V> {
  readonly replica: Replica<V>;
  /** Gives it back: the last one to do so closes it. */
  end(): void;
}

/** The replicas of a Wal's tables: one for each fold (the same object), however many tables are open. */
export class Replicas {
  readonly #parts: ReplicaParts;
  readonly #shared = new Map<object, Shared>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
  }

  /** The replica of a fold, at where the log is now. */
  async lend<V>(given: Fold<V>): Promise<Loan<V>> {
    const there = this.#shared.get(given);
    const shared = there ?? this.#open(given);
    shared.users++;
    const end = () => {
      if (--shared.users > 0) return;
      this.#shared.delete(given);
      shared.replica?.close();
    };
    try {
      const replica = await shared.opening;
      shared.replica = replica;
      // What keeps it from going on may have passed.
      if (replica.failure !== undefined) await replica.reload();
      else if (there !== undefined) await replica.refresh();
      return { replica: replica as Replica<V>, end };
    } catch (error) {
      end();
      throw error;
    }
  }

  #open<V>(given: Fold<V>): Shared {
    const fold = checkFold(given);
    const opening = import('./replica.ts').then(({ Replica }) =>
      Replica.open(this.#parts, fold),
    ) as unknown as Promise<Replica<unknown>>;
    const shared: Shared = { opening, users: 0 };
    this.#shared.set(given, shared);
    return shared;
  }
}
