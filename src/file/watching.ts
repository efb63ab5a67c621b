import type { Clock } from '../clock/clock.ts';
import { fileError } from '../storage/error.ts';
import type { Storage } from '../storage/storage.ts';

/** How often a follower looks where the system gives no notice. */
const POLL_MS = 50;

/** Waits for a directory to change. The system is asked for notice from the first waiting on. */
export class Watching {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #directory: string;
  readonly #wakers = new Set<() => void>();
  #stop: (() => void) | undefined;

  constructor(storage: Storage, clock: Clock, directory: string) {
    this.#storage = storage;
    this.#clock = clock;
    this.#directory = directory;
  }

  /** Resolves after it may have changed, or `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    this.#stop ??= this.#watch();
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#wakers.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    if (signal.aborted) wake();
    await this.#clock.sleep(POLL_MS, woken.signal);
    signal.removeEventListener('abort', wake);
    this.#wakers.delete(wake);
  }

  #watch(): () => void {
    try {
      return this.#storage.watch(this.#directory, () => this.#wake());
    } catch (error) {
      throw fileError(error, 'watch', this.#directory);
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }

  close(): void {
    this.#stop?.();
    this.#wake();
  }
}
