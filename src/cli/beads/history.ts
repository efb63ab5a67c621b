import { hasCode } from '../../errors/errors.ts';
import type { Item, Wal } from '../../index.ts';

/** Compactions that come between, before it is given up. */
const MOST_TRIES = 100;

/** What the entries that a log still has tell beside its state. */
export class History {
  /** The first entry that is still there. */
  readonly from: number;
  readonly #first = new Map<string, number>();
  readonly #deleted = new Map<string, number>();
  /** Ids that were made again, after a deletion that is still there. */
  readonly #again = new Set<string>();

  private constructor(from: number) {
    this.from = from;
  }

  /** Reads the entries up to that one. */
  static async read(wal: Wal, to: number): Promise<History> {
    for (let tries = 1; ; tries++) {
      try {
        const from = await wal.oldest();
        const history = new History(from);
        if (from > to) return history;
        for await (const { id, op, ts } of wal.read({ from, to })) {
          if (op === 'delete') {
            history.#first.delete(id);
            history.#deleted.set(id, ts);
          } else {
            if (!history.#first.has(id)) history.#first.set(id, ts);
            if (history.#deleted.delete(id)) history.#again.add(id);
          }
        }
        return history;
      } catch (error) {
        if (!hasCode(error, 'ERR_WAL_COMPACTED') || tries === MOST_TRIES) throw error;
      }
    }
  }

  /** When an item came to be, as far as it is known: at its first entry that is still there. */
  created({ id, ts }: Item): number {
    return Math.min(this.#first.get(id) ?? ts, ts);
  }

  /** Whether the item's first entry is still there. */
  knowsCreation({ id }: Item): boolean {
    return this.from === 1 || this.#again.has(id);
  }

  /** When an entry with op delete deleted an id; undefined if no such entry is known, or a later entry made the id again. */
  deleted(id: string): number | undefined {
    return this.#deleted.get(id);
  }
}
