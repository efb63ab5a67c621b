import type { KeyedLine, SnapshotKey } from '../format/key-lines.ts';
import type { LineStore } from '../store/store.ts';
import type { KeyWindow } from './key-window.ts';
import { atOnce, olderKeys, waiting } from './older-keys.ts';
import type { Tail } from './tail.ts';

/** The idempotency keys in the window. Opening reads the last segment only: the others are read once an append has a key. */
export class KnownKeys {
  readonly #window: KeyWindow;
  readonly #tail: Tail;
  readonly #store: LineStore;

  /** `window`: the one that the tail fills. */
  constructor(window: KeyWindow, tail: Tail, store: LineStore) {
    this.#window = window;
    this.#tail = tail;
    this.#store = store;
  }

  /** The line with a key, if the window holds it for what is appended after entry `head`. */
  get(key: string, head: number): KeyedLine | undefined {
    return this.#window.get(key, head);
  }

  /** Whether older keys must be read before anything can be said of this one. */
  cannotTell(key: string | undefined): boolean {
    const { since, head } = this.#tail;
    return key !== undefined && since > this.#window.firstOf(head.seq);
  }

  async readOlder(pause: () => Promise<void>): Promise<void> {
    this.#take(await waiting(this.#older(), pause));
  }

  readOlderNow(): void {
    this.#take(atOnce(this.#older()));
  }

  *#older(): Generator<unknown, OlderKeys, unknown> {
    const { since, epoch, head } = this.#tail;
    const from = this.#window.firstOf(head.seq);
    return { from, since, epoch, keys: yield* olderKeys(this.#store, from, since) };
  }

  #take({ from, since, epoch, keys }: OlderKeys): void {
    // Replaced meanwhile, or gone on behind a compaction: they are read again.
    if (epoch !== this.#tail.epoch || since !== this.#tail.since) return;
    this.#window.addOlder(keys);
    this.#tail.reachBackTo(from);
  }
}

/** Keys from before what the tail had read, and what it had read then. */
interface OlderKeys {
  readonly from: number;
  readonly since: number;
  readonly epoch: number;
  readonly keys: readonly SnapshotKey[];
}
