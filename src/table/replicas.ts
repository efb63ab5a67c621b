import { checkFold, type Fold } from './fold.ts';
import type { Replica, ReplicaParts } from './replica.ts';

interface Shared {
  readonly opening: Promise<Replica<unknown>>;
  /** Undefined until the replica is open. */
  replica?: Replica<unknown>;
  users: number;
}

/** The use of a replica that is shared. */
export interface Loan<V> {
  readonly replica: Replica<V>;
  /** Ends this use; the end of the last one closes the replica. */
  end(): void;
}

/** The replicas of a Wal's tables: one per fold (the same object), however many tables are open. */
export class Replicas {
  readonly #parts: ReplicaParts;
  readonly #shared = new Map<object, Shared>();

  constructor(parts: ReplicaParts) {
    this.#parts = parts;
  }

  /** The replica of a fold, brought to where the log is now. */
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
      // The cause of the failure may have passed.
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
