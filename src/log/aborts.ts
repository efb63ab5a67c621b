import type { Pending } from './pending.ts';

interface Listening {
  readonly appends: Set<Pending>;
  stop(): void;
}

/** The appends that a signal cancels. There is one listener per signal, however many appends were given it. */
export class Aborts {
  readonly #fired: (appends: Iterable<Pending>) => void;
  readonly #listening = new Map<AbortSignal, Listening>();

  /** `fired` is called when a signal aborts, with the appends that were added with it and not removed since. */
  constructor(fired: (appends: Iterable<Pending>) => void) {
    this.#fired = fired;
  }

  add(signal: AbortSignal, pending: Pending): void {
    const listening = this.#listening.get(signal) ?? this.#listen(signal);
    listening.appends.add(pending);
  }

  remove(signal: AbortSignal, pending: Pending): void {
    const listening = this.#listening.get(signal);
    if (listening === undefined) return;
    listening.appends.delete(pending);
    if (listening.appends.size > 0) return;
    listening.stop();
    this.#listening.delete(signal);
  }

  #listen(signal: AbortSignal): Listening {
    const appends = new Set<Pending>();
    const abort = () => this.#fired(appends);
    signal.addEventListener('abort', abort, { once: true });
    const listening = { appends, stop: () => signal.removeEventListener('abort', abort) };
    this.#listening.set(signal, listening);
    return listening;
  }
}
